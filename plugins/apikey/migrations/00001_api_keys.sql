-- +goose Up
create table api_keys (
    id           text   not null primary key,
    hash         text   not null, -- SHA-256 of the key's text, hexadecimal
    imported     bigint not null, -- 1: a foreign key, found by its hash
    name         text   not null,
    subject      text   not null,
    username     text   not null,
    owner_name   text   not null,
    email        text   not null,
    organisation text   not null,
    default_unit text   not null,
    units        text   not null, -- JSON list
    groups       text   not null, -- JSON list
    roles        text   not null, -- JSON list
    claims       text   not null, -- JSON object
    scopes       text   not null, -- JSON list, null for no bound
    audience     text   not null, -- JSON list, null for no bound
    sources      text   not null, -- JSON list of CIDRs, null for everywhere
    created      bigint not null, -- unix milliseconds, as are all times; 0 for never
    expires      bigint not null,
    revoked      bigint not null,
    last_used    bigint not null,
    successor    text   not null  -- id of the key that replaces this one
);
create unique index api_keys_imported on api_keys (hash) where imported = 1;
create index api_keys_subject on api_keys (subject);

-- +goose Down
drop table api_keys;
