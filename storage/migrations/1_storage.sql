-- +goose Up

-- Times are Unix milliseconds, 0 for none; lists and identities are JSON.

create table clients (
    issuer                text   not null,
    id                    text   not null,
    name                  text   not null,
    secrets               text   not null,
    grants                text   not null,
    scopes                text   not null,
    audience              text   not null,
    access_token_lifetime bigint not null, -- milliseconds
    claims                text   not null,
    created               bigint not null,
    updated               bigint not null,
    disabled              bigint not null,
    primary key (issuer, id)
);

create table sessions (
    issuer     text   not null,
    id         text   not null,
    client_id  text   not null,
    subject    text   not null,
    plugin     text   not null,
    identity   text   not null,
    scopes     text   not null,
    audience   text   not null,
    created    bigint not null,
    expires    bigint not null,
    ended      bigint not null,
    end_reason text   not null,
    primary key (issuer, id)
);
create index sessions_of_subject on sessions (issuer, subject, created);
create index sessions_of_client on sessions (issuer, client_id, created);
create index sessions_expires on sessions (expires);

create table refresh_tokens (
    hash       text   not null primary key,
    issuer     text   not null,
    session_id text   not null,
    created    bigint not null,
    expires    bigint not null,
    used       bigint not null,
    successor  text   not null,
    foreign key (issuer, session_id) references sessions (issuer, id) on delete cascade
);
create index refresh_tokens_of_session on refresh_tokens (issuer, session_id);
create unique index refresh_tokens_live on refresh_tokens (issuer, session_id) where used = 0;
create index refresh_tokens_expires on refresh_tokens (expires);

create table revocations (
    issuer  text   not null,
    kind    text   not null,
    value   text   not null,
    expires bigint not null,
    primary key (issuer, kind, value)
);
create index revocations_expires on revocations (expires);

create table key_sets (
    issuer  text   not null primary key,
    version bigint not null
);

create table keys (
    issuer    text   not null references key_sets (issuer),
    kid       text   not null,
    algorithm text   not null,
    public    text   not null, -- '' for a secret
    sealed    text   not null, -- base64
    created   bigint not null,
    announced bigint not null,
    active    bigint not null,
    retired   bigint not null,
    gone      bigint not null,
    primary key (issuer, kid)
);

create table meta (
    name  text not null primary key,
    value text not null
);

create table changes (
    topic   text   not null primary key,
    version bigint not null
);
insert into changes (topic, version) values ('clients', 0), ('keys', 0), ('revocations', 0);
