//! What a client may do by token exchange (RFC 8693).

use std::collections::BTreeSet;

use bailiwick_oauth::Resource;
use serde::{Deserialize, Serialize};

/// What a client may do by token exchange; nothing by default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ExchangeSettings {
    /// The resource servers that it is: it may exchange tokens that were issued for them.
    pub acts_for: BTreeSet<Resource>,
    /// Whether the tokens that it gets do not say that it acts (impersonation, RFC 8693 §1.1).
    pub impersonates: bool,
}
