//! Security event tokens: what they take back is exactly what they name (RFC 8417 §2.2).

use bailiwick_jose::json;
use bailiwick_oauth::event::{Event, MOST, SecurityEvent, TokenIdentifier};

use crate::Outcome;

/// The payload of an event token.
pub fn target(data: &[u8]) -> Outcome {
    let Ok(claims) = json::parse_object(data) else { return Outcome::Refused };
    let Ok(read) = SecurityEvent::read(&claims) else { return Outcome::Refused };
    let events = claims["events"].as_object().expect("events that are no object");
    assert!((1..=MOST).contains(&events.len()));
    assert_eq!(read.events.len(), events.len(), "an event was overlooked");
    assert_eq!(
        (claims["iss"].as_str(), claims["jti"].as_str()),
        (Some(&*read.iss), Some(&*read.jti))
    );
    assert!(!read.iss.is_empty() && !read.jti.is_empty());
    assert_eq!(read.sub_id.is_some(), claims.contains_key("sub_id"));
    for (event, (kind, written)) in read.events.iter().zip(events) {
        match event {
            Event::SessionRevoked { at, .. } | Event::AccountRevoked { at, .. } => {
                assert!(written.get("subject").is_some() || read.sub_id.is_some(), "of whom?");
                assert_eq!(at.is_some(), written.get("event_timestamp").is_some());
            }
            Event::TokenRevoked { token: TokenIdentifier::JwtId { iss, jti } } => {
                assert!(!iss.is_empty() && !jti.is_empty());
            }
            Event::TokenRevoked { token: TokenIdentifier::Derived { token, .. } } => {
                let (shown, token) = (format!("{token:?}"), token.expose());
                assert!(token.len() < 40 || !shown.contains(token), "an event prints its token");
            }
            Event::GrantRevoked(grant) => {
                let named = [&grant.jti, &grant.client_id, &grant.sub, &grant.grant];
                assert!(named.iter().any(|name| name.is_some()), "every token was meant");
                assert!(named.iter().all(|name| name.as_deref() != Some("")));
            }
            Event::Other(other) => assert_eq!(other, kind),
            _ => panic!("an event of a new kind needs its rule here"),
        }
    }
    Outcome::Accepted
}
