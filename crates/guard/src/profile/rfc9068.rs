//! Issuers that keep to the standard, ours among them (RFC 9068 §2).

use super::{AudienceRule, FOREIGN, Profile, ScopeSource, TypeRule};
use crate::claim::ClaimPath;

impl Profile {
    /// Tokens as RFC 9068 has them: `typ` is `at+jwt`, and all the claims of §2.2 are there.
    pub fn rfc9068() -> Self {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            typ: TypeRule::AccessToken,
            required: owned(&["sub", "aud", "client_id", "iat", "jti"]),
            fixed: Vec::new(),
            foreign: owned(&FOREIGN),
            subject: owned(&["sub"]),
            client_id: owned(&["client_id"]),
            scopes: vec![ScopeSource::text("scope")],
            roles: ["roles", "groups", "entitlements"].map(ClaimPath::member).to_vec(), // §2.2.3.1
            audience: AudienceRule::Claim,
        }
    }

    /// Answers of an introspection endpoint, which say less (RFC 7662 §2.2).
    pub fn introspection() -> Self {
        Self { required: Vec::new(), ..Self::rfc9068() }
    }
}
