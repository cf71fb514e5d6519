//! Explaining a verdict: every check in its order, with its outcome (RFC 9068 §4).
//!
//! The stages decide; this only tells how far they came. There is no second implementation.

use serde::Serialize;

use crate::authentic::{Missing, Stop};
use crate::refusal::Reason;

macro_rules! steps {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $section:literal;)*) => {
        /// A check of the stages.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum Step { $($(#[$doc])* #[serde(rename = $name)] $variant,)* }

        impl Step {
            /// Every check, in the order in which it is made.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// Its name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The section that demands it.
            pub const fn section(self) -> &'static str {
                match self { $(Self::$variant => $section,)* }
            }
        }
    };
}

steps! {
    /// One bearer token, in the header.
    Present = "present", "RFC 6750 §2.1";
    /// A signed JWT in canonical form.
    Form = "form", "RFC 7515 §5.2";
    /// Known to its issuer and live, for tokens that are looked up there.
    Introspection = "introspection", "RFC 7662 §2.2";
    /// From a trusted issuer.
    Issuer = "issuer", "RFC 9068 §4";
    /// An access token, and no other kind of JWT.
    Type = "type", "RFC 8725 §3.11";
    /// Signed with an accepted algorithm.
    Algorithm = "algorithm", "RFC 8725 §3.1";
    /// Signed with a key that the issuer publishes.
    Key = "key", "RFC 7517 §4.5";
    /// Signed correctly.
    Signature = "signature", "RFC 7515 §5.2";
    /// With all claims that are required, well typed.
    Claims = "claims", "RFC 9068 §2.2";
    /// Neither expired nor early.
    Current = "current", "RFC 7519 §4.1.4";
    /// Not revoked.
    Revocation = "revocation", "RFC 7009 §2";
    /// Meant for this resource.
    Addressed = "addressed", "RFC 8707 §2";
    /// In the right hands.
    Bound = "bound", "RFC 9449 §7.2";
    /// With all that the route asks for.
    Allowed = "allowed", "RFC 6750 §3.1";
}

/// One check and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The check.
    pub name: Step,
    /// The section that demands it.
    pub section: &'static str,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The token passed.
    Passed,
    /// The token is refused.
    Failed {
        /// The rule that refused.
        reason: Reason,
        /// What the client reads.
        description: String,
        /// What only the operator reads.
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// A fact is missing.
    Missing {
        /// What is missing.
        fact: String,
    },
    /// An earlier check settled it.
    NotReached,
    /// Tokens of this kind are not checked so.
    NotApplicable,
}

/// How a token is found genuine, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// By its signature.
    Verified,
    /// By asking its issuer.
    LookedUp,
}

impl Path {
    /// Whether tokens of this path pass through a check at all.
    fn has(self, step: Step) -> bool {
        match self {
            Self::Verified => step != Step::Introspection,
            Self::LookedUp => {
                !matches!(step, Step::Form | Step::Algorithm | Step::Key | Step::Signature)
            }
        }
    }
}

/// Tells what came of every check, from where the stages stopped; `None` when they did not.
///
/// Of several faults only the first is found, as for any request.
pub fn explain(path: Path, stop: Option<&Stop>) -> Vec<Check> {
    let stopped = stop.map(|stop| match stop {
        Stop::Refused(refusal) => {
            let (reason, description) = (refusal.reason(), refusal.description().to_owned());
            let note = refusal.note().map(str::to_owned);
            (reason.step(), Outcome::Failed { reason, description, note })
        }
        Stop::Missing(Missing::Key { issuer, kid, algorithm }) => {
            let kid = kid.as_ref().map_or_else(String::new, |kid| format!(" '{kid}'"));
            (Step::Key, Outcome::Missing { fact: format!("the {algorithm} key{kid} of {issuer}") })
        }
        Stop::Missing(Missing::Status { reference, .. }) => {
            (Step::Revocation, Outcome::Missing { fact: format!("the list {}", reference.uri) })
        }
    });
    let outcome = |step: Step| match &stopped {
        Some((at, outcome)) if step == *at => outcome.clone(),
        _ if !path.has(step) => Outcome::NotApplicable,
        Some((at, _)) if step > *at => Outcome::NotReached,
        _ => Outcome::Passed,
    };
    Step::ALL
        .map(|step| Check { name: step, section: step.section(), outcome: outcome(step) })
        .to_vec()
}
