//! Token status lists: where a token's status stands, and reading it there
//! (draft-ietf-oauth-status-list §4–§7).

use std::fmt;

use serde_json::Value;

use crate::access_token::MalformedClaim;
use crate::claim::Claims;
use crate::{claim, uri};

/// The `typ` of a status list token, and behind `application/` its media type (§5.1, §8.1).
pub const TYPE: &str = "statuslist+jwt";

/// The token is valid (§7.1).
pub const VALID: u8 = 0;

/// The token was revoked, for good (§7.1).
pub const INVALID: u8 = 1;

/// The token is suspended for now (§7.1).
pub const SUSPENDED: u8 = 2;

/// The longest URI of a status list that is taken, in octets.
const LONGEST: usize = 2048;

/// Where the status of a token stands (§6.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StatusReference {
    /// The status list token's place.
    pub uri: String,
    /// The token's index in it.
    pub idx: u64,
}

impl StatusReference {
    /// Reads the `status` claim of a token; `None` when it has no `status_list`.
    ///
    /// A `status` that is no object is some other claim of its issuer's, and no reference.
    ///
    /// # Errors
    /// When there is a `status_list`, but not with an index and an absolute URI.
    pub fn read(claims: &impl Claims) -> Result<Option<Self>, MalformedClaim> {
        let broken = MalformedClaim("status");
        let Some(status) = claims.value("status") else { return Ok(None) };
        let Some(list) = status.get("status_list") else { return Ok(None) };
        let list = list.as_object().ok_or(broken)?;
        let uri = claim::required_text(list, "uri").map_err(|_| broken)?;
        let is_absolute =
            uri::split(&uri, LONGEST).is_ok_and(|parts| parts.authority.is_some_and(is_host));
        let idx = list.get("idx").and_then(Value::as_u64).ok_or(broken)?;
        if is_absolute { Ok(Some(Self { uri, idx })) } else { Err(broken) }
    }
}

/// The claims of a status list token (§5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusListClaims {
    /// Its place; must be the `uri` by which it was found.
    pub sub: String,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// When it expires, in seconds since 1970.
    pub exp: Option<i64>,
    /// How many seconds it may be kept.
    pub ttl: Option<i64>,
    /// How many bits a status has: 1, 2, 4 or 8.
    pub bits: u8,
    /// The list, compressed with zlib and in base64url; neither is undone here.
    pub lst: String,
}

impl StatusListClaims {
    /// Reads the claims of a verified status list token.
    ///
    /// # Errors
    /// Names the first claim that is missing or malformed.
    pub fn read(claims: &impl Claims) -> Result<Self, MalformedClaim> {
        let broken = MalformedClaim("status_list");
        let list = claims.value("status_list").ok_or(broken)?;
        let list = list.as_object().ok_or(broken)?;
        let ttl = claim::seconds(claims, "ttl")?;
        if ttl == Some(0) {
            return Err(MalformedClaim("ttl"));
        }
        Ok(Self {
            sub: claim::required_text(claims, "sub")?,
            iat: claim::seconds(claims, "iat")?.ok_or(MalformedClaim("iat"))?,
            exp: claim::seconds(claims, "exp")?,
            ttl,
            bits: list.get("bits").and_then(Value::as_u64).and_then(width).ok_or(broken)?,
            lst: claim::required_text(list, "lst").map_err(|_| broken)?,
        })
    }
}

/// A status list, decompressed (§4).
#[derive(Clone, PartialEq, Eq)]
pub struct StatusList {
    bits: u8,
    bytes: Vec<u8>,
}

impl StatusList {
    /// A list of statuses of so many bits; `None` unless they are 1, 2, 4 or 8.
    pub fn new(bits: u8, bytes: Vec<u8>) -> Option<Self> {
        Some(Self { bits: width(bits.into())?, bytes })
    }

    /// The status at an index, counted from the least significant bit of the first byte (§4.1);
    /// `None` when the list is shorter.
    pub fn status(&self, idx: u64) -> Option<u8> {
        let per_byte = u64::from(8 / self.bits);
        let byte = *self.bytes.get(usize::try_from(idx / per_byte).ok()?)?;
        let shift = u32::try_from(idx % per_byte).ok()? * u32::from(self.bits);
        Some((byte >> shift) & (u8::MAX >> (8 - self.bits)))
    }

    /// How many statuses it holds.
    pub fn len(&self) -> u64 {
        self.bytes.len() as u64 * u64::from(8 / self.bits)
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

impl fmt::Debug for StatusList {
    /// Without the statuses, of which there may be millions.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusList").field("bits", &self.bits).finish_non_exhaustive()
    }
}

fn is_host(authority: &str) -> bool {
    uri::authority(authority).is_ok()
}

fn width(bits: u64) -> Option<u8> {
    [1, 2, 4, 8].into_iter().find(|width| u64::from(*width) == bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reference(claims: &Value) -> Result<Option<StatusReference>, &'static str> {
        let claims = claims.as_object().unwrap();
        StatusReference::read(claims).map_err(|broken| broken.0)
    }

    #[test]
    fn a_reference_is_read() {
        let uri = "https://example.com/statuslists/1";
        let claims = json!({ "status": { "status_list": { "idx": 0, "uri": uri } } });
        let expected = StatusReference { uri: uri.to_owned(), idx: 0 };
        assert_eq!(reference(&claims), Ok(Some(expected)));
        for none in [
            json!({}),
            json!({ "status": "active" }),
            json!({ "status": null }),
            json!({ "status": {} }),
            json!({ "status": { "identifier_list": {} } }),
            json!({ "status_list": { "idx": 0, "uri": uri } }),
        ] {
            assert_eq!(reference(&none), Ok(None), "{none}");
        }
    }

    #[test]
    fn a_reference_that_leads_nowhere_is_refused() {
        let uri = "https://example.com/statuslists/1";
        let long = format!("https://example.com/{}", "a".repeat(LONGEST));
        for list in [
            json!(null),
            json!([]),
            json!({}),
            json!({ "idx": 0 }),
            json!({ "uri": uri }),
            json!({ "idx": -1, "uri": uri }),
            json!({ "idx": 0.5, "uri": uri }),
            json!({ "idx": "0", "uri": uri }),
            json!({ "idx": 0, "uri": [uri] }),
            json!({ "idx": 0, "uri": "" }),
            json!({ "idx": 0, "uri": "/statuslists/1" }),
            json!({ "idx": 0, "uri": "urn:statuslists:1" }),
            json!({ "idx": 0, "uri": "https://user@example.com/" }),
            json!({ "idx": 0, "uri": "https:///1" }),
            json!({ "idx": 0, "uri": "https://example.com/#1" }),
            json!({ "idx": 0, "uri": long }),
        ] {
            let claims = json!({ "status": { "status_list": list } });
            assert_eq!(reference(&claims), Err("status"), "{claims}");
        }
    }

    #[test]
    fn the_claims_of_a_list_are_read() {
        let good = || {
            json!({
                "sub": "https://example.com/statuslists/1",
                "iat": 1_686_920_170,
                "exp": 2_291_720_170_i64,
                "ttl": 43_200,
                "status_list": { "bits": 1, "lst": "eNrbuRgAAhcBXQ" },
            })
        };
        let read = |claims: &Value| {
            StatusListClaims::read(claims.as_object().unwrap()).map_err(|broken| broken.0)
        };
        let list = read(&good()).unwrap();
        assert_eq!((list.bits, list.lst.as_str()), (1, "eNrbuRgAAhcBXQ"));
        assert_eq!((list.iat, list.exp), (1_686_920_170, Some(2_291_720_170)));
        assert_eq!(
            (list.sub.as_str(), list.ttl),
            ("https://example.com/statuslists/1", Some(43_200))
        );
        for (name, value) in [
            ("sub", json!(null)),
            ("sub", json!("")),
            ("iat", json!(null)),
            ("exp", json!("1")),
            ("ttl", json!(0)),
            ("ttl", json!(-1)),
            ("ttl", json!("43200")),
            ("status_list", json!(null)),
            ("status_list", json!("eNrbuRgAAhcBXQ")),
            ("status_list", json!({ "bits": 1 })),
            ("status_list", json!({ "lst": "eNrbuRgAAhcBXQ" })),
            ("status_list", json!({ "bits": 3, "lst": "eNrbuRgAAhcBXQ" })),
            ("status_list", json!({ "bits": 0, "lst": "eNrbuRgAAhcBXQ" })),
            ("status_list", json!({ "bits": 16, "lst": "eNrbuRgAAhcBXQ" })),
            ("status_list", json!({ "bits": "1", "lst": "eNrbuRgAAhcBXQ" })),
            ("status_list", json!({ "bits": 1, "lst": 7 })),
        ] {
            let mut claims = good();
            claims[name] = value;
            assert_eq!(read(&claims).unwrap_err(), name, "{claims}");
        }
    }

    // The examples of the draft: §4.1, and one of statuses of two bits.
    #[test]
    fn a_status_is_found_from_the_least_significant_bit() {
        let cases: [(u8, &[u8], &[u8]); 4] = [
            (1, &[0xb9, 0xa3], &[1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]),
            (2, &[0xc9, 0x44, 0xf9], &[1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]),
            (4, &[0x21, 0xf0], &[1, 2, 0, 15]),
            (8, &[0x00, 0xff, 0x02], &[0, 255, 2]),
        ];
        for (bits, bytes, statuses) in cases {
            let list = StatusList::new(bits, bytes.to_vec()).unwrap();
            assert_eq!(list.len(), statuses.len() as u64);
            let read: Vec<_> = (0..list.len()).map(|idx| list.status(idx).unwrap()).collect();
            assert_eq!(read, statuses, "{bits} bits");
            assert_eq!(list.status(list.len()), None);
            assert_eq!(list.status(u64::MAX), None);
        }
        for bits in [0, 3, 5, 16, 255] {
            assert_eq!(StatusList::new(bits, Vec::new()), None);
        }
        assert!(StatusList::new(1, Vec::new()).unwrap().is_empty());
    }
}
