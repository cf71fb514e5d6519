//! Makes hostile requests.

use std::sync::LazyLock;

use aws_lc_rs::{hmac, rand::SystemRandom, rsa, signature};
use bailiwick_guard::Trusted;
use bailiwick_jose::{DecryptionKey, Jwks, base64url};
use serde_json::{Value, json};

use crate::mint::*;

pub(super) fn signed(typ: &str, claims: &Value) -> String {
    WORLD.es256.sign_json(typ, claims).unwrap()
}

/// A token with one claim set; `null` removes it.
pub(super) fn claim(typ: &str, name: &str, value: Value) -> Attempt<'static> {
    Attempt::bearer(&signed(typ, &with(name, value)))
}

/// An ID token or event: never marked as an access token.
pub(super) fn plain(name: &str, value: Value) -> Attempt<'static> {
    claim("JWT", name, value)
}

pub(super) fn typed(typ: &str) -> Attempt<'static> {
    Attempt::bearer(&signed(typ, &claims()))
}

fn header_of(typ: &str) -> Value {
    let mut header = header();
    header["typ"] = typ.into();
    header
}

/// A token with one header member set; `null` removes it.
pub(super) fn member(typ: &str, name: &str, value: Value) -> Attempt<'static> {
    let mut header = header_of(typ);
    match value {
        Value::Null => _ = header.as_object_mut().unwrap().remove(name),
        value => header[name] = value,
    }
    Attempt::bearer(&headed(&header))
}

pub(super) fn header_text(header: &str) -> Attempt<'static> {
    Attempt::bearer(&raw(&WORLD.es256, header, &claims().to_string()))
}

/// A header with one member more, whose name it has already.
pub(super) fn again(typ: &str, name: &str) -> String {
    let header = header_of(typ).to_string();
    format!("{},\"{name}\":\"ES256\"}}", header.strip_suffix('}').unwrap())
}

pub(super) fn payload(typ: &str, text: &str) -> Attempt<'static> {
    Attempt::bearer(&raw(&WORLD.es256, &header_of(typ).to_string(), text))
}

/// The good claims but one, and this member.
pub(super) fn and(without: &str, member: &str) -> String {
    let claims = with(without, Value::Null).to_string();
    format!("{},{member}}}", claims.strip_suffix('}').unwrap())
}

pub(super) fn later() -> i64 {
    NOW + 60
}

pub(super) fn evil() -> Value {
    "https://evil.example/x".into()
}

pub(super) fn after_issuer(suffix: &str) -> Value {
    format!("{ISSUER}{suffix}").into()
}

fn input(header: &Value) -> String {
    let [header, claims] =
        [header.to_string(), claims().to_string()].map(|text| base64url::encode(text.as_bytes()));
    format!("{header}.{claims}")
}

pub(super) fn unsigned_text(typ: &str, alg: &str) -> String {
    let mut header = header_of(typ);
    header["alg"] = alg.into();
    format!("{}.", input(&header))
}

pub(super) fn unsigned(typ: &str, alg: &str) -> Attempt<'static> {
    Attempt::bearer(&unsigned_text(typ, alg))
}

pub(super) fn public() -> Vec<u8> {
    WORLD.rs256.verifying_key().to_jwk().to_string().into_bytes()
}

pub(super) fn modulus() -> Vec<u8> {
    base64url::decode(WORLD.rs256.verifying_key().to_jwk()["n"].as_str().unwrap()).unwrap()
}

pub(super) fn symmetric(typ: &str, secret: &[u8]) -> Attempt<'static> {
    let input = input(&json!({ "alg": "HS256", "typ": typ, "kid": WORLD.rs256.kid() }));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input.as_bytes());
    Attempt::bearer(&format!("{input}.{}", base64url::encode(tag.as_ref())))
}

pub(super) fn by_rsa(typ: &str, alg: &str) -> Attempt<'static> {
    let pair = rsa::KeyPair::from_pkcs8(&WORLD.rs256.to_pkcs8()).unwrap();
    let input = input(&json!({ "alg": alg, "typ": typ, "kid": WORLD.rs256.kid() }));
    let encoding: &dyn signature::RsaEncoding = match alg {
        "PS256" => &signature::RSA_PSS_SHA256,
        _ => &signature::RSA_PKCS1_SHA512,
    };
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), input.as_bytes(), &mut signature).unwrap();
    Attempt::bearer(&format!("{input}.{}", base64url::encode(&signature)))
}

/// The issuer's set with this one key, under the kid that tokens name.
fn set(mut jwk: Value, member: &str, value: Value) -> Jwks {
    jwk["kid"] = WORLD.es256.kid().into();
    jwk[member] = value;
    Jwks::from_json(&json!({ "keys": [jwk] })).unwrap()
}

pub(super) fn jwk() -> Value {
    WORLD.es256.verifying_key().to_jwk()
}

fn rsa_jwk() -> Value {
    WORLD.rs256.verifying_key().to_jwk()
}

pub(super) static SHORT_RSA: LazyLock<Jwks> =
    LazyLock::new(|| set(rsa_jwk(), "n", "s".repeat(170).into()));
pub(super) static FOR_ENCRYPTION: LazyLock<Jwks> =
    LazyLock::new(|| set(jwk(), "use", "enc".into()));
pub(super) static OTHER_TYPE: LazyLock<Jwks> = LazyLock::new(|| set(rsa_jwk(), "x", 1.into()));
pub(super) static SYMMETRIC: LazyLock<Jwks> =
    LazyLock::new(|| set(json!({ "kty": "oct" }), "k", "AA".into()));
pub(super) static OTHERS: LazyLock<Jwks> = LazyLock::new(|| set(jwk(), "issuer", evil()));
pub(super) static NONE: LazyLock<Jwks> = LazyLock::new(|| Jwks::from_keys(Vec::new()));

pub(super) fn with_keys(typ: &str, keys: &'static LazyLock<Jwks>) -> Attempt<'static> {
    let trust = &WORLD.trust;
    Attempt { issuers: vec![Trusted { trust, keys: Some(keys) }], ..claim(typ, "x", 1.into()) }
}

pub(super) fn signature(typ: &str, change: fn(&[u8]) -> Vec<u8>) -> Attempt<'static> {
    let token = signed(typ, &claims());
    let (input, signature) = token.rsplit_once('.').unwrap();
    let changed = change(&base64url::decode(signature).unwrap());
    Attempt::bearer(&format!("{input}.{}", base64url::encode(&changed)))
}

pub(super) fn zeroed(signature: &[u8], from: usize) -> Vec<u8> {
    let mut signature = signature.to_vec();
    signature[from..from + 32].fill(0);
    signature
}

pub(super) fn filled(signature: &[u8], from: usize) -> Vec<u8> {
    let mut signature = signature.to_vec();
    signature[from..from + 32].fill(0xff);
    signature
}

pub(super) fn der(signature: &[u8]) -> Vec<u8> {
    [&[0x30, 68, 2, 32], &signature[..32], &[2, 32], &signature[32..]].concat()
}

pub(super) fn padded(signature: &[u8]) -> Vec<u8> {
    [&[0], &signature[..32], &[0], &signature[32..]].concat()
}

pub(super) fn another_signature(typ: &str) -> Attempt<'static> {
    let (one, other) = (signed(typ, &with("sub", "mallory".into())), signed(typ, &claims()));
    let (input, _) = one.rsplit_once('.').unwrap();
    let (_, signature) = other.rsplit_once('.').unwrap();
    Attempt::bearer(&format!("{input}.{signature}"))
}

pub(super) fn forged(typ: &str) -> Attempt<'static> {
    let header = header_of(typ).to_string();
    Attempt::bearer(&raw(&WORLD.stranger, &header, &claims().to_string()))
}

pub(super) fn strange(typ: &str) -> Attempt<'static> {
    Attempt::bearer(&WORLD.stranger.sign_json(typ, &claims()).unwrap())
}

/// A stranger's token that says where its key is.
pub(super) fn embedded(typ: &str, name: &str, value: Value) -> Attempt<'static> {
    let mut header = header_of(typ);
    header[name] = if name == "jwk" { WORLD.stranger.verifying_key().to_bare_jwk() } else { value };
    Attempt::bearer(&raw(&WORLD.stranger, &header.to_string(), &claims().to_string()))
}

pub(super) fn edited(typ: &str, edit: fn(String) -> String) -> Attempt<'static> {
    Attempt::bearer(&edit(signed(typ, &claims())))
}

/// 64 octets leave four bits at the end, which must be zero.
pub(super) fn loose(mut token: String) -> String {
    let last = token.pop().unwrap();
    token.push(char::from(u8::try_from(last).unwrap() + 1));
    token
}

pub(super) fn authorization(value: &str) -> Attempt<'static> {
    Attempt::with_headers(&[("Authorization", value)])
}

pub(super) fn two_headers(typ: &str) -> Attempt<'static> {
    let value = format!("Bearer {}", signed(typ, &claims()));
    Attempt::with_headers(&[("Authorization", &value), ("Authorization", &value)])
}

pub(super) fn certified(typ: &str, certificate: Option<[u8; 32]>) -> Attempt<'static> {
    let cnf = json!({ "x5t#S256": base64url::encode(&[1; 32]) });
    Attempt { certificate, ..claim(typ, "cnf", cnf) }
}

pub(super) fn plainly_with_proof(typ: &str) -> Attempt<'static> {
    let token = signed(typ, &bound_claims());
    let proof = proof(&WORLD.sender, &proof_claims(&token));
    Attempt::with_headers(&[("Authorization", &format!("Bearer {token}")), ("DPoP", &proof)])
}

pub(super) fn unbound_as_dpop(typ: &str) -> Attempt<'static> {
    let token = signed(typ, &claims());
    Attempt::dpop(&token, &proof(&WORLD.sender, &proof_claims(&token)))
}

pub(super) fn proof_by(typ: &str, key: &bailiwick_jose::SigningKey) -> Attempt<'static> {
    let token = signed(typ, &bound_claims());
    Attempt::dpop(&token, &proof(key, &proof_claims(&token)))
}

pub(super) fn proof_with(typ: &str, name: &str, value: Value) -> Attempt<'static> {
    proven_for(&signed(typ, &bound_claims()), name, value)
}

pub(super) fn proof_headed(typ: &str, name: &str, value: Value) -> Attempt<'static> {
    proven_with_header_for(&signed(typ, &bound_claims()), name, value)
}

pub(super) fn private() -> Value {
    let mut jwk = WORLD.sender.verifying_key().to_bare_jwk();
    jwk["d"] = "AAAA".into();
    jwk
}

pub(super) fn two_proofs(typ: &str) -> Attempt<'static> {
    let token = signed(typ, &bound_claims());
    let proof = proof(&WORLD.sender, &proof_claims(&token));
    let authorization = format!("DPoP {token}");
    Attempt::with_headers(&[("Authorization", &authorization), ("DPoP", &proof), ("DPoP", &proof)])
}

/// A proof with a nonce, where the nonce `n1` was given to the key with this thumbprint.
pub(super) fn nonce(typ: &str, nonce: Value, thumbprint: &'static str) -> Attempt<'static> {
    let nonces = if thumbprint == WORLD.sender.kid() { &GIVEN } else { &GIVEN_TO_ANOTHER };
    Attempt { nonces: &**nonces, ..proof_with(typ, "nonce", nonce) }
}

static GIVEN: LazyLock<Given> = LazyLock::new(|| Given("n1", WORLD.sender.kid().to_owned()));
static GIVEN_TO_ANOTHER: LazyLock<Given> =
    LazyLock::new(|| Given("n1", WORLD.stranger.kid().to_owned()));

static DECRYPTION: LazyLock<Vec<DecryptionKey>> = LazyLock::new(|| vec![shared_key()]);

pub(super) fn encrypted(content: &str) -> Attempt<'static> {
    let token = sealed("x", 1.into(), content.as_bytes());
    Attempt { decryption: &DECRYPTION, ..Attempt::bearer(&token) }
}

/// A good token, encrypted with one header member set; `null` removes it.
pub(super) fn inside(typ: &str, name: &str, value: Value) -> Attempt<'static> {
    let token = sealed(name, value, signed(typ, &claims()).as_bytes());
    Attempt { decryption: &DECRYPTION, ..Attempt::bearer(&token) }
}

pub(super) fn pbes2(typ: &str) -> Attempt<'static> {
    let header = json!({
        "alg": "PBES2-HS512+A256KW", "enc": "A256GCM", "kid": "shared", "cty": "JWT",
        "p2s": "AAAAAAAAAAA", "p2c": i32::MAX,
    });
    let token = sealed_with(&SHARED, &header, signed(typ, &claims()).as_bytes());
    Attempt { decryption: &DECRYPTION, ..Attempt::bearer(&token) }
}

pub(super) fn shared_with_public(typ: &str) -> Attempt<'static> {
    let public = base64url::decode(jwk()["x"].as_str().unwrap()).unwrap().try_into().unwrap();
    let header = json!({ "alg": "dir", "enc": "A256GCM", "kid": WORLD.es256.kid(), "cty": "JWT" });
    let token = sealed_with(&public, &header, signed(typ, &claims()).as_bytes());
    Attempt { decryption: &DECRYPTION, ..Attempt::bearer(&token) }
}
