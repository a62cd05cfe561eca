-- +goose Up

alter table keys add column revoked bigint not null default 0;
