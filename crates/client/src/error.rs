//! What can go wrong on the client's side of a flow.

use std::time::Duration;

use bailiwick_fetch::FetchError;

/// Why a client did not get what it asked for; no message holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The authorization server cannot be reached, or publishes nothing usable.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The authorization server said no (RFC 6749 §4.1.2.1, §5.2; RFC 6750 §3).
    #[error("the server answered {}", refusal(error, description.as_deref()))]
    Refused {
        /// The error code, as it was sent.
        error: String,
        /// Its description, as it was sent; a stranger's text.
        description: Option<String>,
        /// The status; `None` when the answer came by redirect.
        status: Option<u16>,
    },
    /// The authorization server's metadata names no such endpoint.
    #[error("the authorization server publishes no {0}")]
    Endpoint(&'static str),
    /// An answer is not what the RFC says.
    #[error("the answer of the {endpoint} is malformed: {why}")]
    Malformed {
        /// Whose answer.
        endpoint: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The answer is not to this request: somebody may have slipped in another (RFC 6749 §10.12).
    #[error("the answer's state is not the one of this request; start again")]
    State,
    /// The answer is not of this issuer: a mix-up (RFC 9207 §2.4).
    #[error(
        "the answer comes from another issuer than {expected}, or does not say from which; start again"
    )]
    Issuer {
        /// The issuer that was asked.
        expected: String,
    },
    /// The system has no randomness to give.
    #[error("the system has no randomness to give")]
    Randomness,
    /// The loopback redirect cannot be listened for.
    #[error("cannot listen for the redirect: {0}")]
    Loopback(String),
    /// The browser did not come back.
    #[error("the browser did not come back within {} s", .0.as_secs())]
    NobodyCame(Duration),
}

/// What the server said, fit for a terminal.
fn refusal(error: &str, description: Option<&str>) -> String {
    let text = match description {
        Some(description) => format!("{error}: {description}"),
        None => error.to_owned(),
    };
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}
