//! First-use and rate windows: assertions, proofs, throttles.
