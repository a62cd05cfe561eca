-- +goose Up

alter table keys add column told text not null default '';
alter table events add column kid text not null default '';
