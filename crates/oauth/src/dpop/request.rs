//! Does a proof belong to this request (RFC 9449 §4.3): what servers of both kinds check alike.

use bailiwick_jose::digest;
use http::{HeaderMap, Method};

use super::{MalformedProof, Proof, normalise, token_hash};

/// What must be used once only: the identifier of a proof, under its key (RFC 9449 §11.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnceOnly {
    /// What is remembered.
    pub key: String,
    /// Until when, in seconds since 1970: the proof is good for nothing after that.
    pub until: i64,
}

/// Why a proof is not this request's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WrongProof {
    /// It is for another method.
    #[error("the DPoP proof is for another method")]
    Method,
    /// It is for another URI.
    #[error("the DPoP proof is for another URI")]
    Uri,
    /// Its time is past, or to come.
    #[error("the DPoP proof is too old, or from the future")]
    Time,
    /// It is for another access token, or for none.
    #[error("the DPoP proof is for another token")]
    Token,
}

impl Proof {
    /// Reads the one proof among the headers of a request; `None` when there is none
    /// (RFC 9449 §4.3, steps 1 to 7).
    ///
    /// # Errors
    /// When there are several, or the one cannot be read.
    pub fn among(headers: &HeaderMap) -> Result<Option<Self>, MalformedProof> {
        let mut values = headers.get_all("DPoP").iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(_), Some(_)) => Err(MalformedProof::Several),
            (Some(one), None) => {
                let text = one.to_str().map_err(|_| MalformedProof::NotAscii)?;
                Self::parse(text).map(Some)
            }
        }
    }

    /// Checks that it was made for a request of this method to this URI, not long ago
    /// (RFC 9449 §4.3, steps 8, 9 and 11).
    ///
    /// A proof is good for `lifetime` seconds; clocks may be `skew` seconds apart. Whether it was used
    /// before is for whoever remembers.
    ///
    /// # Errors
    /// The first of method, URI and time that is wrong.
    pub fn made_for(
        &self,
        method: &Method,
        uri: &str,
        now: i64,
        lifetime: i64,
        skew: i64,
    ) -> Result<OnceOnly, WrongProof> {
        if self.htm != method.as_str() {
            return Err(WrongProof::Method);
        }
        if normalise(uri).is_none_or(|uri| uri != self.htu) {
            return Err(WrongProof::Uri);
        }
        let oldest = now.saturating_sub(lifetime.saturating_add(skew));
        if self.iat < oldest || self.iat > now.saturating_add(skew) {
            return Err(WrongProof::Time);
        }
        let until = self.iat.saturating_add(lifetime.saturating_add(skew));
        Ok(OnceOnly { key: format!("{} {}", self.thumbprint, self.jti), until })
    }

    /// Checks that it was made for this access token (RFC 9449 §4.3, step 12).
    ///
    /// # Errors
    /// [`WrongProof::Token`].
    pub fn made_with(&self, token: &str) -> Result<(), WrongProof> {
        self.made_with_hash(&token_hash(token))
    }

    /// As [`Proof::made_with`], where the [hash](token_hash) of the token is at hand.
    ///
    /// # Errors
    /// [`WrongProof::Token`].
    pub fn made_with_hash(&self, hash: &str) -> Result<(), WrongProof> {
        let shown = self.ath.as_deref().unwrap_or_default();
        let is_same = digest::equal(shown.as_bytes(), hash.as_bytes());
        if is_same { Ok(()) } else { Err(WrongProof::Token) }
    }
}
