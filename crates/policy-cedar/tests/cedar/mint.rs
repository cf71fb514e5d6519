//! An issuer that signs what it is told to, and the helper that judges the result.

use std::sync::{Arc, LazyLock};

use bailiwick_guard::{
    Admission, Audience, Binding, Facts, Implied, Keys, Moment, Presented, Profile, Reason,
    Refusal, Request, Rule, Sender, Stop, Trust, Trusted, Want, verdict,
};
use bailiwick_jose::{Algorithm, Jwks, SigningKey};
use bailiwick_oauth::{Issuer, Resource};
use bailiwick_policy_cedar::{CedarPolicy, Schema};
use http::Method;
use serde_json::{Value, json};

pub(crate) const NOW: i64 = 1_700_000_000;
pub(crate) const ISSUER: &str = "https://id.example.com";
pub(crate) const RESOURCE: &str = "https://api.example.com/orders";

static KEY: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::Es256).unwrap());

/// A token that passes, with these claims set on top.
pub(crate) fn token(further: &Value) -> String {
    let mut claims = json!({
        "iss": ISSUER, "sub": "alice", "aud": RESOURCE, "client_id": "shop",
        "scope": "read:orders write:orders", "jti": "1", "iat": NOW - 60, "exp": NOW + 60,
    });
    for (name, value) in further.as_object().unwrap() {
        claims[name] = value.clone();
    }
    KEY.sign_json("at+jwt", &claims).unwrap()
}

/// A request with a token that has these claims.
pub(crate) struct Asked {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) claims: Value,
}

/// `GET /orders` with nothing special.
pub(crate) fn plain() -> Asked {
    Asked { method: "GET", path: "/orders", claims: json!({}) }
}

/// `GET /orders` with a token that has these claims.
pub(crate) fn claiming(claims: Value) -> Asked {
    Asked { claims, ..plain() }
}

/// A schema that declares `Claims`.
pub(crate) fn with_claims(claims: &str) -> Schema {
    Schema::extended_by(&format!("namespace Bailiwick {{ type Claims = {{ {claims} }}; }}"))
        .unwrap()
}

/// Loads policies against the built-in schema.
pub(crate) fn policy(policies: &str) -> CedarPolicy {
    CedarPolicy::load(policies, &Schema::built_in()).unwrap()
}

/// Runs all the stages; `passed`, or what the operator reads.
#[track_caller]
pub(crate) fn judge(policy: &CedarPolicy, asked: &Asked) -> String {
    match run(policy, asked) {
        Ok(()) => "passed".to_owned(),
        Err(refusal) => {
            assert_eq!(refusal.reason(), Reason::PolicyDenied);
            assert_eq!(refusal.description(), "a policy does not permit this");
            refusal.note().unwrap().to_owned()
        }
    }
}

fn run(policy: &CedarPolicy, asked: &Asked) -> Result<(), Refusal> {
    let profile =
        Profile { roles: vec![bailiwick_guard::ClaimPath::parse("roles")], ..Profile::rfc9068() };
    let trust = Trust { profile, ..Trust::new(Issuer::parse(ISSUER).unwrap()) };
    let keys = Jwks::from_keys(vec![KEY.verifying_key().clone()]);
    let issuers = [Trusted { trust: &trust, keys: Some(&keys) }];
    let method = Method::from_bytes(asked.method.as_bytes()).unwrap();
    let facts = Facts {
        moment: Moment::at(NOW),
        sender: Sender::BEARER,
        request: Request { method: &method, path: asked.path },
    };
    let want = Want {
        audience: &Audience::new(Resource::parse(RESOURCE).unwrap()),
        binding: Binding::AsTheTokenSays,
        implied: &Implied::default(),
        rule: &Rule { policies: vec![Arc::new(policy.clone())], ..Rule::ANY_TOKEN },
    };
    let token = token(&asked.claims);
    let presented = Presented::from_token(&token).unwrap();
    match verdict(&presented, &Keys { issuers: &issuers, decryption: &[] }, &facts, &want) {
        Ok(Admission::Now(_)) => Ok(()),
        Err(Stop::Refused(refusal)) => Err(refusal),
        other => panic!("{other:?}"),
    }
}
