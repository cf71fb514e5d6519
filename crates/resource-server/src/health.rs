//! How a resource server is: whether verdicts are possible, and on how old keys (RFC 8414, RFC 7517).

use bailiwick_fetch::Status;

use crate::ResourceServer;

/// How a resource server is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Health {
    /// Each issuer whose JWTs pass.
    pub issuers: Vec<IssuerHealth>,
    /// Whether opaque tokens can be looked up; `None` where they are not.
    pub lookup: Option<LookupHealth>,
}

/// How the keys of an issuer are.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct IssuerHealth {
    /// The issuer, or the template of many.
    pub issuer: String,
    /// Its keys.
    pub keys: Status,
}

/// Whether opaque tokens can be looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookupHealth {
    /// As far as is known.
    Answering,
    /// The issuer failed to answer a moment ago.
    Failing,
}

impl Health {
    /// Whether a verdict is possible for tokens of each issuer. One that was never reached makes a
    /// server unready; an outage after that does not, as long as its keys are not stale.
    pub fn is_ready(&self) -> bool {
        self.issuers.iter().all(|issuer| issuer.keys.keys > 0)
    }
}

impl ResourceServer {
    /// How it is, at this moment; asks nobody.
    pub fn health(&self) -> Health {
        let issuer = |source: &crate::issuers::Source| IssuerHealth {
            issuer: source.trust.issuer.as_str().to_owned(),
            keys: source.keys.status(),
        };
        let lookup = self.0.lookup.as_ref().map(|lookup| {
            if lookup.is_failing() { LookupHealth::Failing } else { LookupHealth::Answering }
        });
        Health { issuers: self.0.sources.iter().map(issuer).collect(), lookup }
    }
}
