//! How a client says who it is (RFC 6749 §2.3, RFC 7523 §2.2, OpenID Connect Core §9).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::form::{self, Form, MalformedForm};
use crate::{ClientCertificate, ClientId, Secret};

/// The one assertion type that is taken (RFC 7523 §2.2).
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What a client presents to authenticate; nothing of it is checked yet.
#[derive(Debug)]
pub enum Credentials {
    /// A name alone: a public client (`none`).
    None {
        /// Who it says it is.
        client_id: ClientId,
    },
    /// A secret in the `Authorization` header (`client_secret_basic`).
    Basic {
        /// Who it says it is.
        client_id: ClientId,
        /// Its secret.
        secret: Secret,
    },
    /// A secret in the body (`client_secret_post`).
    Post {
        /// Who it says it is.
        client_id: ClientId,
        /// Its secret.
        secret: Secret,
    },
    /// A name beside the certificate of the TLS connection (`tls_client_auth`,
    /// `self_signed_tls_client_auth`; RFC 8705 §2).
    Certificate {
        /// Who it says it is.
        client_id: ClientId,
        /// Its certificate.
        certificate: Box<ClientCertificate>,
    },
    /// A signed assertion (`private_key_jwt`).
    Assertion {
        /// Who it says it is: the `client_id` parameter, else the assertion's unverified `sub`.
        client_id: ClientId,
        /// The JWT.
        jwt: Secret,
    },
}

/// Why credentials cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MalformedCredentials {
    /// Nothing says who the client is.
    #[error("no client is named; send client_id or authenticate")]
    Missing,
    /// More than one method at once (RFC 6749 §2.3).
    #[error("more than one client authentication method is used; use one")]
    Several,
    /// The `Authorization` header is not `Basic` with an encoded name and secret.
    #[error("the Authorization header is not Basic with form-encoded client_id and secret")]
    Basic,
    /// The client identifier is malformed.
    #[error("client_id is malformed")]
    ClientId,
    /// `client_id` in the body and in the credentials differ.
    #[error("client_id differs between the body and the credentials")]
    Differs,
    /// The assertion's type or the assertion is missing or malformed.
    #[error("client_assertion needs client_assertion_type {JWT_BEARER} and a JWT with sub")]
    Assertion,
    /// A parameter is repeated.
    #[error(transparent)]
    Form(#[from] MalformedForm),
}

impl Credentials {
    /// Reads the credentials of a request from its `Authorization` header and its body.
    ///
    /// # Errors
    /// When none, several or malformed ones are presented.
    pub fn read(authorization: Option<&str>, form: &Form) -> Result<Self, MalformedCredentials> {
        let named = match form.one("client_id")? {
            Some(text) => Some(ClientId::parse(text).map_err(|_| MalformedCredentials::ClientId)?),
            None => None,
        };
        let secret = form.one("client_secret")?;
        let assertion = form.one("client_assertion")?;
        let assertion_type = form.one("client_assertion_type")?;
        match (authorization, secret, assertion) {
            (None, None, None) if assertion_type.is_some() => Err(MalformedCredentials::Assertion),
            (None, None, None) => {
                named.map(|client_id| Self::None { client_id }).ok_or(MalformedCredentials::Missing)
            }
            (None, Some(secret), None) => {
                let client_id = named.ok_or(MalformedCredentials::Missing)?;
                Ok(Self::Post { client_id, secret: Secret::new(secret) })
            }
            (None, None, Some(jwt)) => {
                if assertion_type != Some(JWT_BEARER) {
                    return Err(MalformedCredentials::Assertion);
                }
                let subject = subject(jwt).ok_or(MalformedCredentials::Assertion)?;
                let client_id = agree(named, subject)?;
                Ok(Self::Assertion { client_id, jwt: Secret::new(jwt) })
            }
            (Some(header), None, None) => {
                let (client_id, secret) = basic(header).ok_or(MalformedCredentials::Basic)?;
                Ok(Self::Basic { client_id: agree(named, client_id)?, secret })
            }
            _ => Err(MalformedCredentials::Several),
        }
    }

    /// The same, beside the certificate of the TLS connection. It counts where nothing else is
    /// presented: who presents a secret or an assertion authenticates by that one method.
    #[must_use]
    pub fn beside(self, certificate: Option<&ClientCertificate>) -> Self {
        match (self, certificate) {
            (Self::None { client_id }, Some(certificate)) => {
                Self::Certificate { client_id, certificate: Box::new(certificate.clone()) }
            }
            (other, _) => other,
        }
    }

    /// Who the client says it is.
    pub fn client_id(&self) -> &ClientId {
        match self {
            Self::None { client_id }
            | Self::Certificate { client_id, .. }
            | Self::Basic { client_id, .. }
            | Self::Post { client_id, .. }
            | Self::Assertion { client_id, .. } => client_id,
        }
    }
}

/// Writes an `Authorization` header for `client_secret_basic` (RFC 6749 §2.3.1).
pub fn basic_header(client_id: &ClientId, secret: &Secret) -> String {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(client_id.as_str()), encoded(secret.expose()));
    format!("Basic {}", STANDARD.encode(pair))
}

fn agree(named: Option<ClientId>, presented: ClientId) -> Result<ClientId, MalformedCredentials> {
    match named {
        Some(named) if named != presented => Err(MalformedCredentials::Differs),
        _ => Ok(presented),
    }
}

fn basic(header: &str) -> Option<(ClientId, Secret)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let octets = STANDARD.decode(encoded.trim_matches(' ')).ok()?;
    let pair = String::from_utf8(octets).ok()?;
    let (id, secret) = pair.split_once(':')?;
    let client_id = ClientId::parse(&form::decode(id).ok()?).ok()?;
    Some((client_id, Secret::new(form::decode(secret).ok()?)))
}

/// The `sub` of an assertion, before anything is verified: it only says whose keys to load.
fn subject(jwt: &str) -> Option<ClientId> {
    let jws = bailiwick_jose::Jws::parse(jwt).ok()?;
    let claims = bailiwick_jose::json::parse_object(jws.unverified_payload()).ok()?;
    ClientId::parse(claims.get("sub")?.as_str()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(authorization: Option<&str>, body: &str) -> Result<String, MalformedCredentials> {
        let form = Form::parse(body).unwrap();
        Credentials::read(authorization, &form).map(|credentials| match credentials {
            Credentials::None { client_id } => format!("none {client_id}"),
            Credentials::Certificate { client_id, .. } => format!("certificate {client_id}"),
            Credentials::Basic { client_id, secret } => {
                format!("basic {client_id} {}", secret.expose())
            }
            Credentials::Post { client_id, secret } => {
                format!("post {client_id} {}", secret.expose())
            }
            Credentials::Assertion { client_id, .. } => format!("assertion {client_id}"),
        })
    }

    //= https://www.rfc-editor.org/rfc/rfc6749#section-2.3
    //= type=test
    //# The client MUST NOT use more than one authentication method in each
    //# request.
    #[test]
    fn two_methods_at_once_are_refused() {
        let header = basic_header(&ClientId::parse("shop").unwrap(), &Secret::new("s"));
        assert_eq!(
            read(Some(&header), "client_id=shop&client_secret=s"),
            Err(MalformedCredentials::Several)
        );
        assert_eq!(read(Some(&header), "client_id=shop").unwrap(), "basic shop s");
        assert_eq!(read(Some(&header), "client_id=other"), Err(MalformedCredentials::Differs));
    }

    #[test]
    fn names_and_secrets_are_form_encoded_in_the_header() {
        let header = basic_header(&ClientId::parse("a:b/c").unwrap(), &Secret::new("p%:q é"));
        assert_eq!(read(Some(&header), "").unwrap(), "basic a:b/c p%:q é");
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        assert_eq!(read(None, ""), Err(MalformedCredentials::Missing));
        assert_eq!(read(None, "client_secret=x"), Err(MalformedCredentials::Missing));
        assert_eq!(read(Some("Bearer x"), ""), Err(MalformedCredentials::Basic));
        assert_eq!(read(Some("Basic !"), ""), Err(MalformedCredentials::Basic));
        assert_eq!(read(None, "client_id=a%20b"), Err(MalformedCredentials::ClientId));
        assert_eq!(
            read(None, "client_id=a&client_assertion=x&client_assertion_type=y"),
            Err(MalformedCredentials::Assertion)
        );
        assert_eq!(read(None, "client_id=a").unwrap(), "none a");
        assert_eq!(read(None, "client_id=a&client_secret=b").unwrap(), "post a b");
    }
}
