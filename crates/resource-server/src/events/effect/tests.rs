use bailiwick_oauth::event::{
    ACCOUNT_DISABLED, ACCOUNT_PURGED, GRANT_REVOKED, SESSION_REVOKED, SESSIONS_REVOKED,
    TOKEN_REVOKED, TOKENS_REVOKED,
};
use serde_json::{Value, json};

use super::*;

const ISSUER: &str = "https://id.example";
const IAT: i64 = 1_800_000_000;
const LATEST: i64 = IAT + 60;

fn issuer() -> Issuer {
    Issuer::parse(ISSUER).unwrap()
}

/// The denials that follow from one event, or why the token is refused.
fn verdict(kind: &str, sub_id: &Value, event: &Value) -> Result<Vec<Denial>, DeliveryError> {
    let mut claims = json!({
        "iss": ISSUER, "jti": "1", "iat": IAT, "aud": "api", "events": { kind: event },
    });
    if !sub_id.is_null() {
        claims["sub_id"] = sub_id.clone();
    }
    let set = SecurityEvent::read(claims.as_object().unwrap()).unwrap();
    of(&set, &issuer(), LATEST).map_err(|untaken| match untaken {
        Untaken::Refused(failure) => failure.err,
        _ => panic!("no refusal"),
    })
}

fn denial(names: &[Name], at: i64) -> Denial {
    let first = Denial::new(issuer(), names[0].clone(), at);
    names[1..].iter().cloned().fold(first, Denial::and)
}

fn name(kind: fn(String) -> Name, text: &str) -> Name {
    kind(text.to_owned())
}

fn user(sub: &str) -> Value {
    json!({ "format": "iss_sub", "iss": ISSUER, "sub": sub })
}

fn opaque(id: &str) -> Value {
    json!({ "format": "opaque", "id": id })
}

fn jwt(jti: &str) -> Value {
    json!({ "format": "jwt_id", "iss": ISSUER, "jti": jti })
}

fn complex(mut parts: Value) -> Value {
    parts["format"] = "complex".into();
    parts
}

#[test]
fn a_revoked_session_denies_its_tokens() {
    let (session, alice) = (name(Name::Session, "s"), name(Name::Subject, "alice"));
    let email = json!({ "format": "email", "email": "a@id.example" });
    for (subject, names) in [
        (user("alice"), vec![vec![alice.clone()]]),
        (opaque("s"), vec![vec![session.clone()], vec![name(Name::Subject, "s")]]),
        (jwt("g.1"), vec![vec![name(Name::Token, "g.1")]]),
        (complex(json!({ "session": opaque("s") })), vec![vec![session.clone()]]),
        (
            complex(json!({ "session": opaque("s"), "user": user("alice") })),
            vec![vec![session.clone(), alice.clone()]],
        ),
        // By a device or a tenant no token can be told apart.
        (
            complex(json!({ "user": user("alice"), "device": opaque("d"), "tenant": opaque("t") })),
            vec![vec![alice.clone()]],
        ),
        (complex(json!({ "user": user("alice"), "session": email })), vec![vec![alice.clone()]]),
        (complex(json!({ "device": opaque("d") })), vec![]),
        (json!({ "format": "email", "email": "a@id.example" }), vec![]),
    ] {
        let expected: Vec<_> = names.iter().map(|names| denial(names, IAT)).collect();
        assert_eq!(verdict(SESSION_REVOKED, &subject, &json!({})), Ok(expected), "{subject}");
    }
}

#[test]
fn a_revoked_account_denies_the_tokens_of_its_subject() {
    let alice = || Ok(vec![denial(&[name(Name::Subject, "alice")], IAT)]);
    for kind in [SESSIONS_REVOKED, ACCOUNT_DISABLED, ACCOUNT_PURGED, TOKENS_REVOKED] {
        for subject in [
            user("alice"),
            opaque("alice"),
            complex(json!({ "user": user("alice"), "session": opaque("s") })), // not one alone
        ] {
            assert_eq!(verdict(kind, &subject, &json!({})), alice(), "{kind} {subject}");
        }
        let tenant = complex(json!({ "tenant": opaque("t") }));
        assert_eq!(verdict(kind, &tenant, &json!({})), Ok(vec![]), "{kind}");
    }
}

#[test]
fn a_revoked_token_is_denied_by_its_identifier() {
    let expected = Ok(vec![denial(&[name(Name::Token, "g.1")], IAT)]);
    assert_eq!(verdict(TOKEN_REVOKED, &jwt("g.1"), &json!({})), expected);
    let hashed = json!({
        "format": "oauth_token", "token_type": "access_token",
        "token_identifier_alg": "hash_base64_sha512_sha512", "token": "abc",
    });
    let inner = json!({ "subject": hashed });
    assert_eq!(verdict(TOKEN_REVOKED, &Value::Null, &inner), Ok(vec![]));
}

#[test]
fn of_a_revoked_grant_each_member_applies() {
    let (jti, grant) = (name(Name::Token, "g.1"), name(Name::Grant, "g"));
    let (sub, client) = (name(Name::Subject, "alice"), name(Name::Client, "shop"));
    for (event, names) in [
        (json!({ "jti": "g.1" }), vec![jti.clone()]),
        (json!({ "grant": "g" }), vec![grant.clone()]),
        (json!({ "sub": "alice" }), vec![sub.clone()]),
        (json!({ "client_id": "shop" }), vec![client.clone()]),
        (json!({ "sub": "alice", "client_id": "shop" }), vec![sub.clone(), client.clone()]),
        (
            json!({ "sub": "alice", "client_id": "shop", "jti": "g.1", "grant": "g" }),
            vec![jti, grant, sub, client],
        ),
    ] {
        let expected = Ok(vec![denial(&names, IAT)]);
        assert_eq!(verdict(GRANT_REVOKED, &Value::Null, &event), expected, "{event}");
    }
}

#[test]
fn an_event_takes_effect_when_it_happened_and_never_in_the_future() {
    for (stated, at) in [
        (json!(null), IAT),
        (json!(IAT - 30), IAT - 30),
        (json!((IAT - 30) * 1000), IAT - 30),
        (json!(LATEST), LATEST),
        (json!(LATEST + 1), LATEST),
        (json!(253_402_300_799_i64), LATEST),
    ] {
        let mut event = json!({ "event_timestamp": stated });
        event.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let expected = Ok(vec![denial(&[name(Name::Subject, "alice")], at)]);
        assert_eq!(verdict(SESSIONS_REVOKED, &user("alice"), &event), expected, "{event}");
    }
}

#[test]
fn an_issuer_takes_nothing_back_that_is_anothers() {
    let user = json!({ "format": "iss_sub", "iss": "https://id.example/", "sub": "alice" });
    let jwt = json!({ "format": "jwt_id", "iss": "https://other.example", "jti": "g.1" });
    for subject in [
        user.clone(),
        complex(json!({ "user": user })),
        complex(json!({ "session": opaque("s"), "user": user })),
        complex(json!({ "session": user })),
        jwt.clone(),
    ] {
        let verdict = verdict(SESSION_REVOKED, &subject, &json!({}));
        assert_eq!(verdict, Err(DeliveryError::AccessDenied), "{subject}");
    }
    assert_eq!(verdict(ACCOUNT_DISABLED, &user, &json!({})), Err(DeliveryError::AccessDenied));
    assert_eq!(verdict(TOKEN_REVOKED, &jwt, &json!({})), Err(DeliveryError::AccessDenied));
}

#[test]
fn other_events_take_nothing_back() {
    let event = json!({ "initiating_entity": "policy" });
    assert_eq!(verdict("urn:example:other", &user("alice"), &event), Ok(vec![]));
}
