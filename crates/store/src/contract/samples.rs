//! Records to try a store with.

use bailiwick_grant::state::{
    Code, GrantId, GrantRecord, GrantedLogin, Name, NameOwner, RefreshToken, RevokedToken,
    Rotation, Session, Standing, Status, Username,
};
use bailiwick_oauth::secret::Digest;
use bailiwick_oauth::{ClientId, Grant, Subject};
use serde_json::{from_value, json};

pub fn digest(text: &str) -> Digest {
    Digest::from_stored(text)
}

pub fn client() -> ClientId {
    ClientId::parse("app").unwrap()
}

pub fn subject(text: &str) -> Subject {
    Subject::parse(text).unwrap()
}

pub fn grant_id(text: &str) -> GrantId {
    from_value(json!(text)).unwrap()
}

/// A code that can be redeemed.
pub fn code(key: &str) -> Code {
    Code {
        digest: digest(key),
        client: client(),
        grant: grant_id("grant"),
        redirect_uri: Some("https://app.example/back".to_owned()),
        challenge: None,
        nonce: None,
        dpop_jkt: None,
        standing: Standing::Live { refusals: 0 },
        issued_at: 1_000,
        expires_at: 1_060,
    }
}

/// A grant of the first generation.
pub fn grant(key: &str) -> GrantRecord {
    GrantRecord {
        listed_until: 0,
        id: grant_id(key),
        client: client(),
        subject: subject("ada"),
        grant: Grant::default(),
        auth_time: 900,
        openid: GrantedLogin::default(),
        status: Status::Live,
        rotation: Rotation::default(),
        given_at: 1_000,
        expires_at: 9_000,
    }
}

pub fn refresh_token(key: &str, generation: u64) -> RefreshToken {
    RefreshToken {
        digest: digest(key),
        client: client(),
        grant: grant_id("grant"),
        generation,
        cnf: None,
        expires_at: 9_000,
    }
}

pub fn revoked(jti: &str, expires_at: i64) -> RevokedToken {
    RevokedToken { jti: jti.to_owned(), expires_at }
}

pub fn session(key: &str, expires_at: i64) -> Session {
    let (sid, acr, amr) = (Some("sid".to_owned()), None, Vec::new());
    Session {
        digest: digest(key),
        subject: subject("ada"),
        auth_time: 900,
        sid,
        acr,
        amr,
        expires_at,
    }
}

pub fn username(key: &str) -> Username {
    Username { username: key.to_owned(), subject: subject("ada") }
}

/// A name that holds `count`, so that two writes of it differ.
pub fn name(key: &str, count: u64) -> Name {
    let owner = NameOwner::Client(ClientId::parse(&count.to_string()).unwrap());
    Name { name: key.to_owned(), owner }
}

/// What [`name`] was given.
pub fn count(name: &Name) -> u64 {
    match &name.owner {
        NameOwner::Client(id) => id.as_str().parse().unwrap(),
        other => panic!("{other:?} is not of a sample"),
    }
}
