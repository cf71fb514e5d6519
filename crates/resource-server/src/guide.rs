//! The guide: a page for each concept, with examples.
//!
//! The pages are those of `docs/resource-server` in the repository, where the links between them work.
//! Every example is a test of this crate.

#[doc = include_str!("../../../docs/resource-server/getting-started.md")]
pub mod getting_started {}

#[doc = include_str!("../../../docs/resource-server/tokens.md")]
pub mod tokens {}

#[doc = include_str!("../../../docs/resource-server/opaque-tokens.md")]
pub mod opaque_tokens {}

#[doc = include_str!("../../../docs/resource-server/issuers.md")]
pub mod issuers {}

#[doc = include_str!("../../../docs/resource-server/proof-of-possession.md")]
pub mod proof_of_possession {}

#[doc = include_str!("../../../docs/resource-server/rules.md")]
pub mod rules {}

#[doc = include_str!("../../../docs/resource-server/revocation.md")]
pub mod revocation {}

#[doc = include_str!("../../../docs/resource-server/encrypted-tokens.md")]
pub mod encrypted_tokens {}

#[doc = include_str!("../../../docs/resource-server/testing.md")]
pub mod testing {}

#[doc = include_str!("../../../docs/resource-server/operating.md")]
pub mod operating {}
