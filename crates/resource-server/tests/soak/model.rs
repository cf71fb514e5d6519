//! What must come of each request: a second opinion that knows how each token was made.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use bailiwick_jose::{Algorithm, SigningKey, base64url};
use serde_json::{Value, json};

use crate::world::{API, Id, NOW};

/// How long answers about opaque tokens are kept in this test.
pub(crate) const KEEP: Duration = Duration::from_millis(500);

/// How long lookups may go on failing after an outage.
const REST: Duration = Duration::from_millis(1100);

/// Statuses, each of which is right.
pub(crate) type Right = &'static [u16];

/// The state of the world during an era; it changes between eras only.
#[derive(Clone)]
pub(crate) struct Model {
    pub(crate) time: i64,
    /// The generation of keys that the API knows.
    pub(crate) known: usize,
    /// The one that the issuer publishes: in an outage a newer one, perhaps.
    pub(crate) published: usize,
    pub(crate) is_down: bool,
    /// When the last outage ended.
    pub(crate) rose: Option<Instant>,
    /// By `jti`.
    pub(crate) revoked: HashSet<String>,
    /// Opaque tokens, with the time of their revocation.
    pub(crate) opaque: HashMap<String, Option<Instant>>,
}

/// A JWT and how it was made.
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) subject: String,
    pub(crate) jti: String,
    pub(crate) generation: usize,
    pub(crate) exp: i64,
    pub(crate) writes: bool,
    pub(crate) fault: Fault,
}

/// What is wrong with a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Something that shows before its key is looked for.
    BeforeKey,
    /// Something that shows when its key is known.
    AfterKey,
    /// Its key was never published.
    Junk,
}

impl Model {
    pub(crate) fn new() -> Self {
        Self {
            time: NOW,
            known: 0,
            published: 0,
            is_down: false,
            rose: None,
            revoked: HashSet::new(),
            opaque: HashMap::new(),
        }
    }

    /// What must come of a JWT, at a route that wants to write or at one that does not.
    pub(crate) fn jwt(&self, token: &Token, to_write: bool) -> Right {
        if token.fault == Fault::BeforeKey {
            return &[401];
        }
        if token.fault == Fault::Junk || token.generation < self.known {
            // In an outage the issuer may have said before that there is no such key.
            return if self.is_down { &[401, 503] } else { &[401] };
        }
        if token.generation > self.known {
            return &[503]; // nobody can say that this key does not exist
        }
        let is_over = self.time - 10 >= token.exp;
        if token.fault == Fault::AfterKey || is_over || self.revoked.contains(&token.jti) {
            return &[401];
        }
        if to_write && !token.writes { &[403] } else { &[200] }
    }

    /// What must come of a token with a key that nobody ever asked for.
    pub(crate) fn fresh_junk(&self) -> Right {
        if self.is_down { &[503] } else { &[401] }
    }

    /// What must come of an opaque token that is sent now.
    pub(crate) fn opaque(&self, token: &str) -> Right {
        let may_fail = self.is_down || self.rose.is_some_and(|rose| rose.elapsed() < REST);
        match self.opaque.get(token) {
            Some(None) if may_fail => &[200, 503],
            Some(None) => &[200],
            Some(Some(at)) if at.elapsed() < KEEP => &[200, 401, 503],
            Some(Some(_)) | None if may_fail => &[401, 503],
            Some(Some(_)) | None => &[401],
        }
    }
}

/// The good tokens of a generation: of many users, with and without the right to write.
pub(crate) fn good(id: &Id, model: &Model, most: usize) -> Vec<Token> {
    let token = |number: usize| {
        let (subject, jti) = (format!("user-{number}"), format!("{}-{number}", model.published));
        let exp = model.time + 60 * i64::try_from(2 + number % 8).unwrap();
        let writes = number.is_multiple_of(2);
        let scope = if writes { "read:orders write:orders" } else { "read:orders" };
        let claims = json!({ "sub": subject, "jti": jti, "exp": exp, "scope": scope });
        let text = id.token(claims);
        let (generation, fault) = (model.published, Fault::None);
        Token { text, subject, jti, generation, exp, writes, fault }
    };
    (0..most).map(token).collect()
}

/// Tokens of a generation whose status stands in a list, where every other one is revoked.
pub(crate) fn listed(id: &Id, model: &Model) -> Vec<Token> {
    let token = |idx: u64| {
        let status = json!({ "status_list": { "idx": idx, "uri": id.list_uri("soak") } });
        let fault = if idx.is_multiple_of(2) { Fault::None } else { Fault::AfterKey };
        made(model, id.token(json!({ "status": status, "exp": NOW + 1_000_000 })), fault)
    };
    (0..4).map(token).collect()
}

/// Tokens that must never pass.
pub(crate) fn hostile(id: &Id, model: &Model) -> Vec<Token> {
    let key = id.key();
    let late = |mut changes: Value| {
        changes.as_object_mut().unwrap().entry("exp").or_insert((NOW + 1_000_000).into());
        id.claims(changes)
    };
    let signed = |changes: Value| key.sign_json("at+jwt", &late(changes)).unwrap();
    let good = signed(json!({}));
    let parts: Vec<&str> = good.split('.').collect();
    let headed = |header: Value| {
        let header = base64url::encode(header.to_string().as_bytes());
        format!("{header}.{}.{}", parts[1], parts[2])
    };
    let header = |name: &str, value: Value| {
        let mut header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": key.kid() });
        header[name] = value;
        headed(header)
    };
    let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
    let twice = late(json!({})).to_string().replacen('{', "{\"aud\":\"x\",", 1);
    let before_key = [
        header("alg", "none".into()),
        header("alg", "nOnE".into()),
        header("alg", "HS256".into()),
        header("typ", "JWT".into()),
        header("typ", "logout+jwt".into()),
        header("crit", json!(["exp"])),
        header("crit", json!([])),
        format!("{good}="),
        format!("{good}.x.y"),
        key.sign_json("JWT", &late(json!({ "nonce": "n" }))).unwrap(),
        key.sign_json("dpop+jwt", &late(json!({}))).unwrap(),
        key.sign("at+jwt", twice.as_bytes()).unwrap(),
        signed(json!({ "iss": "https://other.example" })),
        signed(json!({ "iss": format!("{}/", id.url) })),
        signed(json!({ "iss": [id.url] })),
    ];
    let after_key = [
        header("alg", "RS256".into()),
        format!("{}.{}.", parts[0], parts[1]),
        header("jwk", stranger.verifying_key().to_jwk()),
        format!("{}.{}.{}", parts[0], parts[1], "A".repeat(86)),
        format!(
            "{}.{}.{}",
            parts[0],
            good_of(&stranger, &late(json!({ "sub": "root" }))),
            parts[2]
        ),
        signed(json!({ "aud": "https://api.example.com" })),
        signed(json!({ "aud": [format!("{API}/1"), "orders"] })),
        signed(json!({ "aud": null })),
        signed(json!({ "exp": NOW - 60 })),
        signed(json!({ "exp": "2000000000" })),
        signed(json!({ "exp": null })),
        signed(json!({ "nbf": NOW + 1_000_000 })),
        signed(json!({ "cnf": { "jkt": stranger.kid() } })),
        signed(json!({ "scope": ["write:orders"] })),
        signed(json!({ "client_id": 7 })),
    ];
    let junk = [
        stranger.sign_json("at+jwt", &late(json!({}))).unwrap(),
        header("kid", "../../dev/null".into()),
    ];
    let all = |texts: Vec<String>, fault| texts.into_iter().map(move |text| (text, fault));
    all(before_key.to_vec(), Fault::BeforeKey)
        .chain(all(after_key.to_vec(), Fault::AfterKey))
        .chain(all(junk.to_vec(), Fault::Junk))
        .enumerate()
        .map(|(number, (text, fault))| Token {
            jti: format!("hostile-{number}"),
            ..made(model, text, fault)
        })
        .collect()
}

fn good_of(key: &SigningKey, claims: &Value) -> String {
    let token = key.sign_json("at+jwt", claims).unwrap();
    token.split('.').nth(1).unwrap().to_owned()
}

/// A token that does not expire during the test.
pub(crate) fn made(model: &Model, text: String, fault: Fault) -> Token {
    Token {
        text,
        subject: "alice".to_owned(),
        jti: String::new(),
        generation: model.published,
        exp: NOW + 1_000_000,
        writes: false,
        fault,
    }
}
