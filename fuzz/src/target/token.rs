//! Tokens as they are sent: none passes but those that were issued (RFC 9068 §4).

use std::sync::LazyLock;

use bailiwick_guard::{Admission, Presented, Stop};

use crate::{Outcome, World, seeds};

/// What was issued; whoever passes must be byte-equal to one of these.
static ISSUED: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| seeds::good("token"));

/// A bearer token.
pub fn target(data: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(data) else { return Outcome::Refused };
    let Ok(presented) = Presented::from_token(text) else { return Outcome::Refused };
    assert_eq!(presented.expose(), text, "the token was changed on its way");
    match World::get().verdict(&presented, None) {
        Ok(Admission::Now(permit)) => {
            assert!(
                ISSUED.iter().any(|issued| issued == data),
                "a token that nobody issued passed"
            );
            assert_eq!(permit.subject().as_str(), "alice");
            Outcome::Accepted
        }
        Ok(Admission::Once(_)) => panic!("a bearer token passed as a bound one"),
        Err(Stop::Missing(_)) => Outcome::Refused,
        Err(Stop::Refused(refusal)) => {
            let said = refusal.description();
            assert!(text.len() < 40 || !said.contains(text), "a refusal prints the token");
            assert!(said.bytes().all(|c| matches!(c, b' '..=b'~')), "{said:?}");
            Outcome::Refused
        }
    }
}
