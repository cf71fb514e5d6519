-- Requests that their clients poll for (RFC 8628): the request, the code by which its user finds it,
-- and the answer.

create table pending (
    key text not null primary key,
    version integer not null,
    expires_at integer,
    body blob not null
) strict;
create index pending_expiry on pending (expires_at) where expires_at is not null;

create table user_code (
    key text not null primary key,
    version integer not null,
    expires_at integer,
    body blob not null
) strict;
create index user_code_expiry on user_code (expires_at) where expires_at is not null;

create table poll_answer (
    key text not null primary key,
    version integer not null,
    expires_at integer,
    body blob not null
) strict;
create index poll_answer_expiry on poll_answer (expires_at) where expires_at is not null;
