//! The tenant: the settings under which an issuer decides.

use std::fmt;

use bailiwick_oauth::resource::PlainHttp;
use bailiwick_oauth::scope::OPENID_CONNECT;
use bailiwick_oauth::{Issuer, Resource, Scope, Scopes};

use crate::state::{Profile, ResponseIss, SenderSettings};
use crate::{TrustedIssuer, UnknownClients};

/// The settings under which an issuer decides.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// The issuer.
    pub issuer: Issuer,
    /// The resource that a request without one is taken for; a client's own default beats it.
    pub default_resource: Option<Resource>,
    /// Whether what falls out in downscoping fails the request.
    pub strict: bool,
    /// The scopes that belong to no resource server: OpenID Connect's and the operator's.
    pub global_scopes: Scopes,
    /// The most resources that one request may name.
    pub most_resources: usize,
    /// Where plain `http` identifiers are accepted.
    pub plain_http: PlainHttp,
    /// Whether authorization responses carry `iss`; each client has a switch of its own.
    pub response_iss: ResponseIss,
    /// How clients send their authorization requests.
    pub requests: RequestRules,
    /// What a login by password is called in `acr`.
    pub login_acr: String,
    /// What pairwise subjects are made with; the product takes it from its stored secrets.
    pub pairwise_salt: PairwiseSalt,
    /// The security profile that all clients are held to.
    pub profile: Profile,
    /// What it wants of the senders of token requests.
    pub sender: SenderSettings,
    /// The issuers whose assertions are taken as grants (RFC 7523 §2.1).
    pub trusted_issuers: Vec<TrustedIssuer>,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// What clients may do that describe themselves.
    pub unknown_clients: UnknownClients,
}

/// How clients send their authorization requests; a client may be held to more.
#[derive(Debug, Clone, Default)]
pub struct RequestRules {
    /// Whether all must push them (RFC 9126 §5).
    pub require_pushed: bool,
    /// Whether all must sign them (RFC 9101 §10.5).
    pub require_signed: bool,
}

/// What makes pairwise subjects irreversible (OpenID Connect Core §8.1): never printed, never changed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PairwiseSalt([u8; 32]);

impl PairwiseSalt {
    /// A salt of 256 random bits.
    pub fn new(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    /// The octets.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for PairwiseSalt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairwiseSalt([redacted])")
    }
}

/// How long things live, in seconds.
#[derive(Debug, Clone)]
pub struct Lifetimes {
    /// An authorization code.
    pub code: i64,
    /// A refresh token, from its issue.
    pub refresh_token: i64,
    /// How long a rotated refresh token may be replayed (rules §6.4).
    pub replay: i64,
    /// The userinfo token.
    pub userinfo_token: i64,
    /// An ID token.
    pub id_token: i64,
    /// A pushed authorization request, until the browser brings its reference.
    pub pushed_request: i64,
    /// An authorization request that waits for the user.
    pub interaction: i64,
    /// A device code, with the user code that belongs to it (RFC 8628 §3.2).
    pub device_code: i64,
    /// A login.
    pub session: i64,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            code: 60,
            refresh_token: 30 * 24 * 3600,
            replay: 10,
            userinfo_token: 600,
            id_token: 600,
            pushed_request: 60,
            interaction: 3600,
            device_code: 600,
            session: 12 * 3600,
        }
    }
}

impl Tenant {
    /// A tenant with the defaults of the rules.
    pub fn new(issuer: Issuer) -> Self {
        Self {
            issuer,
            default_resource: None,
            strict: false,
            global_scopes: OPENID_CONNECT
                .iter()
                .filter_map(|name| Scope::parse(name).ok())
                .collect(),
            most_resources: 16,
            plain_http: PlainHttp::Loopback,
            response_iss: ResponseIss::Send,
            requests: RequestRules::default(),
            login_acr: "pwd".to_owned(),
            pairwise_salt: PairwiseSalt::default(),
            profile: Profile::None,
            sender: SenderSettings::default(),
            trusted_issuers: Vec::new(),
            lifetimes: Lifetimes::default(),
            unknown_clients: UnknownClients::default(),
        }
    }
}
