//! The device authorization request, its answer, and the code that people type in (RFC 8628 §3.1,
//! §3.2, §6.1).

use std::fmt;

use bailiwick_jose::{base64url, digest};
use serde::{Deserialize, Deserializer, Serialize};

use crate::authorize::{details, scope};
use crate::details::Detail;
use crate::error::ErrorAnswer;
use crate::form::Form;
use crate::secret::Digest;
use crate::{Scopes, Secret};

/// A device authorization request, well-formed but not yet checked against anything.
#[derive(Debug, Clone)]
pub struct Request {
    /// The scopes asked for; qualified names are still unresolved.
    pub scope: Scopes,
    /// The `resource` values as they were sent (RFC 8707 §2).
    pub resource: Vec<String>,
    /// The authorization details asked for (RFC 9396 §2).
    pub details: Vec<Detail>,
    /// The `audience` values as they were sent: a dialect of `resource`.
    pub audience: Vec<String>,
}

impl Request {
    /// Reads a device authorization request.
    ///
    /// # Errors
    /// An answer for the client.
    pub fn read(form: &Form) -> Result<Self, ErrorAnswer> {
        Ok(Self {
            scope: scope(form)?.unwrap_or_default(),
            details: details(form)?.unwrap_or_default(),
            resource: form.all("resource").map(str::to_owned).collect(),
            audience: form.all("audience").map(str::to_owned).collect(),
        })
    }
}

/// The answer to a device authorization request (RFC 8628 §3.2). Holds a secret: it is sent, never
/// logged.
#[derive(Serialize)]
pub struct Response {
    /// With what the device polls.
    pub device_code: String,
    /// What the user types in.
    pub user_code: String,
    /// Where the user types it in.
    pub verification_uri: String,
    /// The same with the code in it, for a QR code.
    pub verification_uri_complete: String,
    /// For how many seconds both codes are good.
    pub expires_in: i64,
    /// How many seconds to wait between two polls.
    pub interval: i64,
}

/// The letters of a user code: no vowels, so that they spell nothing (RFC 8628 §6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// How many letters a user code has: 20^8 codes, some 34 bits (RFC 8628 §5.1).
const LENGTH: usize = 8;

/// The code that a device shows and its user types in; written `WDJB-MJHT`.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct UserCode(String);

/// What makes a text no user code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a user code is {LENGTH} letters such as WDJB-MJHT")]
pub struct MalformedUserCode;

impl UserCode {
    /// Reads what somebody typed: case, spaces and punctuation do not count (RFC 8628 §6.1).
    ///
    /// # Errors
    /// When other than eight letters of the alphabet are left.
    pub fn parse(text: &str) -> Result<Self, MalformedUserCode> {
        // Nobody types more than this, and what is longer is not looked through.
        if text.len() > 64 {
            return Err(MalformedUserCode);
        }
        let typed = text.chars().filter(|c| !c.is_whitespace() && !c.is_ascii_punctuation());
        let letters: String = typed.map(|c| c.to_ascii_uppercase()).collect();
        let well_formed =
            letters.len() == LENGTH && letters.bytes().all(|letter| LETTERS.contains(&letter));
        if well_formed { Ok(Self(letters)) } else { Err(MalformedUserCode) }
    }

    /// The code that random octets make; each letter is as likely as any other.
    pub fn of_random(octets: [u8; 32]) -> Self {
        // 16 octets are so many more than 20^8 that what the division favours is below 2^-90.
        let (number, _) = octets.split_at(16);
        let mut number = number.iter().fold(0_u128, |sum, octet| sum << 8 | u128::from(*octet));
        let mut letters = String::with_capacity(LENGTH);
        for _ in 0..LENGTH {
            let at = usize::try_from(number % 20).unwrap_or_default();
            letters.push(char::from(LETTERS[at]));
            number /= 20;
        }
        Self(letters)
    }

    /// What it is found by. It is short, so its digest can be guessed: it keeps the code out of
    /// sight, not out of the reach of who can read the store.
    pub fn digest(&self) -> Digest {
        Digest::from_stored(base64url::encode(&digest::sha256(self.0.as_bytes())))
    }
}

impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = self.0.split_at(LENGTH / 2);
        write!(f, "{first}-{second}")
    }
}

impl fmt::Debug for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<'de> Deserialize<'de> for UserCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// The `grant_type` of the device code (RFC 8628 §3.4).
pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The link with the code in it (RFC 8628 §3.3.1).
pub fn complete(verification_uri: &str, user_code: &UserCode) -> String {
    format!("{verification_uri}?user_code={user_code}")
}

impl Response {
    /// An answer.
    pub fn new(
        device_code: &Secret,
        user_code: &UserCode,
        verification_uri: String,
        expires_in: i64,
        interval: i64,
    ) -> Self {
        Self {
            device_code: device_code.expose().to_owned(),
            user_code: user_code.to_string(),
            verification_uri_complete: complete(&verification_uri, user_code),
            verification_uri,
            expires_in,
            interval,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_read() {
        let code = UserCode::parse("WDJB-MJHT").unwrap();
        for typed in
            ["wdjbmjht", " wdjb mjht ", "WDJB–MJHT".replace('–', "_").as_str(), "w.d.j.b.mjht"]
        {
            assert_eq!(UserCode::parse(typed), Ok(code.clone()), "{typed}");
        }
        let long = "W".repeat(65);
        for bad in
            ["", "WDJB-MJH", "WDJB-MJHTT", "WDJB-MJHA", "WDJB-MJH1", "WDJB–MJHT", "ẞDJBMJHT", &long]
        {
            assert_eq!(UserCode::parse(bad), Err(MalformedUserCode), "{bad}");
        }
        assert_eq!(code.to_string(), "WDJB-MJHT");
        assert_eq!(format!("{code:?}"), "[redacted]");
    }

    #[test]
    fn random_octets_make_every_letter() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0_u32..200 {
            let code = UserCode::of_random(digest::sha256(&seed.to_be_bytes()));
            assert_eq!(UserCode::parse(&code.to_string()), Ok(code.clone()));
            seen.extend(code.0.bytes());
        }
        assert_eq!(seen.len(), LETTERS.len());
        assert_eq!(UserCode::of_random([0; 32]).to_string(), "BBBB-BBBB");
        assert_ne!(UserCode::of_random([255; 32]), UserCode::of_random([0; 32]));
    }

    #[test]
    fn two_codes_have_two_digests() {
        let of = |text| UserCode::parse(text).unwrap().digest();
        assert_eq!(of("WDJB-MJHT"), of("wdjbmjht"));
        assert_ne!(of("WDJB-MJHT"), of("WDJB-MJHS"));
    }
}
