//! Whether a request object is to be believed (RFC 9101 §6, §10).

use bailiwick_jose::{Jwks, Jws};
use bailiwick_oauth::request_object::{self, RequestObject};
use bailiwick_oauth::{ErrorCode, Form};

use super::client_auth::Spent;
use super::fapi;
use crate::state::Client;
use crate::{Reason, Refused, Tenant};

/// The greatest age of a request object, and the longest that one may be valid for, in seconds.
const LONGEST: i64 = 3600;

/// How far the clocks of client and server may be apart, in seconds.
const SKEW: i64 = 10;

/// The longest `jti`, in octets.
const LONGEST_JTI: usize = 256;

/// A request that its client signed.
#[derive(Debug)]
#[must_use = "a request object with a jti must be spent"]
pub struct Signed {
    /// Its parameters; nothing outside of the object counts.
    pub form: Form,
    /// What must be used for the first time, where the client named it.
    pub once: Option<Spent>,
}

/// Verifies a request object with the client's own keys.
///
/// # Errors
/// `invalid_request_object`, with what the client should change.
pub fn verify(
    tenant: &Tenant,
    client: &Client,
    keys: Option<&Jwks>,
    object: &str,
    now: i64,
) -> Result<Signed, Refused> {
    let keys = keys.ok_or_else(|| refused("this client has no keys; register jwks or jwks_uri"))?;
    let jws = Jws::parse(object).map_err(|why| refused(format!("no signed JWT: {why}")))?;
    let header = jws.header();
    // No other kind of JWT may pass as a request (RFC 9101 §10.8, RFC 8725 §3.11).
    if header.typ.is_some() && !header.is_type(request_object::TYPE) && !header.is_type("jwt") {
        return Err(refused(format!("its typ must be {}", request_object::TYPE)));
    }
    // RFC 9101 §10.2: `none` is no algorithm here.
    let algorithm = jws.algorithm().map_err(|_| refused("its alg is none of those supported"))?;
    if client.requests.signing_alg.is_some_and(|only| only != algorithm) {
        return Err(refused("its alg is not the registered request_object_signing_alg"));
    }
    if !fapi::takes(tenant, client, algorithm) {
        return Err(refused("its alg must be PS256, ES256 or EdDSA (FAPI 2.0)"));
    }
    let key = keys
        .find(header.kid.as_deref(), algorithm)
        .map_err(|why| refused(format!("no key of this client fits: {why}")))?;
    let verified = jws.verify(key).map_err(|_| refused("its signature does not verify"))?;
    let object = RequestObject::read(&verified.payload).map_err(|why| refused(why.to_string()))?;
    let id = client.id.as_str();
    if object.iss.as_deref() != Some(id) {
        return Err(refused("its iss must be the client_id"));
    }
    if !object.is_of(&client.id) {
        return Err(refused("its client_id must be there, and that of the request around it"));
    }
    if !object.aud.iter().any(|aud| aud == tenant.issuer.as_str()) {
        return Err(refused(format!("its aud must be '{}'", tenant.issuer)));
    }
    // An assertion by which the client authenticates must not pass as a request (RFC 9101 §10.8).
    if object.sub.as_deref() == Some(id) {
        return Err(refused("its sub must not be the client_id; leave it out"));
    }
    let until = current(&object, now)?;
    let once = match object.jti {
        None => None,
        Some(jti) if jti.is_empty() || jti.len() > LONGEST_JTI => {
            return Err(refused("its jti is empty or too long"));
        }
        // No identifier of a client holds a line break: no assertion has this key.
        Some(jti) => Some(Spent { key: format!("request\n{id} {jti}"), until }),
    };
    Ok(Signed { form: object.form, once })
}

/// Until when the object is valid, if it is now.
fn current(object: &RequestObject, now: i64) -> Result<i64, Refused> {
    let RequestObject { exp, iat, nbf, .. } = *object;
    let began = |at: i64| at <= now + SKEW && now < at + LONGEST + SKEW;
    if exp.is_some_and(|exp| now >= exp + SKEW) {
        return Err(refused("it has expired; sign a new one"));
    }
    if exp.is_some_and(|exp| exp > now + LONGEST + SKEW) {
        return Err(refused(format!("its exp is more than {LONGEST} seconds ahead")));
    }
    if !iat.is_none_or(began) || !nbf.is_none_or(began) {
        let text = format!("its iat and nbf must lie within the last {LONGEST} seconds");
        return Err(refused(text));
    }
    let by_age = iat.map(|iat| iat + LONGEST);
    let until = [exp, by_age].into_iter().flatten().min();
    until.map(|until| until + SKEW).ok_or_else(|| refused("it needs exp, or at least iat"))
}

fn refused(text: impl AsRef<str>) -> Refused {
    let text = format!("the request object is refused: {}", text.as_ref());
    Refused::new(ErrorCode::InvalidRequestObject, Reason::RequestObject, text)
}

#[cfg(test)]
mod tests {
    use bailiwick_jose::{Algorithm, SigningKey, base64url};
    use serde_json::{Value, json};

    use super::*;
    use crate::fixture::{NOW, client, tenant};

    const ISSUER: &str = "https://id.example.com";

    fn claims() -> Value {
        json!({
            "iss": "shop", "aud": ISSUER, "exp": NOW + 60, "iat": NOW, "nbf": NOW, "jti": "j",
            "client_id": "shop", "response_type": "code", "scope": "read",
        })
    }

    fn keys(key: &SigningKey) -> Jwks {
        Jwks::from_keys(vec![key.verifying_key().clone()])
    }

    fn verdict(client: &Client, key: &SigningKey, object: &str) -> Result<Signed, String> {
        verify(&tenant(), client, Some(&keys(key)), object, NOW).map_err(|refused| {
            assert_eq!(refused.error, ErrorCode::InvalidRequestObject);
            refused.description
        })
    }

    //= https://www.rfc-editor.org/rfc/rfc9101#section-6.3
    //= type=test
    //# The client ID values in the client_id request parameter and in the
    //# Request Object client_id claim MUST be identical.
    #[test]
    fn a_request_object_is_the_clients_own_for_the_issuer_and_young() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let cases = [
            ("iss", json!("shop"), true),
            ("iss", json!("other"), false),
            ("iss", Value::Null, false),
            ("aud", json!([ISSUER, "https://other.example"]), true),
            ("aud", json!("https://id.example.com/"), false),
            ("aud", json!("https://id.example.com/par"), false),
            ("aud", Value::Null, false),
            ("client_id", json!("other"), false),
            ("client_id", Value::Null, false),
            ("sub", json!("shop"), false),
            ("sub", json!("somebody"), true),
            ("exp", json!(NOW - 9), true),
            ("exp", json!(NOW - 10), false),
            ("exp", json!(NOW + 3610), true),
            ("exp", json!(NOW + 3611), false),
            ("exp", json!("soon"), false),
            ("exp", Value::Null, true),
            ("iat", json!(NOW + 10), true),
            ("iat", json!(NOW + 11), false),
            ("iat", json!(NOW - 3609), true),
            ("iat", json!(NOW - 3610), false),
            ("nbf", json!(NOW + 11), false),
            ("nbf", json!(NOW - 3610), false),
            ("nbf", Value::Null, true),
            ("jti", json!(""), false),
            ("jti", json!("j".repeat(257)), false),
            ("jti", Value::Null, true),
            ("request", json!("x"), false),
            ("request_uri", json!("https://shop.example/r"), false),
        ];
        for (name, value, expected) in cases {
            let mut claims = claims();
            claims[name] = value.clone();
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            }
            let object = key.sign_json(request_object::TYPE, &claims).unwrap();
            let verdict = verdict(&client(), &key, &object);
            assert_eq!(verdict.is_ok(), expected, "{name} {value}: {verdict:?}");
        }
        let mut ageless = claims();
        for name in ["exp", "iat", "nbf"] {
            ageless.as_object_mut().unwrap().remove(name);
        }
        let object = key.sign_json(request_object::TYPE, &ageless).unwrap();
        assert!(verdict(&client(), &key, &object).unwrap_err().contains("needs exp"));
    }

    #[test]
    fn a_request_object_is_remembered_for_as_long_as_it_is_valid() {
        let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
        let object = key.sign_json(request_object::TYPE, &claims()).unwrap();
        let signed = verdict(&client(), &key, &object).unwrap();
        assert_eq!(signed.form.one("scope"), Ok(Some("read")));
        let once = Spent { key: "request\nshop j".to_owned(), until: NOW + 70 };
        assert_eq!(signed.once, Some(once));
        let at = |now| verify(&tenant(), &client(), Some(&keys(&key)), &object, now).is_ok();
        assert!(at(NOW + 69) && !at(NOW + 70));
    }

    #[test]
    fn only_a_signature_of_the_client_is_taken() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let other = SigningKey::generate(Algorithm::Es256).unwrap();
        let right = key.sign_json(request_object::TYPE, &claims()).unwrap();
        assert!(verdict(&client(), &key, &right).is_ok());
        assert!(verdict(&client(), &other, &right).is_err(), "the key of somebody else");
        assert!(verify(&tenant(), &client(), None, &right, NOW).is_err(), "no keys at all");
        let mut parts: Vec<&str> = right.split('.').collect();
        let none = base64url::encode(br#"{"alg":"none"}"#);
        parts[0] = &none;
        assert!(verdict(&client(), &key, &parts.join(".")).is_err());
        parts[2] = "";
        assert!(verdict(&client(), &key, &parts.join(".")).is_err());
        for broken in ["", "x", "a.b.c", &right[..right.len() - 2]] {
            assert!(verdict(&client(), &key, broken).is_err(), "{broken}");
        }
        let mut client = client();
        client.requests.signing_alg = Some(Algorithm::Es256);
        assert!(verdict(&client, &key, &right).is_ok());
        client.requests.signing_alg = Some(Algorithm::EdDsa);
        assert!(verdict(&client, &key, &right).unwrap_err().contains("request_object_signing_alg"));
        client.requests.signing_alg = None;
        client.profile = crate::state::Profile::Fapi2;
        assert!(verdict(&client, &key, &right).is_ok());
        let weak = SigningKey::generate(Algorithm::Es384).unwrap();
        let right = weak.sign_json(request_object::TYPE, &claims()).unwrap();
        assert!(verdict(&client, &weak, &right).unwrap_err().contains("FAPI 2.0"));
    }

    #[test]
    fn no_other_kind_of_jwt_is_taken_for_a_request() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let cases = [
            ("oauth-authz-req+jwt", true),
            ("application/oauth-authz-req+jwt", true),
            ("JWT", true),
            ("at+jwt", false),
            ("dpop+jwt", false),
            ("client-authentication+jwt", false),
            ("logout+jwt", false),
            ("", false),
        ];
        for (typ, expected) in cases {
            let object = key.sign_json(typ, &claims()).unwrap();
            assert_eq!(verdict(&client(), &key, &object).is_ok(), expected, "{typ}");
        }
    }
}
