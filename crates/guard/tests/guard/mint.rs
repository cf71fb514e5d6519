//! An issuer that signs whatever it is told to, and the one helper that judges the result.

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use bailiwick_guard::{
    Admission, Audience, Binding, Facts, Implied, Keys, Moment, Permit, Presented, Profile,
    Refusal, Request, Rule, ScopeRule, Sender, Stop, Trust, Trusted, Want,
};
use bailiwick_jose::{Algorithm, Jwks, SigningKey, base64url};
use bailiwick_oauth::{Issuer, Resource, Scopes};
use http::Method;
use serde_json::{Value, json};

pub(crate) const NOW: i64 = 1_700_000_000;
pub(crate) const ISSUER: &str = "https://id.example.com";
pub(crate) const RESOURCE: &str = "https://api.example.com/orders";

pub(crate) struct World {
    pub(crate) es256: SigningKey,
    pub(crate) rs256: SigningKey,
    pub(crate) stranger: SigningKey,
    pub(crate) keys: Jwks,
    pub(crate) trust: Trust,
    pub(crate) audience: Audience,
    pub(crate) rule: Rule,
    pub(crate) implied: Implied,
}

pub(crate) static WORLD: LazyLock<World> = LazyLock::new(|| {
    let es256 = SigningKey::generate(Algorithm::Es256).unwrap();
    let rs256 = SigningKey::generate(Algorithm::Rs256).unwrap();
    let keys = [&es256, &rs256].map(|key| key.verifying_key().clone());
    World {
        keys: Jwks::from_keys(keys.to_vec()),
        stranger: SigningKey::generate(Algorithm::Es256).unwrap(),
        trust: Trust::new(Issuer::parse(ISSUER).unwrap()),
        audience: Audience {
            also: vec!["orders".to_owned()],
            ..Audience::new(Resource::parse(RESOURCE).unwrap())
        },
        rule: ScopeRule::AllOf(Scopes::parse("read:orders").unwrap()).into(),
        implied: Implied::default(),
        es256,
        rs256,
    }
});

/// The claims of a token that passes.
pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "alice", "aud": RESOURCE, "client_id": "shop",
        "scope": "read:orders", "jti": "1", "iat": NOW - 60, "exp": NOW + 60,
    })
}

/// Those claims, with one of them set; `null` removes it.
pub(crate) fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    match value {
        Value::Null => _ = claims.as_object_mut().unwrap().remove(name),
        value => claims[name] = value,
    }
    claims
}

/// The header of a token that passes.
pub(crate) fn header() -> Value {
    json!({ "alg": "ES256", "typ": "at+jwt", "kid": WORLD.es256.kid() })
}

/// A token that is signed properly, whatever it claims.
pub(crate) fn token(claims: &Value) -> String {
    WORLD.es256.sign_json("at+jwt", claims).unwrap()
}

/// A token with this text for a header, signed with `key` over exactly that.
pub(crate) fn raw(key: &SigningKey, header: &str, payload: &str) -> String {
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key.to_pkcs8()).unwrap();
    let input = format!(
        "{}.{}",
        base64url::encode(header.as_bytes()),
        base64url::encode(payload.as_bytes())
    );
    let signature = pair.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
    format!("{input}.{}", base64url::encode(signature.as_ref()))
}

/// A token with this header, signed properly.
pub(crate) fn headed(header: &Value) -> String {
    raw(&WORLD.es256, &header.to_string(), &claims().to_string())
}

/// Trust in the issuer with another profile.
pub(crate) fn trust(profile: Profile) -> Trust {
    Trust { profile, ..WORLD.trust.clone() }
}

/// Judges a token at [`NOW`]; see [`judge`].
#[track_caller]
pub(crate) fn verdict(token: &str, expected: &str) {
    judge(token, &WORLD.trust, Some(&WORLD.keys), expected);
}

/// Judges a token: `expected` is `passed`, `missing`, or the code of a reason.
#[track_caller]
pub(crate) fn judge(token: &str, trust: &Trust, keys: Option<&Jwks>, expected: &str) {
    let found = stop(token, trust, keys);
    let found = match &found {
        Ok(()) => "passed",
        Err(Stop::Missing(_)) => "missing",
        Err(Stop::Refused(refusal)) => refusal.reason().as_str(),
    };
    assert_eq!(found, expected, "{token}");
}

/// The refusal of a token.
#[track_caller]
pub(crate) fn refusal(token: &str) -> Refusal {
    match stop(token, &WORLD.trust, Some(&WORLD.keys)) {
        Err(Stop::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

fn stop(token: &str, trust: &Trust, keys: Option<&Jwks>) -> Result<(), Stop> {
    run(&Presented::from_token(token)?, &[Trusted { trust, keys }]).map(drop)
}

/// Runs all the stages.
pub(crate) fn run(presented: &Presented, issuers: &[Trusted<'_>]) -> Result<Permit, Stop> {
    let keys = Keys { issuers, decryption: &[] };
    match bailiwick_guard::verdict(presented, &keys, &facts(), &want())? {
        Admission::Now(permit) => Ok(permit),
        Admission::Once(once) => Ok(once.is_first()),
    }
}

pub(crate) fn facts() -> Facts<'static> {
    Facts { moment: Moment::at(NOW), sender: Sender::BEARER, request: request() }
}

pub(crate) fn request() -> Request<'static> {
    Request { method: &Method::GET, path: "/orders" }
}

pub(crate) fn want() -> Want<'static> {
    let World { audience, implied, rule, .. } = &*WORLD;
    Want { audience, binding: Binding::AsTheTokenSays, implied, rule }
}
