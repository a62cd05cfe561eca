-- +goose Up
create table user_logins (
    login_key        text not null, -- a user name or an e-mail address, as it is compared
    organisation_key text not null,
    user_id          text not null references users (id) on delete cascade,
    primary key (login_key, organisation_key)
);
create index user_logins_of_user on user_logins (user_id);

insert into user_logins (login_key, organisation_key, user_id) select username_key, organisation_key, id from users;

-- An address that two have, or that is somebody's user name, is nobody's way in.
insert into user_logins (login_key, organisation_key, user_id)
    select lower(email), organisation_key, min(id) from users
    where email <> ''
    group by lower(email), organisation_key having count(*) = 1
    on conflict do nothing;

-- +goose Down
drop table user_logins;
