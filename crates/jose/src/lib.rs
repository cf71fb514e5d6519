//! JOSE: signed and encrypted tokens, and their keys (RFC 7515–7519, 7638, 8037, 8725).
//!
//! The only crate of the project that does cryptography, all of it by aws-lc-rs. Keys are parsed
//! once and belong to one algorithm; what a token says about itself never widens what a key may do.
//!
//! - [`Jws`] and [`Verified`]: signed tokens (RFC 7515); [`VerifyingKey`], [`Jwks`] and [`SigningKey`]:
//!   keys that verify, sets of them (RFC 7517), keys that sign.
//! - [`Jwe`]: encrypted tokens (RFC 7516); [`DecryptionKey`] and [`EncryptionKey`]: their keys.
//! - [`SealingKey`]: values that only their maker can read, such as nonces (RFC 9449 §8).
//! - [`json`], [`base64url`]: strict readers, one meaning or none; [`digest`]: SHA-256 and comparison
//!   in constant time.
//!
//! ```
//! use bailiwick_jose::{Algorithm, Jwks, Jws, SigningKey};
//!
//! let key = SigningKey::generate(Algorithm::Es256)?;
//! let token = key.sign("at+jwt", br#"{"sub":"alice"}"#)?;
//!
//! let published = Jwks::from_keys(vec![key.verifying_key().clone()]);
//! let jws = Jws::parse(&token)?;
//! let key = published.find(jws.header().kid.as_deref(), jws.algorithm()?)?;
//! let verified = jws.verify(key)?;
//! assert!(verified.header.is_type("at+jwt"));
//! assert_eq!(verified.payload, br#"{"sub":"alice"}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod alg;
pub mod base64url;
pub mod digest;
pub mod json;
pub mod jwe;
pub mod jwk;
pub mod jwks;
pub mod jws;
mod material;
mod media_type;
mod pem;
pub mod seal;
pub mod sign;

pub use alg::{Algorithm, UnsupportedAlgorithm};
pub use jwe::{
    ContentEncryption, DecryptionKey, EncryptError, EncryptionKey, Jwe, JweError, KeyManagement,
    UnfitKey,
};
pub use jwk::{BadSignature, JwkError, VerifyingKey};
pub use jwks::{Jwks, JwksError, NoKey, Skipped};
pub use jws::{Header, Jws, Verified, VerifyError};
pub use seal::{SealError, SealingKey};
pub use sign::{KeyError, SignError, SigningKey};
