-- Authorization requests that clients pushed (RFC 9126), and the keys that they are encrypted to.

create table pushed_request (
    key text not null primary key,
    version integer not null,
    expires_at integer,
    body blob not null
) strict;
create index pushed_request_expiry on pushed_request (expires_at) where expires_at is not null;

create table decryption_key (
    key text not null primary key,
    version integer not null,
    expires_at integer,
    body blob not null
) strict;
create index decryption_key_expiry on decryption_key (expires_at) where expires_at is not null;
