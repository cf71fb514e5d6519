//! Introspection answers: no token is live unless its issuer says `true` (RFC 7662 §2.2).

use bailiwick_guard::{Admission, Presented, opaque};
use bailiwick_oauth::introspect::Received;
use serde_json::Value;

use crate::world::ISSUER;
use crate::{Outcome, World, oracle};

/// The body of an answer about one opaque token; accepted when that token passes.
pub fn target(data: &[u8]) -> Outcome {
    let Ok(received) = Received::read(data) else { return Outcome::Refused };
    let claims = oracle::object(data).expect("what is no JSON object was taken for an answer");
    let written = oracle::written_members(data);
    assert_eq!(oracle::members(&claims.clone().into()), written, "a duplicate member was taken");
    assert_eq!(received.claims, claims);
    assert_eq!(claims.get("active"), Some(&Value::Bool(received.active)));

    let presented = Presented::from_token("opaque").unwrap();
    let Ok(authentic) = opaque::looked_up(&presented, &World::get().opaque, received) else {
        return Outcome::Refused;
    };
    assert_eq!(claims["active"], true, "a dead token was taken for genuine");
    assert!(claims.get("iss").is_none_or(|iss| iss == ISSUER), "another issuer spoke");
    match World::get().judge(&authentic, &presented, None) {
        Ok(Admission::Now(permit)) => {
            assert_eq!(oracle::complaint(&claims), None);
            let is_dpop =
                |typ: &Value| typ.as_str().is_some_and(|t| t.eq_ignore_ascii_case("dpop"));
            assert!(!claims.get("token_type").is_some_and(is_dpop), "a bound token passed");
            oracle::permit_says(&permit, &claims);
            Outcome::Accepted
        }
        Ok(Admission::Once(_)) => panic!("a bearer token passed as a bound one"),
        Err(_) => Outcome::Refused,
    }
}
