//! The authorization server as a router: its parts, its paths, its limits.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::response::Response;
use axum::routing::{get, post};
use bailiwick_fetch::Fetcher;
use bailiwick_grant::{Door, Tenant};
use bailiwick_jose::{base64url, digest};
use bailiwick_oauth::Resource;
use bailiwick_oauth::resource::PlainHttp;
use bailiwick_store::Store;
use bailiwick_window::{FirstUse, MemoryFirstUse, MemoryThrottle, Pace, Throttle};
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use tokio::sync::Notify;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{Any, CorsLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

use crate::branding::Branding;
use crate::certificate::{self, ClientCertificates};
use crate::client_keys::ClientKeys;
use crate::config::Login;
use crate::cookie::Cookies;
use crate::document::Documents;
use crate::endpoint::{
    account, assets, authorize, consent, device, device_authorization, health, introspect, jwks,
    login, logout, metadata, par, register, revoke, sender, token, userinfo,
};
use crate::keys::Keyring;
use crate::outbox::{Outbox, Watched};
use crate::password::Passwords;
use crate::sealed::Recipients;
use crate::trusted_keys::TrustedKeys;
use crate::{answer, event, form};

/// What an authorization server is made of.
pub struct Parts {
    /// The settings under which it decides.
    pub tenant: Tenant,
    /// Where everything is remembered: the one truth.
    pub store: Arc<dyn Store>,
    /// What it signs with.
    pub keyring: Keyring,
    /// What checks the users' passwords.
    pub passwords: Passwords,
    /// What asks others: for their documents and keys, and to tell them what happened.
    pub fetcher: Fetcher,
    /// The time, in seconds since 1970.
    pub clock: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// Secure randomness, 32 octets at a time.
    pub entropy: Arc<dyn Fn() -> [u8; 32] + Send + Sync>,
    /// Which assertions were used.
    pub first_use: Arc<dyn FirstUse>,
    /// How often sign-ins failed, by account and address.
    pub accounts: Arc<dyn Throttle>,
    /// How often sign-ins were tried, by address.
    pub addresses: Arc<dyn Throttle>,
    /// How often clients were registered, by address.
    pub registrations: Arc<dyn Throttle>,
    /// How the pages look.
    pub branding: Branding,
    /// For development: the user who is signed in, and allows everything, without being asked.
    pub dangerous_sign_in_as: Option<String>,
    /// The proxies in front, whose `X-Forwarded-For` is believed; nobody else's is.
    pub proxies: Vec<IpAddr>,
    /// Who vouches for client certificates; none are looked at without it (RFC 8705).
    pub certificates: Option<ClientCertificates>,
    /// The names that the Microsoft v1 endpoints answer to: `/{name}/oauth2/authorize` (rules §8).
    pub v1_names: Vec<String>,
    /// How long one request may take.
    pub timeout: Duration,
}

impl Parts {
    /// The parts of one process: the system's clock and randomness, windows in memory.
    pub fn new(
        tenant: Tenant,
        store: Arc<dyn Store>,
        keyring: Keyring,
        passwords: Passwords,
        login: Login,
        fetcher: Fetcher,
    ) -> Self {
        let pace = Pace { free: login.attempts, period: login.window, ..Pace::default() };
        let crowd = Pace { free: login.attempts.saturating_mul(100), ..pace };
        Self {
            tenant,
            store,
            keyring,
            passwords,
            fetcher,
            clock: Arc::new(|| jiff::Timestamp::now().as_second()),
            entropy: Arc::new(system_randomness),
            first_use: Arc::new(MemoryFirstUse::default()),
            accounts: Arc::new(MemoryThrottle::new(pace, MOST_THROTTLED)),
            addresses: Arc::new(MemoryThrottle::new(crowd, MOST_THROTTLED)),
            registrations: Arc::new(MemoryThrottle::new(REGISTRATIONS, MOST_THROTTLED)),
            branding: Branding::default(),
            dangerous_sign_in_as: None,
            proxies: Vec::new(),
            certificates: None,
            v1_names: vec!["common".to_owned(), "default".to_owned()],
            timeout: Duration::from_secs(30),
        }
    }
}

/// How fast clients may be registered from one address: twenty, then ever more slowly.
const REGISTRATIONS: Pace = Pace { free: 20, period: 3600, first_wait: 10 };

/// How many accounts or addresses are counted at the same time.
const MOST_THROTTLED: usize = 100_000;

#[expect(clippy::expect_used, reason = "without randomness no secret may be issued at all")]
pub(crate) fn system_randomness() -> [u8; 32] {
    let mut octets = [0; 32];
    aws_lc_rs::rand::fill(&mut octets).expect("the system gives randomness");
    octets
}

/// The authorization server.
pub struct AuthorizationServer;

impl AuthorizationServer {
    /// Makes the router of an authorization server: its endpoints below the issuer's path, its
    /// metadata at the well-known places.
    ///
    /// The router expects to see the paths as clients send them, so a proxy in front must not
    /// strip the issuer's path. Give it to [`serve`](crate::serve()), which tells it its peers.
    #[expect(clippy::new_ret_no_self, reason = "the router is all that there is")]
    pub fn new(parts: Parts) -> Router {
        Self::with_outbox(parts).0
    }

    /// The same, with what tells APIs of revocations: somebody must [run](Outbox::run) it.
    pub fn with_outbox(parts: Parts) -> (Router, Outbox) {
        let app = Arc::new(App::new(parts));
        let outbox = Outbox::new(Arc::clone(&app));
        (Self::router(app), outbox)
    }

    fn router(app: Arc<App>) -> Router {
        let at = |path: &str| format!("{}/{path}", app.tenant.issuer.path());
        let cors = cross_origin();
        // What browser apps call from their own origin.
        let mut machines = Router::new()
            .without_v07_checks()
            .route(&at("token"), post(token::endpoint))
            .route(&at("par"), post(par::endpoint))
            .route(&at("revoke"), post(revoke::endpoint))
            .route(&at("userinfo"), get(userinfo::endpoint).post(userinfo::endpoint))
            .route(&at("jwks"), get(jwks::endpoint));
        if app.tenant.unknown_clients.registration != Door::Closed {
            let own = get(register::read).put(register::replace).delete(register::remove);
            machines = machines
                .route(&at("register"), post(register::endpoint))
                .route(&at("register/{id}"), own);
        }
        for place in metadata::places(&app.tenant.issuer) {
            machines = machines.route(&place, get(metadata::endpoint));
        }
        let mut people = Router::new()
            .without_v07_checks()
            .route(&at("authorize"), get(authorize::endpoint).post(authorize::endpoint))
            .route(&at("authorize/posted"), get(authorize::posted))
            .route(&at("login"), post(login::endpoint))
            .route(&at("consent"), get(consent::page).post(consent::endpoint))
            .route(&at("device"), get(device::page).post(device::endpoint))
            .route(&at("device_authorization"), post(device_authorization::endpoint))
            .route(&at("logout"), get(logout::endpoint).post(logout::endpoint))
            .route(&at("logout/confirm"), post(logout::confirmed))
            .route(&at("account"), get(account::page).post(account::endpoint))
            .route(&at("account/login"), post(account::login))
            .route(&at("introspect"), post(introspect::endpoint))
            .route(&at("health"), get(health::live))
            .route(&at("ready"), get(health::ready))
            .route(&app.style_path, get(assets::style))
            .route(&app.icon_path, get(assets::icon));
        if let Some(look) = &app.logo_path {
            people = people.route(look, get(assets::logo));
        }
        // An issuer with a path is a tenant in itself: `/{tenant}/oauth2/authorize` (rules §8).
        let v1_names = app.v1_names.iter().map(|name| format!("{name}/oauth2"));
        let own = (!app.tenant.issuer.path().is_empty()).then(|| "oauth2".to_owned());
        for place in v1_names.chain(own) {
            let authorize = get(authorize::endpoint).post(authorize::endpoint);
            people = people.route(&at(&format!("{place}/authorize")), authorize);
            machines = machines.route(&at(&format!("{place}/token")), post(token::endpoint_v1));
        }
        machines
            // Before the layer, which answers preflights in the place of this.
            .method_not_allowed_fallback(answer::method_not_allowed)
            .layer(cors)
            .merge(people.method_not_allowed_fallback(answer::method_not_allowed))
            .fallback(answer::not_found)
            .layer(DefaultBodyLimit::max(form::LONGEST))
            .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, app.timeout))
            .layer(CatchPanicLayer::custom(answer::panicked))
            .layer(SetResponseHeaderLayer::if_not_present(
                http::header::X_CONTENT_TYPE_OPTIONS,
                http::HeaderValue::from_static("nosniff"),
            ))
            .layer(middleware::from_fn_with_state(Arc::clone(&app), certificate::read))
            .layer(middleware::from_fn(event::log))
            .with_state(app)
    }
}

/// Any origin may call these endpoints: they take no cookies, only what a script holds itself.
fn cross_origin() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, sender::DPOP])
        .expose_headers([WWW_AUTHENTICATE, RETRY_AFTER, sender::DPOP_NONCE])
        .max_age(Duration::from_hours(1))
}

/// The state that all endpoints share.
pub(crate) struct App {
    pub(crate) tenant: Tenant,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) keyring: ArcSwap<Keyring>,
    pub(crate) passwords: Passwords,
    pub(crate) fetcher: Fetcher,
    pub(crate) recipients: Recipients,
    pub(crate) client_keys: ClientKeys,
    /// Wakes the outbox.
    pub(crate) revocations: Arc<Notify>,
    pub(crate) documents: Documents,
    /// How often clients were registered, by address.
    pub(crate) registrations: Arc<dyn Throttle>,
    /// How many clients registered themselves, as of lately.
    pub(crate) registered: register::Count,
    pub(crate) trusted_keys: TrustedKeys,
    pub(crate) first_use: Arc<dyn FirstUse>,
    pub(crate) accounts: Arc<dyn Throttle>,
    pub(crate) addresses: Arc<dyn Throttle>,
    pub(crate) proxies: Vec<IpAddr>,
    pub(crate) dangerous_sign_in_as: Option<String>,
    pub(crate) certificates: Option<ClientCertificates>,
    pub(crate) cookies: Cookies,
    /// The origin that browsers send for pages of ours, in its canonical spelling.
    pub(crate) origin: String,
    pub(crate) branding: Branding,
    pub(crate) style: String,
    pub(crate) style_path: String,
    pub(crate) icon_path: String,
    pub(crate) logo_path: Option<String>,
    pub(crate) metadata: ArcSwapOption<metadata::Written>,
    v1_names: Vec<String>,
    timeout: Duration,
    clock: Arc<dyn Fn() -> i64 + Send + Sync>,
    entropy: Arc<dyn Fn() -> [u8; 32] + Send + Sync>,
}

impl App {
    fn new(mut parts: Parts) -> Self {
        parts.tenant.pairwise_salt = parts.keyring.pairwise_salt().clone();
        let issuer = &parts.tenant.issuer;
        let asset = |name: &str, extension: &str, content: &[u8]| {
            let tag = base64url::encode(&digest::sha256(content)[..6]);
            format!("{}/assets/{name}-{tag}.{extension}", issuer.path())
        };
        let revocations = Arc::new(Notify::new());
        let style = format!("{}{}", assets::STYLE, parts.branding.style());
        let logo = parts.branding.logo.as_ref();
        Self {
            keyring: ArcSwap::from_pointee(parts.keyring),
            passwords: parts.passwords,
            client_keys: ClientKeys::new(parts.fetcher.clone()),
            documents: Documents::new(&parts.fetcher),
            registrations: parts.registrations,
            registered: register::Count::default(),
            trusted_keys: TrustedKeys::new(&parts.tenant, &parts.fetcher),
            fetcher: parts.fetcher,
            recipients: Recipients::default(),
            store: Arc::new(Watched { store: parts.store, revocations: Arc::clone(&revocations) }),
            revocations,
            first_use: parts.first_use,
            accounts: parts.accounts,
            addresses: parts.addresses,
            proxies: parts.proxies,
            certificates: parts.certificates,
            dangerous_sign_in_as: parts.dangerous_sign_in_as,
            cookies: Cookies::new(issuer),
            origin: canonical_origin(issuer.origin()),
            style_path: asset("style", "css", style.as_bytes()),
            icon_path: asset("icon", "svg", assets::ICON.as_bytes()),
            logo_path: logo.map(|logo| asset("logo", logo.extension(), logo.octets())),
            style,
            branding: parts.branding,
            metadata: ArcSwapOption::empty(),
            v1_names: parts.v1_names,
            timeout: parts.timeout,
            clock: parts.clock,
            entropy: parts.entropy,
            tenant: parts.tenant,
        }
    }

    /// The time, in seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        (self.clock)()
    }

    /// Randomness for one decision.
    pub(crate) fn entropy(&self) -> impl FnMut() -> [u8; 32] + use<> {
        let entropy = Arc::clone(&self.entropy);
        move || entropy()
    }

    /// The path of an endpoint, as forms name it.
    pub(crate) fn path(&self, endpoint: &str) -> String {
        format!("{}/{endpoint}", self.tenant.issuer.path())
    }
}

/// The spelling in which two origins are compared; what is no web origin stays as it is.
pub(crate) fn canonical_origin(origin: &str) -> String {
    Resource::parse_with(origin, PlainHttp::Anywhere)
        .map_or_else(|_| origin.to_owned(), |origin| origin.as_str().to_owned())
}

/// What every endpoint answers.
pub(crate) type Answered = Result<Response, answer::Failure>;
