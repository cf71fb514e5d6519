-- Revocations that APIs are still to be told of.
create table notice (
    key text not null primary key,
    version integer not null,
    expires_at integer,
    body blob not null
) strict;
create index notice_expiry on notice (expires_at) where expires_at is not null;

-- Which grants a user has given.
create table holding (
    key text not null primary key,
    version integer not null,
    expires_at integer,
    body blob not null
) strict;
create index holding_expiry on holding (expires_at) where expires_at is not null;
