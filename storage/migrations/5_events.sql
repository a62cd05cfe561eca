-- +goose Up

create table events (
    time       bigint not null,
    request_id text   not null,
    trace_id   text   not null,
    issuer     text   not null,
    route      text   not null,
    outcome    text   not null,
    reason     text   not null,
    client     text   not null,
    grant_type text   not null,
    plugin     text   not null,
    subject    text   not null,
    username   text   not null,
    session    text   not null,
    token_id   text   not null,
    remote     text   not null,
    user_agent text   not null,
    status     bigint not null,
    duration   bigint not null, -- microseconds
    error      text   not null,
    primary key (time, request_id)
);
create index events_of_username on events (username, time);
create index events_of_subject on events (subject, time);
create index events_of_client on events (client, time);
