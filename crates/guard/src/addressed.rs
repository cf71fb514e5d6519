//! Is the token meant for this very resource (RFC 8707 §2, RFC 9068 §4).

use bailiwick_oauth::{ClientId, Resource};

use crate::current::Current;
use crate::profile::AudienceRule;
use crate::refusal::{Reason, Refusal};

/// Whom tokens must be addressed to. There is no "anybody".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audience {
    /// The resource; its canonical identifier is an audience.
    pub resource: Resource,
    /// Further spellings that the issuer may put into `aud` for it.
    pub also: Vec<String>,
    /// The clients that the resource has to itself, for issuers whose tokens name no audience; see
    /// [`AudienceRule::ClaimOrOwnClient`].
    pub own_clients: Vec<ClientId>,
}

impl Audience {
    /// The resource under its canonical identifier alone.
    pub fn new(resource: Resource) -> Self {
        Self { resource, also: Vec::new(), own_clients: Vec::new() }
    }

    /// Whether a value of `aud` means this resource: byte for byte, never by prefix or origin.
    pub fn is(&self, aud: &str) -> bool {
        aud == self.resource.as_str() || self.also.iter().any(|also| also == aud)
    }
}

/// A valid token that is meant for this resource.
pub struct Addressed {
    pub(crate) current: Current,
    pub(crate) resource: Resource,
}

impl Current {
    /// Decides whether the token is meant for this resource (RFC 9068 §4).
    ///
    /// # Errors
    /// [`Reason::AudienceMismatch`].
    pub fn addressed_to(self, audience: &Audience) -> Result<Addressed, Refusal> {
        let known = &self.token.0;
        let means_us = match known.audience {
            AudienceRule::ClaimOrOwnClient if !known.token.claims.contains_key("aud") => {
                known.client_id.as_ref().is_some_and(|id| audience.own_clients.contains(id))
            }
            AudienceRule::Claim | AudienceRule::ClaimOrOwnClient => {
                known.token.aud().any(|aud| audience.is(&aud))
            }
        };
        if means_us {
            return Ok(Addressed { current: self, resource: audience.resource.clone() });
        }
        let resource = &audience.resource;
        Err(Refusal::new(
            Reason::AudienceMismatch,
            format!("the token is for another API; ask for one with resource={resource}"),
        ))
    }
}
