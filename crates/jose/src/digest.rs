//! The SHA-2 family (RFC 6234) and comparison in constant time.

use aws_lc_rs::{constant_time, digest};

use crate::Algorithm;

/// Hashes `bytes` with SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

/// Hashes `bytes` with the function that a signature algorithm hashes with; Ed25519 uses SHA-512
/// (RFC 8032 §5.1).
pub fn of_algorithm(algorithm: Algorithm, bytes: &[u8]) -> Vec<u8> {
    let function = match algorithm {
        Algorithm::Rs256 | Algorithm::Ps256 | Algorithm::Es256 => &digest::SHA256,
        Algorithm::Es384 => &digest::SHA384,
        Algorithm::EdDsa => &digest::SHA512,
    };
    digest::digest(function, bytes).as_ref().to_vec()
}

/// Compares two secrets, in time that depends on their lengths only.
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}
