-- Secrets of the issuer that are no signing keys.

create table stored_secret (
    key text not null primary key,
    version integer not null,
    expires_at integer,
    body blob not null
) strict;
create index stored_secret_expiry on stored_secret (expires_at) where expires_at is not null;

-- Which grants were given in a session. Keys begin with the session's name, so that all of a session
-- are read as a range.

create table session_grant (
    key text not null primary key,
    version integer not null,
    expires_at integer,
    body blob not null
) strict;
create index session_grant_expiry on session_grant (expires_at) where expires_at is not null;
