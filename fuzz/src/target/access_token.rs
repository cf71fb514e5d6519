//! The claims of a genuine token, as words: whose, for whom, bound to what, for which details
//! (RFC 9068 §2.2, RFC 7800 §3.1, RFC 9396 §2).

use bailiwick_jose::{
    base64url,
    json::{self, Object},
};
use bailiwick_oauth::{AccessToken, Confirmation, details};
use serde_json::Value;

use crate::Outcome;

/// A payload; accepted when each of its claims is.
pub fn target(data: &[u8]) -> Outcome {
    let Ok(claims) = json::parse_object(data) else { return Outcome::Refused };
    let object = Object::parse(data.to_vec()).expect("one reader takes what the other does not");
    let is_token = AccessToken::read(object).is_ok_and(|token| {
        assert_eq!(token.claims.tree(), &claims);
        for (name, read) in [("exp", token.exp), ("nbf", token.nbf), ("iat", token.iat)] {
            assert_eq!(read.is_some(), claims.contains_key(name));
            assert!(read.is_none_or(|at| (0..=1 << 53).contains(&at)), "{name}: {read:?}");
        }
        let aud = claims.get("aud");
        let all = aud.and_then(Value::as_array).cloned().or_else(|| Some(vec![aud?.clone()]));
        let audiences: Vec<_> = token.aud().map(Value::from).collect();
        assert_eq!(audiences, all.unwrap_or_default());
        true
    });
    let is_bound = Confirmation::read(&claims).is_ok_and(|read| {
        assert_eq!(read.is_some(), claims.contains_key("cnf"), "a binding was overlooked");
        if let Some(confirmation) = read {
            let cnf = claims["cnf"].as_object().unwrap();
            let read = usize::from(confirmation.jkt.is_some())
                + usize::from(confirmation.x5t_s256.is_some());
            assert!(read > 0 && read == cnf.len(), "a binding was overlooked");
            assert_eq!(confirmation.jkt.as_deref(), cnf.get("jkt").and_then(Value::as_str));
            let digest = confirmation.x5t_s256.map(|digest| base64url::encode(&digest));
            assert_eq!(digest.as_deref(), cnf.get("x5t#S256").and_then(Value::as_str));
        }
        true
    });
    let is_detailed = claims.get("authorization_details").is_none_or(are_details);
    Outcome::of(is_token && is_bound && is_detailed)
}

fn are_details(list: &Value) -> bool {
    let Ok(read) = details::parse(list) else { return false };
    let written = list.as_array().expect("what is no list was taken for details");
    assert_eq!(read.len(), written.len());
    assert!(read.len() <= details::MOST);
    for (detail, written) in read.iter().zip(written) {
        assert_eq!(written["type"], detail.kind.as_str());
        assert!(!detail.kind.is_empty());
        let common = ["locations", "actions", "datatypes", "privileges"];
        let lists = [&detail.locations, &detail.actions, &detail.datatypes, &detail.privileges];
        for (name, list) in common.iter().zip(lists) {
            assert_eq!(
                written.get(name).map_or(0, |all| all.as_array().unwrap().len()),
                list.len()
            );
        }
        assert_eq!(written.get("identifier").and_then(Value::as_str), detail.identifier.as_deref());
        for (name, value) in &detail.members {
            assert_eq!(written.get(name), Some(value));
        }
    }
    true
}
