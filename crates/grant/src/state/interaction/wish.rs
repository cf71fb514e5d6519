//! What a request wants of the login and of the user's claims (OpenID Connect Core §3.1.2.1, §5.5).

use bailiwick_oauth::claims_request::ClaimsRequest;
use serde::{Deserialize, Serialize};

/// What a request wants of the login and of the user's claims.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wish {
    /// Who must have signed in, as the client knows its users; anybody, when it is absent.
    pub subjects: Option<Vec<String>>,
    /// How strongly.
    pub acr: Acr,
    /// The claims that are asked for by name, as far as they are known.
    pub claims: ClaimsRequest,
}

/// Which authentication contexts are wanted (OpenID Connect Core §5.5.1.1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Acr {
    /// Any.
    #[default]
    Any,
    /// Rather one of these.
    Voluntary(Vec<String>),
    /// One of these, or there is no answer.
    Essential(Vec<String>),
}
