-- One table for each kind of record, named as the kind is.
--
-- Rowid tables with an index on the key, not `without rowid`: bodies are up to some KB, and rows of
-- that size in the inner pages of a b-tree would make it deep. Only records that expire stand in the
-- second index, which sweeping reads.

create table resource_server (
    key text not null primary key,
    version integer not null,
    expires_at integer,
    body blob not null
) strict;
create index resource_server_expiry on resource_server (expires_at) where expires_at is not null;

create table client (
    key text not null primary key,
    version integer not null,
    expires_at integer,
    body blob not null
) strict;
create index client_expiry on client (expires_at) where expires_at is not null;

create table user_account (
    key text not null primary key,
    version integer not null,
    expires_at integer,
    body blob not null
) strict;
create index user_account_expiry on user_account (expires_at) where expires_at is not null;

create table username (
    key text not null primary key,
    version integer not null,
    expires_at integer,
    body blob not null
) strict;
create index username_expiry on username (expires_at) where expires_at is not null;

create table name (
    key text not null primary key,
    version integer not null,
    expires_at integer,
    body blob not null
) strict;
create index name_expiry on name (expires_at) where expires_at is not null;

create table session (
    key text not null primary key,
    version integer not null,
    expires_at integer,
    body blob not null
) strict;
create index session_expiry on session (expires_at) where expires_at is not null;

create table interaction (
    key text not null primary key,
    version integer not null,
    expires_at integer,
    body blob not null
) strict;
create index interaction_expiry on interaction (expires_at) where expires_at is not null;

create table consent (
    key text not null primary key,
    version integer not null,
    expires_at integer,
    body blob not null
) strict;
create index consent_expiry on consent (expires_at) where expires_at is not null;

create table grant_record (
    key text not null primary key,
    version integer not null,
    expires_at integer,
    body blob not null
) strict;
create index grant_record_expiry on grant_record (expires_at) where expires_at is not null;

create table code (
    key text not null primary key,
    version integer not null,
    expires_at integer,
    body blob not null
) strict;
create index code_expiry on code (expires_at) where expires_at is not null;

create table refresh_token (
    key text not null primary key,
    version integer not null,
    expires_at integer,
    body blob not null
) strict;
create index refresh_token_expiry on refresh_token (expires_at) where expires_at is not null;

create table opaque_token (
    key text not null primary key,
    version integer not null,
    expires_at integer,
    body blob not null
) strict;
create index opaque_token_expiry on opaque_token (expires_at) where expires_at is not null;

create table revoked_token (
    key text not null primary key,
    version integer not null,
    expires_at integer,
    body blob not null
) strict;
create index revoked_token_expiry on revoked_token (expires_at) where expires_at is not null;

create table signing_key (
    key text not null primary key,
    version integer not null,
    expires_at integer,
    body blob not null
) strict;
create index signing_key_expiry on signing_key (expires_at) where expires_at is not null;
