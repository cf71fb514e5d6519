//! Users' passwords: argon2id hashes (RFC 9106), checked off the async threads.
//!
//! The parameters are the ones OWASP asks for: 19 MiB, two passes, one lane. A check takes some tens
//! of milliseconds and that much memory, so only a few run at the same time.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Argon2, Params};
use bailiwick_oauth::Secret;
use tokio::sync::Semaphore;

/// The fewest characters of a new password (NIST SP 800-63B §5.1.1.2).
pub const SHORTEST: usize = 8;

/// The most octets of any password.
pub const LONGEST: usize = 1024;

/// Why a password or a hash is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too easily guessed.
    #[error("a password has at least {SHORTEST} characters")]
    TooShort,
    /// Too much work to hash.
    #[error("a password has at most {LONGEST} octets")]
    TooLong,
    /// Not a hash in PHC form.
    #[error("malformed password hash")]
    MalformedHash,
    /// Another function than argon2id.
    #[error("the password hash is not argon2id")]
    OtherFunction,
    /// Parameters that make the hash too weak, or its check too dear.
    #[error("the parameters of the password hash are out of range")]
    Parameters,
    /// The library or the system failed.
    #[error("hashing the password failed")]
    Failed,
}

/// Hashes a new password.
///
/// Takes tens of milliseconds: on a server, call it off the async threads.
///
/// # Errors
/// When the password is too short or too long, or the system has no randomness to give.
pub fn hash(password: &Secret) -> Result<String, PasswordError> {
    if password.expose().chars().count() < SHORTEST {
        return Err(PasswordError::TooShort);
    }
    if password.expose().len() > LONGEST {
        return Err(PasswordError::TooLong);
    }
    let hash = Argon2::default().hash_password(password.expose().as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|_| PasswordError::Failed)
}

/// Checks that a text is an argon2id hash that this server would verify.
///
/// # Errors
/// When it is malformed, made by another function, or its parameters are out of range.
pub fn check_hash(phc: &str) -> Result<(), PasswordError> {
    let hash = PasswordHash::new(phc).map_err(|_| PasswordError::MalformedHash)?;
    if hash.algorithm.as_str() != "argon2id" {
        return Err(PasswordError::OtherFunction);
    }
    if hash.hash.is_none() || hash.salt.is_none() {
        return Err(PasswordError::MalformedHash);
    }
    let params = Params::try_from(&hash).map_err(|_| PasswordError::Parameters)?;
    let in_range = (LEAST_MEMORY..=MOST_MEMORY).contains(&params.m_cost())
        && params.t_cost() <= MOST_PASSES
        && params.p_cost() <= MOST_LANES;
    if in_range { Ok(()) } else { Err(PasswordError::Parameters) }
}

/// Verifies passwords, a few at a time; clones share the bound.
#[derive(Clone)]
pub struct Passwords {
    permits: Arc<Semaphore>,
    decoy: Arc<str>,
}

impl Passwords {
    /// Verifies at most `permits` passwords at the same time; at least one.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn new(permits: usize) -> Result<Self, PasswordError> {
        let permits = Arc::new(Semaphore::new(permits.clamp(1, Semaphore::MAX_PERMITS)));
        let decoy = hash(&Secret::new("nobody's password"))?.into();
        Ok(Self { permits, decoy })
    }

    /// Whether the password is the one of the hash; `false` for a user without one.
    ///
    /// `None`, for a user that does not exist, costs the same time: who measures learns nothing.
    pub async fn verify(&self, phc: Option<&str>, password: Secret) -> bool {
        if password.expose().len() > LONGEST {
            return false; // before any work, whoever the user is
        }
        let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await else { return false };
        let known = phc.is_some();
        let phc: Arc<str> = phc.map_or_else(|| Arc::clone(&self.decoy), Arc::from);
        let verdict = tokio::task::spawn_blocking(move || {
            let _permit = permit; // held until the work ends, even if nobody waits for it
            matches(&phc, &password)
        });
        // `&`, not `&&`: the work is done either way
        verdict.await.unwrap_or(false) & known
    }
}

fn matches(phc: &str, password: &Secret) -> bool {
    if check_hash(phc).is_err() {
        return false;
    }
    PasswordHash::new(phc).is_ok_and(|hash| {
        Argon2::default().verify_password(password.expose().as_bytes(), &hash).is_ok()
    })
}

/// In KiB: what other servers' weakest settings use, and what one check may cost here.
const LEAST_MEMORY: u32 = 4096;
const MOST_MEMORY: u32 = 256 * 1024;
const MOST_PASSES: u32 = 16;
const MOST_LANES: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_right_password_is_the_only_one() {
        let phc = hash(&Secret::new("correct horse")).unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert_eq!(check_hash(&phc), Ok(()));
        let passwords = Passwords::new(2).unwrap();
        assert!(passwords.verify(Some(&phc), Secret::new("correct horse")).await);
        for wrong in ["", "Correct horse", "correct horse ", &"x".repeat(LONGEST + 1)] {
            assert!(!passwords.verify(Some(&phc), Secret::new(wrong)).await, "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_user_without_a_hash_never_signs_in() {
        let passwords = Passwords::new(1).unwrap();
        for guess in ["nobody's password", "", "x"] {
            assert!(!passwords.verify(None, Secret::new(guess)).await);
        }
        assert!(!passwords.verify(Some("not a hash"), Secret::new("not a hash")).await);
    }

    #[test]
    fn a_new_password_has_bounds() {
        assert_eq!(hash(&Secret::new("sevenly")), Err(PasswordError::TooShort));
        assert_eq!(hash(&Secret::new("x".repeat(1025))), Err(PasswordError::TooLong));
        assert!(hash(&Secret::new("ümläüté!")).is_ok());
    }

    #[test]
    fn a_hash_is_argon2id_within_bounds() {
        let salted = "$c2FsdHNhbHRzYWx0c2FsdA$2BxBUGBm9oHHOwQUPQ9yYQlLXHqYkJo8yDDEnSFT6B4";
        let with = |start: &str| check_hash(&format!("{start}{salted}"));
        assert_eq!(with("$argon2id$v=19$m=19456,t=2,p=1"), Ok(()));
        assert_eq!(with("$argon2i$v=19$m=19456,t=2,p=1"), Err(PasswordError::OtherFunction));
        assert_eq!(with("$argon2id$v=19$m=64,t=2,p=1"), Err(PasswordError::Parameters));
        assert_eq!(with("$argon2id$v=19$m=4194304,t=2,p=1"), Err(PasswordError::Parameters));
        assert_eq!(with("$argon2id$v=19$m=19456,t=2000,p=1"), Err(PasswordError::Parameters));
        for bad in ["", "hunter2", "$argon2id$v=19$m=19456,t=2,p=1"] {
            assert_eq!(check_hash(bad), Err(PasswordError::MalformedHash), "{bad}");
        }
    }
}
