//! What others publish: metadata (RFC 8414, 9728) and keys (RFC 7517), within limits.
