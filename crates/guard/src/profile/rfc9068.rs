//! Issuers that keep to the standard, ours among them (RFC 9068 §2).

use super::{Profile, TypeRule};

impl Profile {
    /// Tokens as RFC 9068 has them: `typ` is `at+jwt`, and all the claims of §2.2 are there.
    pub fn rfc9068() -> Self {
        let required = ["aud", "client_id", "iat", "jti"];
        Self {
            typ: TypeRule::AccessToken,
            required: required.map(str::to_owned).to_vec(),
            client_id: vec!["client_id".to_owned()],
        }
    }
}
