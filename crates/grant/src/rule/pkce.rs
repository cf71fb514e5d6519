//! Proof Key for Code Exchange (RFC 7636 §4.4, §4.6; RFC 9700 §2.1.1).

use bailiwick_oauth::{CodeChallenge, CodeVerifier, ErrorCode};

use crate::state::{Client, Pkce};
use crate::{Reason, Refused};

/// Demands a challenge of every client but a confidential one registered as optional.
///
/// # Errors
/// `invalid_request` when it is missing (RFC 7636 §4.4.1).
pub fn demand(client: &Client, challenge: Option<&CodeChallenge>) -> Result<(), Refused> {
    if challenge.is_some() || (client.pkce == Pkce::Optional && !client.is_public()) {
        return Ok(());
    }
    let text = "code_challenge is missing; send one with code_challenge_method S256";
    Err(Refused::new(ErrorCode::InvalidRequest, Reason::ChallengeMissing, text))
}

/// Checks the verifier against the challenge of the authorization request.
///
/// # Errors
/// `invalid_grant` when it is missing, wrong, or comes without a challenge.
pub fn verify(
    challenge: Option<&CodeChallenge>,
    verifier: Option<&CodeVerifier>,
) -> Result<(), Refused> {
    let (reason, text) = match (challenge, verifier) {
        (None, None) => return Ok(()),
        (Some(challenge), Some(verifier)) if challenge.matches(verifier) => return Ok(()),
        (Some(_), Some(_)) => (Reason::VerifierWrong, "code_verifier does not match"),
        (Some(_), None) => (Reason::VerifierMissing, "code_verifier is missing"),
        // RFC 9700 §4.8.2: a downgrade, the challenge was stripped on its way.
        (None, Some(_)) => {
            (Reason::VerifierUnexpected, "code_verifier without a code_challenge before it")
        }
    };
    Err(Refused::new(ErrorCode::InvalidGrant, reason, text))
}

#[cfg(test)]
mod tests {
    use bailiwick_oauth::ClientId;
    use bailiwick_oauth::secret::Digest;

    use super::*;
    use crate::state::Authentication;

    fn client(authentication: Authentication, pkce: Pkce) -> Client {
        let mut client = Client::new(ClientId::parse("shop").unwrap(), "Shop", authentication);
        client.pkce = pkce;
        client
    }

    #[test]
    fn only_a_confidential_client_registered_so_may_leave_it_out() {
        let secret = || Authentication::Basic { secrets: vec![Digest::from_stored("x")] };
        let cases = [
            (client(Authentication::None, Pkce::Required), false),
            (client(Authentication::None, Pkce::Optional), false),
            (client(secret(), Pkce::Required), false),
            (client(secret(), Pkce::Optional), true),
        ];
        for (client, allowed) in cases {
            assert_eq!(demand(&client, None).is_ok(), allowed, "{client:?}");
        }
        let challenge = CodeVerifier::parse(&"a".repeat(43)).unwrap().challenge();
        assert!(demand(&client(Authentication::None, Pkce::Required), Some(&challenge)).is_ok());
    }

    #[test]
    fn a_challenge_once_sent_is_enforced() {
        let right = CodeVerifier::parse(&"a".repeat(43)).unwrap();
        let wrong = CodeVerifier::parse(&"b".repeat(43)).unwrap();
        let challenge = right.challenge();
        let reason = |challenge, verifier| verify(challenge, verifier).map_err(|no| no.reason);
        assert_eq!(reason(Some(&challenge), Some(&right)), Ok(()));
        assert_eq!(reason(Some(&challenge), Some(&wrong)), Err(Reason::VerifierWrong));
        assert_eq!(reason(Some(&challenge), None), Err(Reason::VerifierMissing));
        assert_eq!(reason(None, Some(&right)), Err(Reason::VerifierUnexpected));
        assert_eq!(reason(None, None), Ok(()));
    }
}
