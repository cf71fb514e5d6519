use super::*;
use serde_json::json;

fn read(changes: &Value) -> Result<SecurityEvent, &'static str> {
    let mut claims = json!({ "iss": "https://id.example", "jti": "1", "iat": 1_615_305_159 });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    SecurityEvent::read(claims.as_object().unwrap()).map_err(|broken| broken.0)
}

fn event(kind: &str, payload: &Value) -> Result<Event, &'static str> {
    read(&json!({ "events": { kind: payload } })).map(|mut set| set.events.remove(0))
}

fn of(sub_id: &Value) -> Result<SubjectIdentifier, &'static str> {
    let set = read(&json!({ "sub_id": sub_id, "events": { "urn:a": {} } }))?;
    set.sub_id.ok_or("absent")
}

fn alice() -> Value {
    json!({ "format": "iss_sub", "iss": "https://id.example", "sub": "alice" })
}

// CAEP 1.0 §3.1, second example.
#[test]
fn a_revoked_session_is_read() {
    let set = read(&json!({
        "aud": "https://sp.example.com/caep",
        "txn": "8675309",
        "sub_id": {
            "format": "complex",
            "session": { "format": "opaque", "id": "dMTlD|1600802906337.16|16008.16" },
            "user": alice(),
            "tenant": { "format": "opaque", "id": "123456789" },
        },
        "events": { SESSION_REVOKED: { "initiating_entity": "policy", "event_timestamp": 1_615_304_991 } },
    }))
    .unwrap();
    assert_eq!((set.iss.as_str(), set.jti.as_str()), ("https://id.example", "1"));
    assert_eq!(set.iat, 1_615_305_159);
    assert_eq!(set.aud, ["https://sp.example.com/caep"]);
    assert_eq!(set.txn.as_deref(), Some("8675309"));
    let [Event::SessionRevoked { subject, at }] = &set.events[..] else { panic!("{set:?}") };
    assert_eq!(Some(subject), set.sub_id.as_ref());
    assert_eq!(*at, Some(1_615_304_991));
    let SubjectIdentifier::Complex(parts) = subject else { panic!("{subject:?}") };
    assert_eq!(
        parts["session"],
        SubjectIdentifier::Opaque { id: "dMTlD|1600802906337.16|16008.16".to_owned() }
    );
    assert_eq!(
        parts["user"],
        SubjectIdentifier::IssuerSubject {
            iss: "https://id.example".to_owned(),
            sub: "alice".to_owned()
        }
    );
}

#[test]
fn an_event_of_a_draft_holds_its_subject_and_milliseconds() {
    let drafted = json!({ "subject": alice(), "event_timestamp": 1_615_304_991_643_i64 });
    let Ok(Event::SessionRevoked { at, .. }) = event(SESSION_REVOKED, &drafted) else { panic!() };
    assert_eq!(at, Some(1_615_304_991));
    let google = json!({ "subject": { "subject_type": "iss-sub", "iss": "a", "sub": "b" } });
    let Ok(Event::AccountRevoked { subject, at }) = event(ACCOUNT_DISABLED, &google) else {
        panic!()
    };
    assert_eq!(subject, SubjectIdentifier::IssuerSubject { iss: "a".into(), sub: "b".into() });
    assert_eq!(at, None);
}

#[test]
fn what_ends_all_sessions_revokes_the_account() {
    for kind in [SESSIONS_REVOKED, ACCOUNT_DISABLED, ACCOUNT_PURGED, TOKENS_REVOKED] {
        let event = event(kind, &json!({ "subject": alice() }));
        assert!(matches!(event, Ok(Event::AccountRevoked { .. })), "{kind}");
    }
}

#[test]
fn a_revoked_token_is_known_by_its_identifier_or_its_hash() {
    let jwt = json!({ "subject": { "format": "jwt_id", "iss": "a", "jti": "b" } });
    let Ok(Event::TokenRevoked { token: TokenIdentifier::JwtId { iss, jti } }) =
        event(TOKEN_REVOKED, &jwt)
    else {
        panic!()
    };
    assert_eq!((iss.as_str(), jti.as_str()), ("a", "b"));
    let derived = json!({ "subject": {
        "subject_type": "oauth_token",
        "token_type": "refresh_token",
        "token_identifier_alg": "plain",
        "token": "7265667265736820746F6B656E20737472696E67",
    } });
    let event = event(TOKEN_REVOKED, &derived).unwrap();
    assert!(!format!("{event:?}").contains("7265"), "{event:?}");
    let Event::TokenRevoked { token: TokenIdentifier::Derived { token, token_type, .. } } = event
    else {
        panic!()
    };
    assert_eq!(token.expose(), "7265667265736820746F6B656E20737472696E67");
    assert_eq!(token_type, "refresh_token");
}

#[test]
fn a_revoked_grant_says_which_tokens() {
    let grant = RevokedGrant { client_id: Some("c".into()), ..RevokedGrant::default() };
    let written = serde_json::to_value(&grant).unwrap();
    assert_eq!(written, json!({ "client_id": "c" }));
    let Ok(Event::GrantRevoked(read)) = event(GRANT_REVOKED, &written) else { panic!() };
    assert_eq!(read, grant);
    for payload in [
        json!({}),
        json!({ "reason": "x" }),
        json!({ "sub": "" }),
        json!({ "sub": null }),
        json!({ "sub": "a", "jti": 1 }),
        json!({ "client_id": ["c"] }),
    ] {
        assert_eq!(event(GRANT_REVOKED, &payload).unwrap_err(), "events", "{payload}");
    }
}

#[test]
fn other_events_are_kept_by_name() {
    let Ok(Event::Other(kind)) = event("urn:example:other", &json!({ "a": 1 })) else { panic!() };
    assert_eq!(kind, "urn:example:other");
}

#[test]
fn subjects_are_read_in_every_format() {
    let jwt = json!({ "format": "jwt_id", "iss": "a", "jti": "b" });
    assert_eq!(of(&jwt), Ok(SubjectIdentifier::JwtId { iss: "a".into(), jti: "b".into() }));
    let email = json!({ "format": "email", "email": "a@b.example" });
    assert_eq!(of(&email), Ok(SubjectIdentifier::Other("email".into())));
    let nested = json!({ "format": "complex", "user": { "format": "complex", "user": alice() } });
    for broken in [
        json!("alice"),
        json!({}),
        json!({ "format": "" }),
        json!({ "format": 1 }),
        json!({ "format": "iss_sub", "iss": "a" }),
        json!({ "format": "iss_sub", "iss": "a", "sub": "" }),
        json!({ "format": "iss_sub", "iss": "a", "sub": ["b"] }),
        json!({ "format": "opaque" }),
        json!({ "format": "jwt_id", "jti": "b" }),
        json!({ "format": "complex" }),
        json!({ "format": "complex", "user": "alice" }),
        nested,
    ] {
        assert_eq!(of(&broken), Err("sub_id"), "{broken}");
    }
}

#[test]
fn a_token_without_what_it_must_hold_is_refused() {
    let events = || json!({ SESSION_REVOKED: { "subject": alice() } });
    assert!(read(&json!({ "events": events() })).is_ok());
    let many: Map<_, _> = (0..=MOST).map(|n| (format!("urn:{n}"), json!({}))).collect();
    let cases = [
        (json!({ "events": events(), "iss": null }), "iss"),
        (json!({ "events": events(), "iss": ["a"] }), "iss"),
        (json!({ "events": events(), "jti": null }), "jti"),
        (json!({ "events": events(), "jti": "" }), "jti"),
        (json!({ "events": events(), "iat": null }), "iat"),
        (json!({ "events": events(), "iat": "1" }), "iat"),
        (json!({ "events": events(), "aud": 1 }), "aud"),
        (json!({ "events": events(), "txn": 8_675_309 }), "txn"),
        (json!({}), "events"),
        (json!({ "events": {} }), "events"),
        (json!({ "events": [] }), "events"),
        (json!({ "events": many }), "events"),
        (json!({ "events": { "urn:a": true } }), "events"),
        (json!({ "events": { SESSION_REVOKED: {} } }), "events"),
        (json!({ "events": { TOKEN_REVOKED: { "subject": alice() } } }), "events"),
        (
            json!({ "events": { SESSION_REVOKED: { "subject": alice(), "event_timestamp": "1" } } }),
            "events",
        ),
        (
            json!({ "events": events(), "sub_id": { "format": "opaque", "id": "mallory" } }),
            "events",
        ),
    ];
    for (claims, name) in cases {
        assert_eq!(read(&claims).unwrap_err(), name, "{claims}");
    }
}

#[test]
fn a_failed_delivery_is_answered_with_its_code() {
    for (err, text) in [
        (DeliveryError::InvalidRequest, "invalid_request"),
        (DeliveryError::InvalidKey, "invalid_key"),
        (DeliveryError::InvalidIssuer, "invalid_issuer"),
        (DeliveryError::InvalidAudience, "invalid_audience"),
        (DeliveryError::AuthenticationFailed, "authentication_failed"),
        (DeliveryError::AccessDenied, "access_denied"),
    ] {
        let failure = DeliveryFailure { err, description: "why".to_owned() };
        let written = serde_json::to_value(&failure).unwrap();
        assert_eq!(written, json!({ "err": text, "description": "why" }));
        assert_eq!(err.as_str(), text);
    }
}
