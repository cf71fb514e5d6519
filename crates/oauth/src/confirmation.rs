//! Whose key a token is bound to: the `cnf` claim (RFC 7800 §3, RFC 9449 §6.1, RFC 8705 §3.1).

use bailiwick_jose::base64url;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::access_token::MalformedClaim;
use crate::claim::Claims;

/// What the presenter of a token must prove; at least one of the two, and each that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// The thumbprint of the key that signs the DPoP proofs (RFC 9449 §6.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<String>,
    /// The SHA-256 digest of the client certificate (RFC 8705 §3.1).
    #[serde(
        rename = "x5t#S256",
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "to_base64url",
        deserialize_with = "from_base64url"
    )]
    pub x5t_s256: Option<[u8; 32]>,
}

impl Confirmation {
    /// Reads the `cnf` claim; `None` when the token is bound to nothing.
    ///
    /// Stricter than RFC 7800 §3.1, which lets unknown members be ignored: a binding that cannot be
    /// checked is refused, never taken for none.
    ///
    /// # Errors
    /// When `cnf` is no object, is empty, or has a member other than a well-formed `jkt` or
    /// `x5t#S256`.
    pub fn read(claims: &impl Claims) -> Result<Option<Self>, MalformedClaim> {
        let broken = MalformedClaim("cnf");
        let Some(cnf) = claims.value("cnf") else { return Ok(None) };
        let members = cnf.as_object().filter(|members| !members.is_empty()).ok_or(broken)?;
        let mut read = Self { jkt: None, x5t_s256: None };
        for (name, value) in members {
            let text = value.as_str().ok_or(broken)?;
            let digest = digest(text).ok_or(broken)?;
            match name.as_str() {
                "jkt" => read.jkt = Some(text.to_owned()),
                "x5t#S256" => read.x5t_s256 = Some(digest),
                _ => return Err(broken),
            }
        }
        Ok(Some(read))
    }
}

/// Reads the thumbprint of a key, as `cnf.jkt` and the parameter `dpop_jkt` have it (RFC 7638 §3,
/// RFC 9449 §10); `None` when it is none.
pub fn thumbprint(text: &str) -> Option<String> {
    digest(text).map(|_| text.to_owned())
}

#[expect(clippy::ref_option, reason = "serde calls it with the field")]
fn to_base64url<S: Serializer>(digest: &Option<[u8; 32]>, to: S) -> Result<S::Ok, S::Error> {
    digest.map(|digest| base64url::encode(&digest)).serialize(to)
}

fn from_base64url<'de, D: Deserializer<'de>>(from: D) -> Result<Option<[u8; 32]>, D::Error> {
    let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
    digest(&text).map(Some).ok_or_else(|| serde::de::Error::custom("malformed x5t#S256"))
}

/// A SHA-256 digest in its one spelling.
fn digest(text: &str) -> Option<[u8; 32]> {
    base64url::decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const THUMBPRINT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

    fn verdict(claims: &str) -> Result<Option<Confirmation>, MalformedClaim> {
        Confirmation::read(&bailiwick_jose::json::parse_object(claims.as_bytes()).unwrap())
    }

    #[test]
    fn a_token_without_cnf_is_bound_to_nothing() {
        assert_eq!(verdict(r#"{"jkt":"x"}"#), Ok(None));
    }

    #[test]
    fn each_binding_is_read() {
        let bytes = digest(THUMBPRINT).unwrap();
        let jkt = Some(THUMBPRINT.to_owned());
        let cases = [
            (format!(r#"{{"jkt":"{THUMBPRINT}"}}"#), jkt.clone(), None),
            (format!(r#"{{"x5t#S256":"{THUMBPRINT}"}}"#), None, Some(bytes)),
            (format!(r#"{{"jkt":"{THUMBPRINT}","x5t#S256":"{THUMBPRINT}"}}"#), jkt, Some(bytes)),
        ];
        for (cnf, jkt, x5t_s256) in cases {
            let read = verdict(&format!(r#"{{"cnf":{cnf}}}"#));
            let expected = Confirmation { jkt, x5t_s256 };
            assert_eq!(read, Ok(Some(expected.clone())), "{cnf}");
            assert_eq!(serde_json::to_string(&expected).unwrap(), cnf, "as it is issued");
            assert_eq!(serde_json::from_str::<Confirmation>(&cnf).unwrap(), expected);
        }
    }

    #[test]
    fn a_binding_that_cannot_be_checked_is_refused() {
        let short = &THUMBPRINT[..42];
        let trailing_bits = format!("{short}J");
        let cases = [
            "null".to_owned(),
            "true".to_owned(),
            r#""x""#.to_owned(),
            "[]".to_owned(),
            "{}".to_owned(),
            r#"{"jkt":null}"#.to_owned(),
            r#"{"jkt":""}"#.to_owned(),
            r#"{"x5t#S256":["x"]}"#.to_owned(),
            format!(r#"{{"jkt":"{short}"}}"#),
            format!(r#"{{"jkt":"{THUMBPRINT}="}}"#),
            format!(r#"{{"jkt":"{THUMBPRINT}A"}}"#),
            format!(r#"{{"jkt":" {THUMBPRINT}"}}"#),
            format!(r#"{{"jkt":"{trailing_bits}"}}"#),
            format!(r#"{{"jkt":"{THUMBPRINT}","kid":"1"}}"#),
            format!(r#"{{"jkt":"{THUMBPRINT}","jku":"{THUMBPRINT}"}}"#),
            format!(r#"{{"JKT":"{THUMBPRINT}"}}"#),
            r#"{"jwk":{"kty":"oct","k":""}}"#.to_owned(),
        ];
        for cnf in cases {
            let read = verdict(&format!(r#"{{"cnf":{cnf}}}"#));
            assert_eq!(read, Err(MalformedClaim("cnf")), "{cnf}");
        }
    }
}
