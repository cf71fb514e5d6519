//! How a resource server authenticates at the introspection endpoint (RFC 7662 §2.1).

use std::sync::Arc;

use aws_lc_rs::rand;
use bailiwick_jose::{SigningKey, base64url};
use bailiwick_oauth::client_assertion::TYPE;
use bailiwick_oauth::credentials::{JWT_BEARER, basic_header};
use bailiwick_oauth::{ClientAssertion, ClientId, Issuer, Secret};

use crate::FetchError;
use crate::target::shown;

/// How long an assertion is good for, in seconds: long enough for clocks that differ.
const LIFETIME: u32 = 60;

/// How a resource server says who it is.
#[derive(Debug)]
pub enum ClientAuthentication {
    /// `client_secret_basic` (RFC 6749 §2.3.1).
    SecretBasic {
        /// Who it is.
        client_id: ClientId,
        /// Its secret.
        secret: Secret,
    },
    /// `private_key_jwt` (RFC 7523 §2.2, OpenID Connect Core §9).
    PrivateKeyJwt {
        /// Who it is.
        client_id: ClientId,
        /// Its key; the assertion's `kid` is the key's thumbprint.
        key: Arc<SigningKey>,
    },
    /// `tls_client_auth` or `self_signed_tls_client_auth` (RFC 8705 §2): the fetcher holds the
    /// certificate, see [`Builder::client_identity`](crate::Builder::client_identity).
    Certificate {
        /// Who it is.
        client_id: ClientId,
    },
    /// A bearer token of the resource server's own (RFC 7662 §2.1); it is not renewed.
    Bearer {
        /// The token.
        token: Secret,
    },
}

/// What one request brings along to authenticate.
pub(crate) struct Presented {
    pub(crate) authorization: Option<Secret>,
    pub(crate) form: Vec<(&'static str, String)>,
}

impl ClientAuthentication {
    /// Makes what a request to the endpoint at `url` brings along.
    pub(crate) fn present(
        &self,
        issuer: &Issuer,
        url: &str,
        now: i64,
    ) -> Result<Presented, FetchError> {
        let header =
            |text: String| Presented { authorization: Some(Secret::new(text)), form: Vec::new() };
        Ok(match self {
            Self::SecretBasic { client_id, secret } => header(basic_header(client_id, secret)),
            Self::Bearer { token } => header(format!("Bearer {}", token.expose())),
            Self::Certificate { client_id } => Presented {
                authorization: None,
                form: vec![("client_id", client_id.as_str().to_owned())], // RFC 8705 §2
            },
            Self::PrivateKeyJwt { client_id, key } => {
                let jwt = assertion(client_id, key, issuer, now)
                    .map_err(|why| FetchError::Credentials { url: shown(url), why })?;
                let form = vec![
                    ("client_id", client_id.as_str().to_owned()),
                    ("client_assertion_type", JWT_BEARER.to_owned()),
                    ("client_assertion", jwt),
                ];
                Presented { authorization: None, form }
            }
        })
    }
}

/// A fresh assertion for the issuer alone (RFC 7523 §3).
///
/// Neither the endpoint nor anything else is named in `aud`: an assertion for several could be
/// taken to another of them. The `typ` keeps it apart from every other token.
fn assertion(
    client_id: &ClientId,
    key: &SigningKey,
    issuer: &Issuer,
    now: i64,
) -> Result<String, &'static str> {
    let mut jti = [0; 32];
    rand::fill(&mut jti).map_err(|_| "the system has no randomness to give")?;
    let jti = base64url::encode(&jti);
    let claims = ClientAssertion::new(client_id, issuer.as_str(), jti, now, LIFETIME);
    key.sign_json(TYPE, &claims).map_err(|_| "the key does not sign")
}
