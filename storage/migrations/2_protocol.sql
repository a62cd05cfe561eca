-- +goose Up

-- What a client may do beyond asking for tokens, as JSON.
alter table clients add column policy text not null default '{}';

alter table sessions add column username text not null default '';
alter table sessions add column confirmed bigint not null default 0; -- when the plugin last vouched for the identity
update sessions set confirmed = created;
create index sessions_of_username on sessions (issuer, username, created);

-- Assertions that were used, until they expire.
create table assertions (
    issuer  text   not null,
    hash    text   not null,
    expires bigint not null,
    primary key (issuer, hash)
);
create index assertions_expires on assertions (expires);
