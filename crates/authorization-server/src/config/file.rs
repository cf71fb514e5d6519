//! The fields of the configuration file: each with its meaning, its type and its default.
//!
//! `docs/authorization-server-configuration.md` is generated from this page.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use bailiwick_grant::state::{
    DpopNonce, Fallback, GrantKind, Parameter, Pkce, Profile, RefreshTokens, ResponseIss,
    SenderConstraint, TokenFormat,
};
use bailiwick_jose::Algorithm;
use bailiwick_oauth::{ClientId, Issuer, RedirectUri, Resource, Scope, Subject, WebUrl};
use toml::Spanned;
use toml::de::DeValue;

use super::details::{DetailKind, DetailTable};
use super::key_set::{KeySet, KeySetFile};
use super::openid::ClientOpenid;
use super::read::{At, Entries, FromToml, OneOrMore, Reader, Section, section};
use super::requests::{ClientRequests, RequestRules};
use super::secret::SecretDigest;
use super::tls::{ClientTls, Mtls, Tls};
use super::trusted_issuer;
use super::unknown_clients;
use super::value::{
    Accent, Claims, Count, Logo, Method, PasswordHash, ReachEntry, Reached, Seconds, Words,
};
use super::{admin, encryption, events, outgoing};

section! {
    /// The server itself. These fields stand before the first `[section]` of the file.
    struct Root("the top of the file") {
        /// The issuer: the URL under which clients and APIs know this server. Copied byte for byte
        /// into tokens and metadata (RFC 8414 §2), so it never changes. `https`, or `http` on
        /// this machine.
        issuer: At<Issuer> = required "\"https://id.example.com\"";
        /// Where the server listens; without `[tls]` let a proxy in front add TLS on a network.
        listen: SocketAddr = default "\"127.0.0.1:9000\"";
        /// The addresses of the proxies in front, whose `X-Forwarded-For` is believed; nobody
        /// else's is. Behind one that is not listed, all users count as one when they sign in.
        proxies: Vec<IpAddr> = default "[]";
        /// The database file; made at first start.
        store: PathBuf = default "\"bailiwick.db\"";
        /// The resource that a request naming none is taken for. Without it, and without one of the
        /// client, such a request gets global scopes only.
        default_resource: At<Resource> = optional "\"https://api.example.com/orders\"";
        /// Whether a scope that falls out in downscoping fails the request with `invalid_scope`.
        /// Otherwise it is left out, and the answer says what was issued (RFC 6749 §3.3).
        strict: bool = default "false";
        /// Scopes that belong to no API, beyond `openid profile email address phone offline_access`.
        global_scopes: Vec<At<Scope>> = default "[]";
        /// The most resources that one request may name.
        most_resources: Count = default "16";
        /// Accepts `http` identifiers of APIs on any host. Whoever can read or change that traffic
        /// has the tokens in it: only for a network that is closed by other means.
        dangerous_allow_plain_http_resources: bool = default "false";
        /// Whether authorization responses carry `iss` (RFC 9207), by which a client that talks to
        /// several issuers knows whose answer it has. `omit` is for clients that break on it; the
        /// metadata then does not promise it.
        response_iss: ResponseIss = default "\"send\"";
        /// For tests of clients on this machine: the user who is signed in at every authorization
        /// request, and allows everything, without seeing a page. Whoever reaches the server is that
        /// user; refused unless issuer and `listen` are on loopback.
        dangerous_sign_in_as: At<Words> = optional "\"ada\"";
        /// How clients send their authorization requests; see below.
        requests: RequestRules = default "{}";
        /// The security profile that every client is held to: FAPI 2.0, with or without its Message
        /// Signing.
        profile: Profile = default "\"none\"";
        /// What every access token must be bound to: `dpop` is the key of a DPoP proof (RFC 9449),
        /// `mtls` the client's certificate (RFC 8705), `any` one of the two. A proof that is sent
        /// binds the token in any case.
        sender_constraint: At<SenderConstraint> = default "\"none\"";
        /// Whether DPoP proofs must carry a nonce of this server (RFC 9449 §8).
        dpop_nonce: DpopNonce = default "\"optional\"";
        /// How long things live; see below.
        lifetimes: Lifetimes = default "{}";
        /// How signing in is guarded; see below.
        login: Login = default "{}";
        /// The operator's own listener; see below.
        admin: admin::Section = default "{}";
        /// Requests to others; see below.
        outgoing: outgoing::Section = default "{}";
        /// Clients that describe themselves; see below.
        unknown_clients: unknown_clients::Section = default "{}";
        /// How the pages look; see below.
        branding: Branding = default "{}";
        /// Further issuers that this process serves: for each a file of this same form, with an
        /// issuer on this one's origin but another path, and a store of its own. Each has its own
        /// APIs, clients, users, keys and pages; commands change one with `--config` and its file.
        tenants: Vec<At<PathBuf>> = default "[]";
        /// TLS on the listener; see below.
        tls: Tls = optional "{ certificate = \"tls.pem\", key = \"tls.key.pem\" }";
        /// Client certificates; see below.
        mtls: Mtls = optional "{}";
        /// The APIs; see below.
        resource: Vec<ResourceServer> = default "[]";
        /// The clients; see below.
        client: Vec<Client> = default "[]";
        /// The users; see below.
        user: Vec<User> = default "[]";
        /// The issuers whose assertions are taken as grants; see below.
        trusted_issuer: Vec<trusted_issuer::Entry> = default "[]";
    }
}

section! {
    /// How long things live. The lifetime of an API's access tokens is the API's own.
    struct Lifetimes("[lifetimes]") {
        /// An authorization code; at most 10 minutes (RFC 6749 §4.1.2).
        code: At<Seconds> = default "\"60s\"";
        /// A refresh token, from its issue.
        refresh_token: At<Seconds> = default "\"30d\"";
        /// How long a refresh token that was rotated away may be sent again, so that two refreshes
        /// at once both work; after it, reuse revokes the grant. At most a minute; `0` for never.
        replay: At<Seconds> = default "\"10s\"";
        /// The access token for userinfo.
        userinfo_token: At<Seconds> = default "\"10m\"";
        /// An ID token.
        id_token: At<Seconds> = default "\"10m\"";
        /// A pushed authorization request (RFC 9126), until the browser brings its reference; at most
        /// 10 minutes.
        pushed_request: At<Seconds> = default "\"60s\"";
        /// An authorization request that waits for the user.
        interaction: At<Seconds> = default "\"1h\"";
        /// The code of a device, and the one that its user types in (RFC 8628 §3.2).
        device_code: At<Seconds> = default "\"10m\"";
        /// A login in a browser.
        session: At<Seconds> = default "\"12h\"";
    }
}

section! {
    /// How signing in is guarded against guessing.
    struct Login("[login]") {
        /// How many sign-ins may fail, for one account from one address, within the window.
        attempts: Count = default "10";
        /// What tokens say of a login by password in `acr` (OpenID Connect Core §2).
        acr: At<Words> = default "\"pwd\"";
        /// The time that failed sign-ins are counted in.
        window: At<Seconds> = default "\"15m\"";
        /// How many passwords are checked at the same time; each check takes 19 MiB for a moment.
        /// With tenants, what the first file says holds for all together.
        password_checks: Count = default "2";
    }
}

section! {
    /// How the pages look that users see.
    struct Branding("[branding]") {
        /// Whose pages these are; shown above and below each. Without it the host is shown.
        name: Words = optional "\"Acme\"";
        /// A picture above each page.
        logo: Logo = optional "\"acme.svg\"";
        /// The colour of buttons and links; white text must be readable on it. Dark pages get a
        /// lighter one of it.
        accent: Accent = optional "\"#2f5d50\"";
    }
}

section! {
    /// A protected API, in OAuth's words a resource server. Each has its own scopes: `read` here
    /// and `read` there are two permissions.
    struct ResourceServer("[[resource]]") {
        /// The resource indicator (RFC 8707 §2): what clients send as `resource`, and what stands in
        /// the `aud` of the tokens. Compared as a whole, in canonical form. It never changes.
        identifier: At<Resource> = required "\"https://api.example.com/orders\"";
        /// The name that users read on the consent page.
        name: Words = required "\"Orders\"";
        /// Further spellings that clients may send.
        aliases: Vec<At<Resource>> = default "[]";
        /// The scopes, in the order in which users read them: a description, or a table with
        /// `description`, `default` and `sensitive` (see below).
        scopes: Entries<Scope, ScopeEntry> = default "{}";
        /// The types of authorization details (RFC 9396) that it defines; see below.
        authorization_details: Entries<DetailKind, DetailTable> = default "{}";
        /// The form of the access tokens: signed (RFC 9068), or random and explained by
        /// introspection alone (RFC 7662).
        format: TokenFormat = default "\"jwt\"";
        /// With what signed access tokens are signed.
        algorithm: Algorithm = default "\"ES256\"";
        /// How long its access tokens live.
        lifetime: At<Seconds> = default "\"10m\"";
        /// What stands in `aud` instead of the identifier, for an API that insists on a name of its
        /// own. Clients cannot send it.
        audience: At<Words> = optional "\"orders-v1\"";
        /// Encrypts its access tokens; see below.
        encryption: encryption::Section = optional "{ jwks_uri = \"https://api.example.com/orders/jwks\" }";
        /// Whether only `resource` reaches it: no qualified scope, and no default.
        explicit: bool = default "false";
        /// Whether a token without any scope may be issued for it.
        allow_empty_scope: bool = default "false";
        /// What its access tokens must be bound to, as `sender_constraint` of the server.
        sender_constraint: At<SenderConstraint> = default "\"none\"";
        /// The secret with which it asks for introspection, its identifier being its name there;
        /// several while one is replaced.
        introspection_secret: OneOrMore<SecretDigest> = default "[]";
        /// Its public keys as a JWK set, with which it asks for introspection instead of a secret
        /// (`private_key_jwt`).
        introspection_jwks: KeySet = optional "{ keys = [{ kty = \"OKP\", crv = \"Ed25519\", x = \"…\" }] }";
        /// The same, in a file of its own.
        introspection_jwks_file: At<KeySetFile> = optional "\"orders.jwks.json\"";
        /// Signs every introspection answer for it with this (RFC 9701). Without it answers are
        /// signed, with RS256, where the `Accept` header asks for it.
        introspection_signing: Algorithm = optional "\"ES256\"";
        /// What it may call in the name of its users: tokens for it are exchanged for tokens for
        /// these APIs, with these scopes at most (RFC 8693).
        may_call: Entries<Resource, Vec<At<Scope>>> = default "{}";
        /// Pushes revocations to it; see below.
        events: events::Section = optional "{ url = \"https://api.example.com/events\" }";
        /// Turns role-based access on: which roles hold which scopes. Without it every user may
        /// give every scope.
        roles: Entries<Words, ReachEntry> = optional "{ clerk = [\"read:orders\"], admin = \"*\" }";
    }
}

section! {
    /// One scope of an API, written as a table.
    struct ScopeTable("[[resource]] scopes") {
        /// What users read when they are asked.
        description: Words = required "\"Place orders in your name\"";
        /// Whether it is given when a request names no scope.
        default: bool = default "false";
        /// Whether users are always asked, also if they consented before.
        sensitive: bool = default "false";
    }
}

section! {
    /// An application that asks for tokens. It gets nothing that `scopes` and `resources` do not
    /// hold: they are its ceiling, whatever users consent to.
    struct Client("[[client]]") {
        /// The client identifier.
        id: At<ClientId> = required "\"shop\"";
        /// The name that users read on the consent page.
        name: Words = required "\"Example Shop\"";
        /// How it authenticates; `none` for an application that cannot keep a secret.
        authentication: At<Method> = required "\"client_secret_basic\"";
        /// Its secret, with `client_secret_basic` or `client_secret_post`; several while one is
        /// replaced.
        secret: At<OneOrMore<SecretDigest>> = optional "{ env = \"SHOP_SECRET\" }";
        /// Its certificates, with `tls_client_auth`; see below.
        tls: ClientTls = default "{}";
        /// Its public keys as a JWK set: for `private_key_jwt`, `self_signed_tls_client_auth` and for
        /// signed requests.
        jwks: At<KeySet> = optional "{ keys = [{ kty = \"OKP\", crv = \"Ed25519\", x = \"…\" }] }";
        /// The same, in a file of its own.
        jwks_file: At<KeySetFile> = optional "\"shop.jwks.json\"";
        /// The same, where the client publishes it: `https`, or `http` on this machine. Fetched when
        /// it is needed, and kept.
        jwks_uri: At<WebUrl> = optional "\"https://shop.example.com/jwks\"";
        /// Where users may be sent back; compared byte for byte but for the port on loopback
        /// (RFC 8252 §7.3).
        redirect_uris: Vec<At<RedirectUri>> = default "[]";
        /// The grant types that it may use.
        grants: At<Vec<GrantKind>> = default "[\"authorization_code\", \"refresh_token\"]";
        /// Whether it may leave PKCE out (RFC 7636). A public client never may; a challenge that
        /// was sent is enforced all the same.
        pkce: At<Pkce> = default "\"required\"";
        /// How it sends its authorization requests; see below.
        requests: ClientRequests = default "{}";
        /// As `strict` of the server, for this client alone.
        strict: bool = default "false";
        /// The types of authorization details (RFC 9396) that it may ask for.
        authorization_details_types: Vec<At<DetailKind>> = default "[]";
        /// The resource that its requests naming none are taken for; beats the server's.
        default_resource: At<Resource> = optional "\"https://api.example.com/orders\"";
        /// How its `resource` parameter is taken: ignored, accepted as RFC 8707 says, or required.
        resource_parameter: Parameter = default "\"accept\"";
        /// What a token request without `resource` gets: `global` is the userinfo token when global
        /// scopes were granted; `granted` is the sole API of the grant, for clients that send
        /// `resource` only when they authorize.
        resource_fallback: Fallback = default "\"global\"";
        /// When it gets a refresh token: for a granted `offline_access`, or always.
        refresh_tokens: RefreshTokens = default "\"offline_access\"";
        /// The security profile that it is held to, as `profile` of the server.
        profile: At<Profile> = default "\"none\"";
        /// What its access tokens must be bound to, as `sender_constraint` of the server
        /// (`dpop` is what registration calls `dpop_bound_access_tokens`, RFC 9449 §5.2, and `mtls`
        /// `tls_client_certificate_bound_access_tokens`, RFC 8705 §3.4).
        sender_constraint: At<SenderConstraint> = default "\"none\"";
        /// Whether its DPoP proofs must carry a nonce, as `dpop_nonce` of the server.
        dpop_nonce: DpopNonce = default "\"optional\"";
        /// Whether you vouch for it: a consent is then remembered even where its redirect URI
        /// cannot prove who it is (loopback, private-use scheme).
        first_party: bool = default "false";
        /// What it wants of OpenID Connect; see below.
        openid: ClientOpenid = default "{}";
        /// The ceiling of global scopes.
        scopes: ReachEntry = default "[]";
        /// The ceiling on each API of this file; the key `"*"` is every API that is not named. An
        /// empty list closes the API to the client.
        resources: Entries<Reached, ReachEntry> = default "{}";
        /// The APIs that it is, or acts for: it may exchange tokens that were sent to them
        /// (RFC 8693), within what their `may_call` says.
        acts_for: Vec<At<Resource>> = default "[]";
        /// Whether the tokens that it gets in exchange leave out that it acts (impersonation).
        impersonates: bool = default "false";
        /// The permissions that users cannot untick on the consent page.
        required: Entries<Resource, Vec<At<Scope>>> = default "{}";
    }
}

section! {
    /// A person who signs in.
    struct User("[[user]]") {
        /// The name to sign in with; upper and lower case are the same.
        username: At<Words> = required "\"ada\"";
        /// The argon2id hash of the password. Without it the user cannot sign in.
        password: PasswordHash = optional "\"$argon2id$v=19$m=19456,t=2,p=1$…\"";
        /// What tokens say as `sub`. It never changes; left out, it is made of `username`, so set
        /// it before you rename somebody.
        subject: At<Subject> = optional "\"ada\"";
        /// OpenID Connect claims (OpenID Connect Core §5.1).
        claims: Claims = default "{}";
        /// The roles, for APIs with `roles`.
        roles: Vec<At<Words>> = default "[]";
    }
}

/// Every section, in the order of the reference.
pub(super) const SECTIONS: &[Section] = &[
    Root::SECTION,
    RequestRules::SECTION,
    Lifetimes::SECTION,
    Login::SECTION,
    Tls::SECTION,
    Mtls::SECTION,
    admin::Section::SECTION,
    outgoing::Section::SECTION,
    Branding::SECTION,
    ResourceServer::SECTION,
    ScopeTable::SECTION,
    DetailTable::SECTION,
    encryption::Section::SECTION,
    events::Section::SECTION,
    Client::SECTION,
    ClientTls::SECTION,
    ClientRequests::SECTION,
    ClientOpenid::SECTION,
    unknown_clients::Section::SECTION,
    User::SECTION,
    trusted_issuer::Entry::SECTION,
];

/// A scope with its description alone, or as a table.
#[derive(Debug, Clone)]
pub(super) enum ScopeEntry {
    Description(Words),
    Table(Box<ScopeTable>),
}

impl FromToml for ScopeEntry {
    fn kind() -> String {
        "a description, or a table".into()
    }
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(_) => Words::read(value, reader).map(Self::Description),
            DeValue::Table(_) => {
                ScopeTable::read(value, reader).map(|table| Self::Table(Box::new(table)))
            }
            _ => reader.wrong_kind::<Self>(value),
        }
    }
}
