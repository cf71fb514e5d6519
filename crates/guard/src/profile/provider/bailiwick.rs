//! Bailiwick itself: RFC 9068 and RFC 8707, so there is little to say.

use bailiwick_oauth::Issuer;

use super::{Evidence, OpaqueTokens, Provider, ProviderError, ResourceParameter};
use crate::trust::Trust;

impl Provider {
    /// Bailiwick's own authorization server.
    ///
    /// # Errors
    /// [`ProviderError`], when it is no issuer.
    pub fn bailiwick(issuer: &str) -> Result<Self, ProviderError> {
        Ok(Self {
            name: "Bailiwick",
            trust: Trust::new(Issuer::parse(issuer)?),
            metadata_url: None,
            metadata_issuer: None,
            opaque: OpaqueTokens::Never,
            resource_parameter: ResourceParameter::Resource,
            evidence: Evidence::Ours("tested together"),
            traps: &[],
        })
    }
}
