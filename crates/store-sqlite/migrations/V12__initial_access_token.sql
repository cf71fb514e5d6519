-- Permissions to register clients (RFC 7591 §1.2).

create table initial_access_token (
    key text not null primary key,
    version integer not null,
    expires_at integer,
    body blob not null
) strict;
create index initial_access_token_expiry on initial_access_token (expires_at) where expires_at is not null;
