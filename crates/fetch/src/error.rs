//! What can go wrong with something that others publish.

use std::time::Duration;

/// Why something could not be fetched; the message says whom to ask, and holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The URL is none that is fetched: the operator's, or its publisher's, mistake.
    #[error("'{url}' is not fetched: {why}")]
    Url {
        /// The URL, without its query.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The host is at a private, link-local or special address.
    #[error("'{host}' has no public address; if it is meant to be private, allow this host")]
    Address {
        /// The host.
        host: String,
    },
    /// The host's name has no address.
    #[error("the host '{host}' cannot be resolved; check its name and this machine's DNS")]
    Resolve {
        /// The host.
        host: String,
    },
    /// No connection: nobody listens, or the TLS handshake failed.
    #[error("no connection for '{url}': {why}")]
    Connect {
        /// The URL, without its query.
        url: String,
        /// The innermost reason.
        why: String,
    },
    /// The server took too long.
    #[error("'{url}' did not answer within {} ms", limit.as_millis())]
    Timeout {
        /// The URL, without its query.
        url: String,
        /// The time limit.
        limit: Duration,
    },
    /// The answer is too large.
    #[error("the answer of '{url}' is larger than {limit} bytes")]
    TooLarge {
        /// The URL, without its query.
        url: String,
        /// The size limit.
        limit: usize,
    },
    /// The server redirects, which is not followed.
    #[error("'{url}' redirects to '{to}'; redirects are not followed, use the final address")]
    Redirect {
        /// The URL, without its query.
        url: String,
        /// Where to, without its query.
        to: String,
    },
    /// The server answered with another status than 200.
    #[error("'{url}' answered with status {status}")]
    Status {
        /// The URL, without its query.
        url: String,
        /// The status.
        status: u16,
    },
    /// The endpoint refuses our own credentials, not what was asked about.
    #[error(
        "'{url}' refuses our credentials with status {status}; check how this client is registered there"
    )]
    Refused {
        /// The URL, without its query.
        url: String,
        /// The status.
        status: u16,
    },
    /// No credentials could be made for the endpoint.
    #[error("no credentials can be made for '{url}': {why}")]
    Credentials {
        /// The URL, without its query.
        url: String,
        /// What failed.
        why: &'static str,
    },
    /// The answer is not said to be JSON.
    #[error("'{url}' answered with content type '{content_type}' instead of JSON")]
    ContentType {
        /// The URL, without its query.
        url: String,
        /// The content type.
        content_type: String,
    },
    /// The answer is not what it should be.
    #[error("the answer of '{url}' is malformed: {why}")]
    Malformed {
        /// The URL, without its query.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The answer is signed, or should be, in a way that is not believed.
    #[error("the answer of '{url}' is not believed: {why}")]
    Untrusted {
        /// The URL, without its query.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The document is about somebody else (RFC 8414 §3.3, RFC 9728 §3.3).
    #[error(
        "the document at '{url}' is for '{found}' instead of '{expected}'; both must be equal byte for byte"
    )]
    Mismatch {
        /// The URL, without its query.
        url: String,
        /// Whom the document was asked for.
        expected: String,
        /// Whom it names.
        found: String,
    },
    /// Nothing is published at any of the well-known places.
    #[error("no metadata for '{subject}': nothing is published at {}", tried.join(", "))]
    NotPublished {
        /// The issuer or resource.
        subject: String,
        /// Where it was looked for.
        tried: Vec<String>,
    },
    /// The metadata lacks an entry that is needed.
    #[error("the metadata of '{subject}' has no {entry}")]
    Missing {
        /// The issuer or resource.
        subject: String,
        /// The name of the entry.
        entry: &'static str,
    },
    /// The keys are older than they may be, and no newer ones can be had.
    #[error("the keys of '{issuer}' are {} s old and cannot be refreshed: {why}", age.as_secs())]
    Stale {
        /// The issuer.
        issuer: String,
        /// The keys' age.
        age: Duration,
        /// Why there are no newer ones.
        why: Box<FetchError>,
    },
    /// The process is about to end.
    #[error("the fetch for '{subject}' was interrupted")]
    Interrupted {
        /// The issuer.
        subject: String,
    },
}

/// Why no [`Fetcher`](crate::Fetcher) can be made: the operator's mistake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A certificate of an extra authority cannot be read.
    #[error("an extra certificate authority is not a PEM certificate: {0}")]
    Certificate(String),
    /// The client's certificate or its private key cannot be used; never shows the key.
    #[error("the client certificate cannot be used: {0}")]
    Identity(String),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}
