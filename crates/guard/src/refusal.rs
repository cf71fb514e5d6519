//! Why a token does not pass: a stable reason, a status, and words for the client (RFC 6750 §3.1).

use std::borrow::Cow;
use std::fmt;

use bailiwick_oauth::error::ErrorAnswer;
use bailiwick_oauth::{ErrorCode, Scopes};
use http::StatusCode;
use serde::Serialize;

use crate::explain::Step;

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $code:literal at $step:ident: $error:expr,)*) => {
        /// The one rule that refused; its code is stable, for logs and metrics.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
        #[non_exhaustive]
        pub enum Reason { $($(#[$doc])* #[serde(rename = $code)] $variant,)* }

        impl Reason {
            /// Every reason; the number of one is its place here.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable code.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The step that refused.
            pub const fn step(self) -> Step {
                match self { $(Self::$variant => Step::$step,)* }
            }

            /// What the client reads; `None` where it has made no mistake yet (RFC 6750 §3.1).
            pub const fn error(self) -> Option<ErrorCode> {
                match self { $(Self::$variant => $error,)* }
            }
        }
    };
}

const NO_ERROR: Option<ErrorCode> = None;
const INVALID_REQUEST: Option<ErrorCode> = Some(ErrorCode::InvalidRequest);
const INVALID_TOKEN: Option<ErrorCode> = Some(ErrorCode::InvalidToken);
const INSUFFICIENT_SCOPE: Option<ErrorCode> = Some(ErrorCode::InsufficientScope);
const UNAVAILABLE: Option<ErrorCode> = Some(ErrorCode::TemporarilyUnavailable);
const ACCESS_DENIED: Option<ErrorCode> = Some(ErrorCode::AccessDenied);
const INVALID_PROOF: Option<ErrorCode> = Some(ErrorCode::InvalidDpopProof);
const USE_NONCE: Option<ErrorCode> = Some(ErrorCode::UseDpopNonce);
const LOGIN: Option<ErrorCode> = Some(ErrorCode::InsufficientUserAuthentication);

reasons! {
    /// No credentials were sent.
    NoCredentials = "no_credentials" at Present: NO_ERROR,
    /// Credentials of a kind that is not accepted here were sent.
    SchemeUnsupported = "scheme_unsupported" at Present: NO_ERROR,
    /// More than one token was sent.
    SeveralCredentials = "several_credentials" at Present: INVALID_REQUEST,
    /// The credentials are no bearer token.
    CredentialsMalformed = "credentials_malformed" at Present: INVALID_REQUEST,
    /// The token was sent in the query.
    QueryToken = "query_token" at Present: INVALID_REQUEST,
    /// The token is no well-formed JWT, or uses an extension that is not supported.
    TokenMalformed = "token_malformed" at Form: INVALID_TOKEN,
    /// The token is encrypted, and not so that it can be read here.
    DecryptionFailed = "decryption_failed" at Form: INVALID_TOKEN,
    /// The token is not from a trusted issuer.
    IssuerMismatch = "issuer_mismatch" at Issuer: INVALID_TOKEN,
    /// The token is another kind of JWT.
    TypeMismatch = "type_mismatch" at Type: INVALID_TOKEN,
    /// The algorithm is not accepted from this issuer.
    AlgorithmRefused = "algorithm_refused" at Algorithm: INVALID_TOKEN,
    /// The issuer publishes no such key.
    KeyUnknown = "key_unknown" at Key: INVALID_TOKEN,
    /// The key is for another algorithm or issuer, or cannot be told from others.
    KeyMismatch = "key_mismatch" at Key: INVALID_TOKEN,
    /// The issuer's keys cannot be had, so there is no verdict.
    KeysUnavailable = "keys_unavailable" at Key: UNAVAILABLE,
    /// The signature is wrong.
    SignatureInvalid = "signature_invalid" at Signature: INVALID_TOKEN,
    /// The issuer knows no such live token.
    TokenInactive = "token_inactive" at Introspection: INVALID_TOKEN,
    /// The issuer cannot be asked about the token, so there is no verdict.
    IntrospectionUnavailable = "introspection_unavailable" at Introspection: UNAVAILABLE,
    /// A claim has the wrong type or form.
    ClaimMalformed = "claim_malformed" at Claims: INVALID_TOKEN,
    /// A required claim is missing.
    ClaimMissing = "claim_missing" at Claims: INVALID_TOKEN,
    /// The token is past its time.
    Expired = "expired" at Current: INVALID_TOKEN,
    /// The token is before its time.
    NotYetValid = "not_yet_valid" at Current: INVALID_TOKEN,
    /// The token was revoked.
    Revoked = "revoked" at Revocation: INVALID_TOKEN,
    /// The token's status list cannot be had, so there is no verdict.
    StatusUnavailable = "status_unavailable" at Revocation: UNAVAILABLE,
    /// The token is for another resource.
    AudienceMismatch = "audience_mismatch" at Addressed: INVALID_TOKEN,
    /// The token is bound to a key, of which there is no proof.
    ProofMissing = "proof_missing" at Bound: INVALID_TOKEN,
    /// The token is bound to a client certificate, and none was shown.
    CertificateMissing = "certificate_missing" at Bound: INVALID_TOKEN,
    /// Only tokens that are bound to their sender are accepted, and this one is not.
    BindingRequired = "binding_required" at Bound: INVALID_TOKEN,
    /// The token is sent as bound to a key, and is not, or to another one.
    BindingMismatch = "binding_mismatch" at Bound: INVALID_TOKEN,
    /// The DPoP proof is malformed, or not for this request and token.
    ProofInvalid = "proof_invalid" at Bound: INVALID_PROOF,
    /// The DPoP proof was used before.
    ProofReplayed = "proof_replayed" at Bound: INVALID_PROOF,
    /// The DPoP proof lacks a nonce of this server.
    NonceRequired = "nonce_required" at Bound: USE_NONCE,
    /// Whether the proof was used before cannot be found out, so there is no verdict.
    ReplayUnknown = "replay_unknown" at Bound: UNAVAILABLE,
    /// The client is not among those that are let in.
    ClientRefused = "client_refused" at Allowed: ACCESS_DENIED,
    /// The subject is not among those that are let in.
    SubjectRefused = "subject_refused" at Allowed: ACCESS_DENIED,
    /// The token lacks the scope.
    InsufficientScope = "insufficient_scope" at Allowed: INSUFFICIENT_SCOPE,
    /// The token lacks the role.
    RoleMissing = "role_missing" at Allowed: ACCESS_DENIED,
    /// A claim is not as the route wants it.
    ClaimRefused = "claim_refused" at Allowed: ACCESS_DENIED,
    /// The token lacks the authorization details.
    DetailsInsufficient = "details_insufficient" at Allowed: ACCESS_DENIED,
    /// The user signed in by too weak means.
    LoginWeak = "login_weak" at Allowed: LOGIN,
    /// The user signed in too long ago.
    LoginOld = "login_old" at Allowed: LOGIN,
    /// A policy says no.
    PolicyDenied = "policy_denied" at Allowed: ACCESS_DENIED,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What would make the same request pass, as far as a challenge can say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// A token with this scope (RFC 6750 §3).
    Scope(Scopes),
    /// A token from such a login (RFC 9470 §3).
    Login {
        /// One of these authentication context classes; none when any will do.
        acr_values: Vec<String>,
        /// At most this many seconds ago.
        max_age: Option<i64>,
    },
}

/// A refusal: to blame is whoever sent the token, but where the status is 503.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {description}")]
pub struct Refusal {
    reason: Reason,
    description: Cow<'static, str>,
    remedy: Option<Box<Remedy>>,
    note: Option<Box<str>>,
}

impl Refusal {
    /// A refusal by a rule, with words for the client: no secret, and nothing of the token.
    pub fn new(reason: Reason, description: impl Into<Cow<'static, str>>) -> Self {
        Self { reason, description: description.into(), remedy: None, note: None }
    }

    /// The same refusal, saying what would do.
    pub(crate) fn with_remedy(self, remedy: Remedy) -> Self {
        Self { remedy: Some(Box::new(remedy)), ..self }
    }

    /// The rule that refused.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// What the client did wrong and what to do about it.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The same refusal, with a note for the operator that the client does not read.
    pub(crate) fn with_note(self, note: &str) -> Self {
        Self { note: Some(note.into()), ..self }
    }

    /// What only the operator reads, in logs and explanations; no claim's value.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// What would make the same request pass.
    pub fn remedy(&self) -> Option<&Remedy> {
        self.remedy.as_deref()
    }

    /// The scope that would do, when scope is what was lacking.
    pub fn scope(&self) -> Option<&Scopes> {
        match self.remedy() {
            Some(Remedy::Scope(scope)) => Some(scope),
            _ => None,
        }
    }

    /// The error code for the client; `None` where it has made no mistake yet (RFC 6750 §3.1).
    pub fn error(&self) -> Option<ErrorCode> {
        self.reason.error()
    }

    /// The status of the answer (RFC 6750 §3.1, RFC 9449 §7.1).
    pub fn status(&self) -> StatusCode {
        self.error().map_or(StatusCode::UNAUTHORIZED, ErrorCode::status)
    }

    /// The body of the answer; `None` where the challenge says it all.
    pub fn answer(&self) -> Option<ErrorAnswer> {
        self.error().map(|error| ErrorAnswer::new(error, &self.description))
    }
}
