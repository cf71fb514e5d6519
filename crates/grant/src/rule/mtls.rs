//! Client authentication by the certificate of the TLS connection (RFC 8705 §2).

use bailiwick_jose::Jwks;
use bailiwick_oauth::ClientCertificate;
use bailiwick_oauth::certificate::{Identity, Subject};

use super::client_auth::refused;
use crate::{Reason, Refused};

/// Whether the certificate is of this subject, and an authority vouches for it (RFC 8705 §2.1).
///
/// # Errors
/// `invalid_client`.
pub fn is_of(subject: &Subject, certificate: &ClientCertificate) -> Result<(), Refused> {
    let is_its = |identity: &Identity| identity.is_vouched_for && subject.is_of(identity);
    decided(certificate.identity.as_ref().is_some_and(is_its))
}

/// Whether the certificate is for one of the client's keys, whoever signed it (RFC 8705 §2.2).
///
/// # Errors
/// `invalid_client`.
pub fn is_for(keys: Option<&Jwks>, certificate: &ClientCertificate) -> Result<(), Refused> {
    let shown = certificate.identity.as_ref().and_then(|identity| identity.key.as_deref());
    let mut keys = keys.into_iter().flat_map(Jwks::keys);
    decided(shown.is_some_and(|shown| keys.any(|key| key.thumbprint() == shown)))
}

fn decided(is_its: bool) -> Result<(), Refused> {
    if is_its { Ok(()) } else { Err(refused(Reason::AuthenticationFailed)) }
}

#[cfg(test)]
mod tests {
    use bailiwick_jose::{Algorithm, SigningKey};
    use bailiwick_oauth::certificate::DistinguishedName;
    use serde_json::json;

    use super::*;

    fn certificate(identity: Option<Identity>) -> ClientCertificate {
        ClientCertificate { digest: [1; 32], identity }
    }

    //= https://www.rfc-editor.org/rfc/rfc8705#section-2
    //= type=test
    //# The authorization server MUST enforce the
    //# binding between client and certificate, as described in either
    //# Section 2.1 or Section 2.2 below.
    #[test]
    fn a_vouched_certificate_is_of_the_registered_subject() {
        let name = |text| DistinguishedName::parse(text).unwrap();
        let identity = |is_vouched_for, subject| {
            certificate(Some(Identity {
                is_vouched_for,
                subject: Some(name(subject)),
                ..Identity::default()
            }))
        };
        let subject = Subject::Name(name("CN=bank,O=Example"));
        let cases = [
            (identity(true, "CN=bank,O=Example"), true),
            (identity(false, "CN=bank,O=Example"), false),
            (identity(true, "CN=bank"), false),
            (identity(true, "CN=thief,O=Example"), false),
            (certificate(None), false),
        ];
        for (certificate, expected) in cases {
            assert_eq!(is_of(&subject, &certificate).is_ok(), expected, "{certificate:?}");
        }
    }

    #[test]
    fn a_self_signed_certificate_is_for_a_registered_key() {
        let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
        let set = json!({ "keys": [key.verifying_key().to_jwk()] }).to_string();
        let keys = Jwks::parse(set.as_bytes()).unwrap();
        let shown = |key: Option<&str>| {
            let key = key.map(str::to_owned);
            certificate(Some(Identity { key, ..Identity::default() }))
        };
        let its = shown(Some(key.verifying_key().thumbprint()));
        assert!(is_for(Some(&keys), &its).is_ok());
        assert!(is_for(None, &its).is_err(), "no keys are registered");
        for other in [shown(Some("another")), shown(None), certificate(None)] {
            assert!(is_for(Some(&keys), &other).is_err(), "{other:?}");
        }
    }
}
