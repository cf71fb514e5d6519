//! A security profile that an issuer or a client is held to (FAPI 2.0).

use serde::{Deserialize, Serialize};

/// A security profile; the stronger of issuer and client holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// None: the rules of this server alone.
    #[default]
    None,
    /// FAPI 2.0 Security Profile.
    Fapi2,
    /// FAPI 2.0 Message Signing on top of it.
    Fapi2MessageSigning,
}
