//! Token status: where it stands, and the bits that say so (draft-ietf-oauth-status-list §4–§6).

use bailiwick_jose::json;
use bailiwick_oauth::StatusReference;
use bailiwick_oauth::status_list::{StatusList, StatusListClaims};

use crate::Outcome;

/// The payload of a token with a reference, or of a status list token.
pub fn target(data: &[u8]) -> Outcome {
    bits(data);
    let Ok(claims) = json::parse_object(data) else { return Outcome::Refused };
    let reference = StatusReference::read(&claims);
    if let Ok(found) = &reference {
        let written = claims.get("status").and_then(|status| status.get("status_list"));
        assert_eq!(found.is_some(), written.is_some(), "a reference was overlooked");
        if let (Some(found), Some(written)) = (found, written) {
            assert_eq!(written["idx"], found.idx);
            assert_eq!(written["uri"], found.uri.as_str());
            // The other reader knows no scheme longer than this.
            if found.uri.find(':').is_some_and(|at| at <= 64) {
                let uri: http::Uri = found.uri.parse().expect("a place that is no URI");
                assert!(uri.scheme().is_some() && uri.host().is_some_and(|host| !host.is_empty()));
            }
        }
    }
    let list = StatusListClaims::read(&claims);
    if let Ok(list) = &list {
        assert!([1, 2, 4, 8].contains(&list.bits) && claims["status_list"]["bits"] == list.bits);
        assert_eq!(claims["status_list"]["lst"], list.lst.as_str());
        assert!(list.ttl.is_none_or(|ttl| ttl > 0) && !list.sub.is_empty() && list.iat >= 0);
        assert_eq!(claims.contains_key("exp"), list.exp.is_some());
    }
    Outcome::of(matches!(reference, Ok(Some(_))) || list.is_ok())
}

/// The input itself as a list: every status, counted bit by bit.
fn bits(data: &[u8]) {
    let (Some(width), Some(rest)) = (data.first(), data.get(1..)) else { return };
    let Some(list) = StatusList::new(*width, rest.to_vec()) else {
        assert!(![1, 2, 4, 8].contains(width));
        return;
    };
    let width = usize::from(*width);
    for idx in 0..(rest.len() * 8 / width).min(64) {
        let bit = |at: usize| rest[at / 8] >> (at % 8) & 1;
        let expected = (0..width).rev().fold(0, |status, at| status << 1 | bit(idx * width + at));
        assert_eq!(list.status(idx as u64), Some(expected), "at {idx}");
    }
    assert_eq!(list.status(list.len()), None);
    assert_eq!(list.status(u64::MAX), None);
}
