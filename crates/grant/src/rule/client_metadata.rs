//! What becomes of a client that describes itself (RFC 7591 §2, §5): defaults filled in, the
//! operator's ceiling above everything.

use bailiwick_jose::Algorithm;
use bailiwick_oauth::register::Metadata;
use bailiwick_oauth::{ClientId, ErrorCode, RedirectUri, Scope, Scopes};

use super::qualified::readings;
use crate::state::{
    Authentication, Ceiling, Client, Fallback, GrantKind, Introduction, Keys, OpenidSettings, Pkce,
    Reach, RefreshTokens, Requests, SubjectType, Unvetted,
};
use crate::unknown_clients::MetadataScope;
use crate::{Reason, Refused, Tenant};

/// The name of a client that says none.
pub const NAMELESS: &str = "An app without a name";

/// Makes a client of what it says of itself.
///
/// The metadata of the outcome is what was registered: defaults are filled in, and what the operator
/// does not allow is left out. A client with a secret has none yet.
///
/// # Errors
/// `invalid_redirect_uri` or `invalid_client_metadata` (RFC 7591 §3.2.2).
pub fn describe(
    tenant: &Tenant,
    id: ClientId,
    mut metadata: Metadata,
    by: Introduction,
) -> Result<Client, Refused> {
    let method = method(&metadata, &by)?;
    let keys = keys(&metadata);
    let authentication = authentication(method, &keys)?;
    let kinds = grant_types(tenant, &metadata, method)?;
    if kinds.contains(&GrantKind::AuthorizationCode) && metadata.redirect_uris.is_empty() {
        let text = "the authorization code needs redirect_uris";
        return Err(refused(ErrorCode::InvalidRedirectUri, text));
    }
    response_types(&mut metadata, &kinds)?;
    metadata.scope = scope(tenant, metadata.scope.take())?;
    metadata.token_endpoint_auth_method = Some(method.to_owned());
    metadata.grant_types = Some(kinds.iter().map(|kind| kind.name()).collect());
    let name = metadata.client_name.clone().unwrap_or_else(|| NAMELESS.to_owned());
    let mut client = Client::new(id, name, authentication);
    client.redirect_uris.clone_from(&metadata.redirect_uris);
    client.grant_types = kinds.into_iter().collect();
    client.keys = keys;
    client.requests = Requests {
        require_pushed: metadata.require_pushed_authorization_requests,
        require_signed: metadata.require_signed_request_object,
        signing_alg: metadata.request_object_signing_alg,
        request_uris: metadata.request_uris.clone(),
    };
    client.openid = openid(&metadata)?;
    // rules §5.3: the setting of clients that registered themselves.
    client.fallback = Fallback::Granted;
    client.unvetted = Some(Unvetted { metadata, by });
    Ok(client)
}

/// Holds a client that describes itself under what the operator allows now; every other client
/// stays as it is.
pub fn hold(tenant: &Tenant, mut client: Client) -> Client {
    let most = &tenant.unknown_clients;
    let Some(unvetted) = &client.unvetted else { return client };
    let limit = match most.scope {
        MetadataScope::Limit => unvetted.metadata.scope.as_ref(),
        MetadataScope::Ignored => None,
    };
    client.ceiling =
        limit.map_or_else(|| most.ceiling.clone(), |scope| within(tenant, &most.ceiling, scope));
    client.grant_types.retain(|kind| most.grant_types.contains(kind));
    client.refresh_tokens = if client.grant_types.contains(&GrantKind::RefreshToken) {
        most.refresh_tokens
    } else {
        RefreshTokens::OfflineAccess
    };
    client.pkce = if client.is_public() { Pkce::Required } else { most.pkce };
    client.first_party = false;
    client.detail_types.clear(); // rich requests are for clients that the operator knows
    client
}

/// How it authenticates, as it says or by default.
fn method(metadata: &Metadata, by: &Introduction) -> Result<&'static str, Refused> {
    let is_document = *by == Introduction::Document;
    let Some(said) = metadata.token_endpoint_auth_method.as_deref() else {
        // RFC 7591 §2: "If unspecified or omitted, the default is client_secret_basic"; but a program
        // on the user's device cannot keep a secret, and a document is no place for one.
        return Ok(if is_document || metadata.is_native() { NONE } else { BASIC });
    };
    let known = [NONE, BASIC, POST, KEYS].into_iter().find(|known| *known == said);
    match known {
        Some(BASIC | POST) if is_document => {
            let text = "a document that anybody can read goes with none or private_key_jwt";
            Err(refused(ErrorCode::InvalidClientMetadata, text))
        }
        Some(known) => Ok(known),
        None => {
            let text = format!(
                "the token_endpoint_auth_method '{said}' is not supported; use {NONE}, {BASIC}, \
                 {POST} or {KEYS}"
            );
            Err(refused(ErrorCode::InvalidClientMetadata, text))
        }
    }
}

/// What it says for OpenID Connect (OpenID Connect Dynamic Client Registration §2).
fn openid(metadata: &Metadata) -> Result<OpenidSettings, Refused> {
    let wrong = |text: &str| refused(ErrorCode::InvalidClientMetadata, text);
    let usual = OpenidSettings::default();
    let signed = |asked: Option<Algorithm>| match asked {
        Some(asked) if !ALWAYS_SIGNED.contains(&asked) => {
            Err(wrong("what is signed for a client that describes itself is RS256 or ES256"))
        }
        asked => Ok(asked),
    };
    let id_token = signed(metadata.id_token_signed_response_alg)?;
    let answers = signed(metadata.authorization_signed_response_alg)?;
    let subject_type = match metadata.subject_type.as_deref() {
        None | Some("public") => SubjectType::Public,
        Some("pairwise") => SubjectType::Pairwise,
        Some(_) => return Err(wrong("subject_type is neither public nor pairwise")),
    };
    let mut hosts: Vec<&str> = metadata.redirect_uris.iter().map(authority).collect();
    hosts.sort_unstable();
    hosts.dedup();
    let is_pairwise = subject_type == SubjectType::Pairwise;
    if is_pairwise && metadata.sector_identifier_uri.is_none() && hosts.len() != 1 {
        // OpenID Connect Core §8.1: several hosts are no sector by themselves.
        return Err(wrong("pairwise subjects on several hosts need a sector_identifier_uri"));
    }
    Ok(OpenidSettings {
        id_token_signed_response_alg: id_token.unwrap_or(usual.id_token_signed_response_alg),
        userinfo_signed_response_alg: signed(metadata.userinfo_signed_response_alg)?,
        subject_type,
        sector_identifier_uri: metadata.sector_identifier_uri.clone(),
        default_max_age: metadata.default_max_age,
        default_acr_values: metadata.default_acr_values.clone(),
        post_logout_redirect_uris: metadata.post_logout_redirect_uris.clone(),
        backchannel_logout_uri: metadata.backchannel_logout_uri.clone(),
        authorization_signed_response_alg: answers
            .unwrap_or(usual.authorization_signed_response_alg),
        response_iss: usual.response_iss,
    })
}

/// Scheme, host and port of a redirect URI, as far as it has them.
fn authority(uri: &RedirectUri) -> &str {
    let text = uri.as_str();
    let start = text.find("://").map_or(0, |at| at + 3);
    let end = text[start..].find(['/', '?']).map_or(text.len(), |at| start + at);
    &text[..end]
}

fn keys(metadata: &Metadata) -> Keys {
    match (&metadata.jwks, &metadata.jwks_uri) {
        (Some(set), _) => Keys::Set(set.clone()),
        (None, Some(url)) => Keys::At(url.clone()),
        (None, None) => Keys::None,
    }
}

fn authentication(method: &'static str, keys: &Keys) -> Result<Authentication, Refused> {
    Ok(match method {
        BASIC => Authentication::Basic { secrets: Vec::new() },
        POST => Authentication::Post { secrets: Vec::new() },
        KEYS if *keys == Keys::None => {
            let text = "private_key_jwt needs jwks or jwks_uri";
            return Err(refused(ErrorCode::InvalidClientMetadata, text));
        }
        KEYS => Authentication::PrivateKeyJwt,
        _ => Authentication::None,
    })
}

/// The grant types that it may use, of those that it says or of the default one.
fn grant_types(
    tenant: &Tenant,
    metadata: &Metadata,
    method: &str,
) -> Result<Vec<GrantKind>, Refused> {
    // RFC 7591 §2: "the default behavior is that the client will use only the authorization_code
    // Grant Type".
    let default = [GrantKind::AuthorizationCode.name()];
    let said = metadata.grant_types.as_deref().unwrap_or(&default);
    let mut kinds: Vec<GrantKind> = Vec::new();
    for kind in said.iter().filter_map(|said| GrantKind::of(said)) {
        let is_its_own = matches!(kind, GrantKind::ClientCredentials | GrantKind::TokenExchange);
        let has_credentials = method != NONE || !is_its_own;
        let is_allowed = tenant.unknown_clients.grant_types.contains(&kind);
        if has_credentials && is_allowed && !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    // A refresh token renews what a user gave by another grant type.
    if !kinds.iter().any(|kind| kind.begins_with_a_user()) {
        kinds.retain(|kind| *kind != GrantKind::RefreshToken);
    }
    if kinds.is_empty() {
        let text = "none of the grant_types can be had here by a client that describes itself";
        return Err(refused(ErrorCode::InvalidClientMetadata, text));
    }
    Ok(kinds)
}

/// RFC 7591 §2.1: the response types go with the grant types.
fn response_types(metadata: &mut Metadata, kinds: &[GrantKind]) -> Result<(), Refused> {
    let wants_code = kinds.contains(&GrantKind::AuthorizationCode);
    let said = metadata.response_types.take();
    let has_code = said.as_ref().is_none_or(|said| said.iter().any(|said| said == CODE));
    if wants_code && !has_code {
        let text = "response_types must hold code: no other response type is supported";
        return Err(refused(ErrorCode::InvalidClientMetadata, text));
    }
    metadata.response_types = Some(if wants_code { vec![CODE.to_owned()] } else { Vec::new() });
    Ok(())
}

/// What of the scope that it asks for can ever be had.
fn scope(tenant: &Tenant, said: Option<Scopes>) -> Result<Option<Scopes>, Refused> {
    let most = &tenant.unknown_clients;
    let Some(said) = said.filter(|_| most.scope == MetadataScope::Limit) else { return Ok(None) };
    let kept: Scopes =
        said.iter().filter(|name| is_reachable(tenant, &most.ceiling, name)).cloned().collect();
    if kept.is_empty() {
        let text = "none of the scope can be had here by a client that describes itself";
        return Err(refused(ErrorCode::InvalidClientMetadata, text));
    }
    Ok(Some(kept))
}

fn is_reachable(tenant: &Tenant, ceiling: &Ceiling, name: &Scope) -> bool {
    if tenant.global_scopes.contains(name) {
        return ceiling.global.reaches(name);
    }
    ceiling.others.reaches(name)
        || ceiling.resources.values().any(|reach| reach.reaches(name))
        || readings(tenant, name).any(|(resource, scope)| ceiling.on(&resource).reaches(&scope))
}

/// A ceiling without what a list of scopes does not name; a qualified name is about one resource.
fn within(tenant: &Tenant, ceiling: &Ceiling, names: &Scopes) -> Ceiling {
    let mut narrowed = Ceiling {
        global: ceiling.global.within(names),
        resources: ceiling
            .resources
            .iter()
            .map(|(resource, reach)| (resource.clone(), reach.within(names)))
            .collect(),
        others: ceiling.others.within(names),
    };
    for (resource, scope) in names.iter().flat_map(|name| readings(tenant, name)) {
        if ceiling.on(&resource).reaches(&scope) {
            let mut scopes = match narrowed.on(&resource) {
                Reach::Only(scopes) => scopes.clone(),
                Reach::Nothing | Reach::Everything => Scopes::new(),
            };
            scopes.insert(scope);
            narrowed.resources.insert(resource, Reach::Only(scopes));
        }
    }
    narrowed
}

fn refused(error: ErrorCode, text: impl Into<String>) -> Refused {
    Refused::new(error, Reason::ClientMetadata, text)
}

/// With what the server can always sign: keys for other algorithms are made at its start, for the
/// clients that there are.
const ALWAYS_SIGNED: [Algorithm; 2] = [Algorithm::Rs256, Algorithm::Es256];

const NONE: &str = "none";
const BASIC: &str = "client_secret_basic";
const POST: &str = "client_secret_post";
const KEYS: &str = "private_key_jwt";
const CODE: &str = "code";

#[cfg(test)]
#[path = "client_metadata_tests.rs"]
mod tests;
