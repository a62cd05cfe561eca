-- +goose Up
create table users (
    id               text   not null primary key,
    username         text   not null,
    username_key     text   not null, -- as it is compared
    organisation     text   not null,
    organisation_key text   not null,
    name             text   not null,
    email            text   not null,
    email_verified   bigint not null,
    groups           text   not null, -- JSON list
    roles            text   not null, -- JSON list
    units            text   not null, -- JSON list
    default_unit     text   not null,
    user_type        text   not null,
    time_zone        text   not null,
    date_format      text   not null,
    claims           text   not null, -- JSON object
    password         text   not null,
    locked           bigint not null,
    disabled         bigint not null,
    must_change      bigint not null,
    expires          bigint not null, -- unix milliseconds, 0 for never
    created          bigint not null,
    updated          bigint not null,
    unique (username_key, organisation_key)
);

-- +goose Down
drop table users;
