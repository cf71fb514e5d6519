//! SHA-256 (RFC 6234) and comparison in constant time.

use aws_lc_rs::{constant_time, digest};

/// Hashes `bytes` with SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

/// Compares two secrets, in time that depends on their lengths only.
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}
