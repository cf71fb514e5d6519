//! What the upstream is told of who asks: nothing, headers, a signed assertion, or a token of its
//! own (RFC 8693 §2).

mod assertion;
mod exchange;

use bailiwick_guard::{ClaimPath, Permit};
use bailiwick_resource_server::CertificateHeader;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::answer::Fault;
use crate::config::{Identity, Protected, Signing};
use crate::headers;
use crate::protect::Failed;
use assertion::Assertions;
use exchange::Exchanges;

/// Tells the upstream of a resource who asks.
#[derive(Debug)]
pub(crate) struct Teller {
    how: How,
    /// Headers that the gateway alone writes, or that are for it alone.
    own: Vec<HeaderName>,
}

#[derive(Debug)]
enum How {
    Nothing,
    Headers(Vec<(HeaderName, ClaimPath)>),
    Assertion(HeaderName, Assertions),
    Exchange(Box<Exchanges>),
}

/// What is to be told, for one request.
#[derive(Debug)]
pub(crate) enum Told<'t> {
    /// Nothing.
    Nothing,
    /// What the permit says, and these claims of it.
    Permit(&'t [(HeaderName, ClaimPath)]),
    /// One header.
    Header(HeaderName, HeaderValue),
}

impl Teller {
    pub(crate) fn new(resource: &Protected, signing: Option<&Signing>) -> Result<Self, Failed> {
        let mut own = resource.identity.own_headers();
        own.extend(resource.tokens.certificate_header.as_ref().map(CertificateHeader::name));
        let how = match (&resource.identity, signing) {
            (Identity::Nothing, _) => How::Nothing,
            (Identity::Headers(claims), _) => How::Headers(claims.clone()),
            (Identity::Assertion { audience, header, lifetime }, Some(signing)) => {
                How::Assertion(header.clone(), Assertions::new(signing, audience, *lifetime))
            }
            (Identity::Assertion { .. }, None) => return Err("there is no key to sign with".into()),
            (Identity::Exchange(how), _) => How::Exchange(Box::new(Exchanges::new(resource, how)?)),
        };
        Ok(Self { how, own })
    }

    /// Removes from a request what only the gateway may say, in every spelling; finds out what is
    /// to be said. On public routes that is nothing.
    pub(crate) async fn told(
        &self,
        headers: &mut HeaderMap,
        permit: Option<&Permit>,
    ) -> Result<Told<'_>, Fault> {
        for name in &self.own {
            headers::remove_spellings(headers, name);
        }
        let Some(permit) = permit else { return Ok(Told::Nothing) };
        match &self.how {
            How::Nothing => Ok(Told::Nothing),
            How::Headers(claims) => Ok(Told::Permit(claims)),
            How::Assertion(name, assertions) => {
                Ok(Told::Header(name.clone(), assertions.about(permit)?))
            }
            How::Exchange(exchanges) => {
                let token = exchanges.instead_of(headers, permit).await?;
                Ok(Told::Header(AUTHORIZATION, token))
            }
        }
    }
}

impl Told<'_> {
    /// Writes it into the headers of a request that was cleansed.
    pub(crate) fn write(self, headers: &mut HeaderMap, permit: Option<&Permit>) {
        match (self, permit) {
            (Self::Permit(claims), Some(permit)) => {
                headers::set_identity(headers, permit);
                for (name, path) in claims {
                    let value = path.find(&permit.token().claims).and_then(|it| in_header(&it));
                    headers.extend(value.map(|value| (name.clone(), value)));
                }
            }
            (Self::Header(name, value), Some(_)) => {
                headers.insert(name, value);
            }
            (Self::Nothing, _) | (_, None) => {}
        }
    }
}

/// A claim as a header has it: a list or an object is JSON, so that no element can pass for two.
fn in_header(value: &Value) -> Option<HeaderValue> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let is_printable = text.bytes().all(|c| (b' '..=b'~').contains(&c));
    HeaderValue::from_str(&text).ok().filter(|_| is_printable && text.trim() == text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_in_a_header_has_one_reading() {
        for (value, expected) in [
            (json!("acme"), Some("acme")),
            (json!(7), Some("7")),
            (json!(true), Some("true")),
            (json!(["a,b", "c"]), Some("[\"a,b\",\"c\"]")),
            (json!(null), None),
            (json!("a\r\nX-Auth-Scope: all"), None),
            (json!("größe"), None),
            (json!(" a"), None),
        ] {
            let value = in_header(&value);
            assert_eq!(value.as_ref().map(|value| value.to_str().unwrap()), expected);
        }
    }
}
