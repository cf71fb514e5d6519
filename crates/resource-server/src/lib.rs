//! Protect an API: a tower layer and axum extractors.
