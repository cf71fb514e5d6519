//! Signed documents of an issuer, believed only with one of its published keys (RFC 7515 §5.2).

use bailiwick_jose::{Jwks, Jws, NoKey, VerifyingKey, json};
use bailiwick_oauth::Issuer;
use serde_json::{Map, Value};

use crate::target::shown;
use crate::{FetchError, IssuerKeys};

/// Verifies a signed document of this `typ` (RFC 8725 §3.11) by this issuer and gives its claims, none
/// of which is checked. Keys that are missing are fetched.
pub(crate) async fn claims(
    document: &[u8],
    typ: &str,
    issuer: &Issuer,
    keys: &IssuerKeys,
    url: &str,
) -> Result<Map<String, Value>, FetchError> {
    let doubt = |why| untrusted(url, why);
    let text = std::str::from_utf8(document).map_err(|_| doubt("it is no signed token"))?;
    let text = text.trim_ascii();
    let jws = Jws::parse(text).map_err(|_| doubt("it is no signed token"))?;
    if !jws.header().is_type(typ) {
        return Err(doubt("it is a signed token of another type"));
    }
    let algorithm = jws.algorithm().map_err(|_| doubt("its algorithm is refused"))?;
    let kid = jws.header().kid.as_deref();
    let find = |known: &Jwks| known.find(kid, algorithm).cloned();
    let verify = |key: &VerifyingKey| {
        // A key that its set gives to one issuer signs for no other.
        if key.issuer().is_some_and(|owner| owner != issuer.as_str()) {
            return Err(doubt("its key belongs to another issuer"));
        }
        let jws = Jws::parse(text).map_err(|_| doubt("it is no signed token"))?;
        let verified = jws.verify(key).map_err(|_| doubt("its signature is wrong"))?;
        json::parse_object(&verified.payload)
            .map_err(|why| FetchError::Malformed { url: shown(url), why: why.to_string() })
    };
    match find(&*keys.keys().await?) {
        Ok(key) => {
            let read = verify(&key);
            // Where no name tells, another key may have come into its place.
            if read.is_ok() || (kid.is_some() && key.kid() == kid) {
                return read;
            }
        }
        Err(NoKey::UnknownKid) => {}
        Err(_) => return Err(doubt("no key of its issuer fits it")),
    }
    let known = keys.refresh_for_unknown_kid(kid.unwrap_or_default()).await?;
    verify(&*find(&known).map_err(|_| doubt("no key of its issuer fits it"))?)
}

pub(crate) fn untrusted(url: &str, why: &'static str) -> FetchError {
    FetchError::Untrusted { url: shown(url), why }
}
