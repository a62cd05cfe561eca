-- +goose Up

-- Failed attempts by whom or where they came from, each as a keyed hash.
create table throttle (
    key      text   not null primary key,
    failures bigint not null,
    updated  bigint not null, -- the last failure
    expires  bigint not null, -- all are forgotten then
    leak     bigint not null  -- milliseconds in which one is forgotten
);
create index throttle_expires on throttle (expires);

-- Addresses from which a person has logged in, each pair as a keyed hash.
create table throttle_known (
    key  text   not null primary key,
    seen bigint not null
);
create index throttle_known_seen on throttle_known (seen);
