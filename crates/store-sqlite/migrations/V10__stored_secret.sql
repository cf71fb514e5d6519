-- Secrets of the issuer that are no signing keys.

create table stored_secret (
    key text not null primary key,
    version integer not null,
    expires_at integer,
    body blob not null
) strict;
create index stored_secret_expiry on stored_secret (expires_at) where expires_at is not null;
