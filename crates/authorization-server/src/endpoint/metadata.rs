//! The metadata (RFC 8414 §3, OpenID Connect Discovery §4): what is supported now, nothing else.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bailiwick_grant::rule::claims;
use bailiwick_grant::state::{ResourceServer, ResponseIss};
use bailiwick_grant::{AssertionProfile, Documents, Door, Tenant};
use bailiwick_jose::{Algorithm, ContentEncryption};
use bailiwick_oauth::dpop::PROOF_ALGORITHMS;
use bailiwick_oauth::jwt_bearer::ID_JAG_PROFILE;
use bailiwick_oauth::metadata::{
    AuthorizationServer, MtlsEndpoints, OpenidProvider, authorization_server_urls,
};
use bailiwick_oauth::{Issuer, ResponseMode, device, exchange, jwt_bearer};
use bailiwick_store::StoreExt;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::answer::{Failure, to_client};
use crate::app::App;
use crate::certificate::ClientCertificates;
use crate::event::Event;
use crate::keys::decryption;
use crate::load::MOST_LISTED;

/// How long a written document is served again, in seconds: a resource server that was registered
/// meanwhile appears that much later.
const KEPT: i64 = 10;

/// The claims that ID tokens have beside those of the user.
const OF_THE_LOGIN: [&str; 4] = ["sub", "auth_time", "acr", "amr"];

/// The document as it was written.
pub(crate) struct Written {
    until: i64,
    body: String,
}

/// The paths at which the metadata stands.
pub(crate) fn places(issuer: &Issuer) -> Vec<String> {
    let mut places: Vec<String> = Vec::new();
    for url in authorization_server_urls(issuer) {
        let place = url[issuer.origin().len()..].to_owned();
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

/// Serves the metadata.
pub(crate) async fn endpoint(State(app): State<Arc<App>>, event: Event) -> Response {
    match written(&app).await {
        Ok(written) => {
            let headers =
                [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "public, max-age=300")];
            (headers, written.body.clone()).into_response()
        }
        Err(failure) => to_client(&app, &event, Err(failure)),
    }
}

async fn written(app: &App) -> Result<Arc<Written>, Failure> {
    let now = app.now();
    if let Some(written) = app.metadata.load_full().filter(|written| now < written.until) {
        return Ok(written);
    }
    let servers = app.store.list::<ResourceServer>(None, MOST_LISTED).await?;
    let servers = servers.into_iter().map(|loaded| loaded.value).filter(|server| server.enabled);
    let document = document(&app.tenant, app.certificates.as_ref(), &servers.collect::<Vec<_>>());
    let body =
        serde_json::to_string(&document).map_err(|error| Failure::Broken(Box::new(error)))?;
    let written = Arc::new(Written { until: now + KEPT, body });
    app.metadata.store(Some(Arc::clone(&written)));
    Ok(written)
}

fn document(
    tenant: &Tenant,
    certificates: Option<&ClientCertificates>,
    servers: &[ResourceServer],
) -> AuthorizationServer {
    let issuer = &tenant.issuer;
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let at = |path: &str| Some(issuer.endpoint(path));
    let mut client_methods =
        words(&["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]);
    if let Some(certificates) = certificates {
        client_methods.extend(certificates.authorities.is_some().then(|| "tls_client_auth".into()));
        client_methods.push("self_signed_tls_client_auth".into());
    }
    let mut scopes: Vec<String> =
        tenant.global_scopes.iter().map(|scope| scope.as_str().to_owned()).collect();
    for scope in servers.iter().flat_map(|server| &server.scopes) {
        if !scopes.iter().any(|known| known == scope.name.as_str()) {
            scopes.push(scope.name.as_str().to_owned());
        }
    }
    let signing = Algorithm::ALL.map(|algorithm| algorithm.name().to_owned()).to_vec();
    let mut grants = words(&[
        "authorization_code",
        "refresh_token",
        "client_credentials",
        device::GRANT_TYPE,
        exchange::GRANT_TYPE,
    ]);
    if !tenant.trusted_issuers.is_empty() {
        grants.push(jwt_bearer::GRANT_TYPE.to_owned());
    }
    let takes_id_jag =
        tenant.trusted_issuers.iter().any(|one| one.profile == AssertionProfile::IdJag);
    AuthorizationServer {
        issuer: issuer.as_str().to_owned(),
        authorization_endpoint: at("authorize"),
        token_endpoint: at("token"),
        jwks_uri: at("jwks"),
        introspection_endpoint: at("introspect"),
        revocation_endpoint: at("revoke"),
        userinfo_endpoint: at("userinfo"),
        device_authorization_endpoint: at("device_authorization"),
        scopes_supported: scopes,
        response_types_supported: words(&["code"]),
        response_modes_supported: words(&ResponseMode::NAMES),
        grant_types_supported: grants,
        authorization_grant_profiles_supported: words(if takes_id_jag {
            &[ID_JAG_PROFILE]
        } else {
            &[]
        }),
        token_endpoint_auth_methods_supported: client_methods.clone(),
        token_endpoint_auth_signing_alg_values_supported: signing.clone(),
        introspection_endpoint_auth_methods_supported: words(&[
            "client_secret_basic",
            "client_secret_post",
            "private_key_jwt",
        ]),
        introspection_endpoint_auth_signing_alg_values_supported: Algorithm::ALL
            .iter()
            .map(|algorithm| algorithm.name().to_owned())
            .collect(),
        introspection_signing_alg_values_supported: Algorithm::ALL
            .iter()
            .map(|algorithm| algorithm.name().to_owned())
            .collect(),
        revocation_endpoint_auth_methods_supported: client_methods,
        code_challenge_methods_supported: words(&["S256"]),
        prompt_values_supported: words(&["none", "login", "consent", "select_account"]),
        subject_types_supported: words(&["public", "pairwise"]),
        id_token_signing_alg_values_supported: signing.clone(),
        claims_supported: words(&OF_THE_LOGIN)
            .into_iter()
            .chain(claims::supported().map(str::to_owned))
            .collect(),
        openid: OpenidProvider {
            end_session_endpoint: at("logout"),
            backchannel_logout_supported: Some(true),
            backchannel_logout_session_supported: Some(true),
            userinfo_signing_alg_values_supported: signing.clone(),
            authorization_signing_alg_values_supported: signing,
            acr_values_supported: vec![tenant.login_acr.clone()],
            claim_types_supported: words(&["normal"]),
            claims_parameter_supported: Some(true),
            ui_locales_supported: words(&["en"]),
            display_values_supported: words(&["page"]),
        },
        authorization_response_iss_parameter_supported: tenant.response_iss == ResponseIss::Send,
        pushed_authorization_request_endpoint: at("par"),
        require_pushed_authorization_requests: tenant.requests.require_pushed,
        request_parameter_supported: true,
        request_uri_parameter_supported: Some(true),
        require_request_uri_registration: true,
        require_signed_request_object: tenant.requests.require_signed,
        request_object_signing_alg_values_supported: Algorithm::ALL
            .iter()
            .map(|algorithm| algorithm.name().to_owned())
            .collect(),
        request_object_encryption_alg_values_supported: decryption::ALGORITHMS
            .map(|algorithm| algorithm.name().to_owned())
            .to_vec(),
        request_object_encryption_enc_values_supported: ContentEncryption::ALL
            .map(|encryption| encryption.name().to_owned())
            .to_vec(),
        authorization_details_types_supported: detail_types(servers),
        dpop_signing_alg_values_supported: PROOF_ALGORITHMS
            .iter()
            .map(|algorithm| algorithm.name().to_owned())
            .collect(),
        tls_client_certificate_bound_access_tokens: certificates.map(|_| true),
        mtls_endpoint_aliases: certificates
            .and_then(|certificates| certificates.origin.as_deref())
            .map(|origin| aliases(issuer, origin)),
        protected_resources: servers
            .iter()
            .map(|server| server.identifier.as_str().to_owned())
            .collect(),
        registration_endpoint: at("register")
            .filter(|_| tenant.unknown_clients.registration != Door::Closed),
        client_id_metadata_document_supported: tenant.unknown_clients.documents
            != Documents::Refused,
        ..AuthorizationServer::default()
    }
}

fn detail_types(servers: &[ResourceServer]) -> Vec<String> {
    let types: BTreeSet<&String> =
        servers.iter().flat_map(|server| server.detail_types.keys()).collect();
    types.into_iter().cloned().collect()
}

/// The endpoints where clients with certificates go (RFC 8705 §5).
fn aliases(issuer: &Issuer, origin: &str) -> MtlsEndpoints {
    let at = |path: &str| Some(format!("{origin}{}/{path}", issuer.path()));
    MtlsEndpoints {
        token_endpoint: at("token"),
        revocation_endpoint: at("revoke"),
        pushed_authorization_request_endpoint: at("par"),
        device_authorization_endpoint: at("device_authorization"),
        userinfo_endpoint: at("userinfo"),
        ..MtlsEndpoints::default()
    }
}
