//! Metadata of authorization servers and protected resources, fetched and checked
//! (RFC 8414 §3, RFC 9728 §3).

use bailiwick_jose::json;
use bailiwick_oauth::metadata::{
    AuthorizationServer, ProtectedResource, authorization_server_urls, protected_resource_url,
};
use bailiwick_oauth::{Issuer, Resource};
use serde::de::DeserializeOwned;

use crate::target::{clip, same_side, shown};
use crate::{FetchError, Fetcher};

/// Fetches an issuer's metadata from the first of the three well-known places that has it.
///
/// Its `issuer` is equal to the one asked for, byte for byte (RFC 8414 §3.3), and its endpoints
/// are `https`; or they are on this machine, when the issuer is too. Which entries are there is
/// not checked.
///
/// # Errors
/// When no place has it, or what is there is malformed or somebody else's.
pub async fn authorization_server(
    fetcher: &Fetcher,
    issuer: &Issuer,
) -> Result<AuthorizationServer, FetchError> {
    let mut tried: Vec<String> = Vec::new();
    let mut first = None;
    for url in authorization_server_urls(issuer) {
        if tried.contains(&url) {
            continue; // an issuer without path has two places only
        }
        match document::<AuthorizationServer>(fetcher, &url).await {
            Ok(metadata) => return checked(metadata, issuer.as_str(), &url),
            Err(FetchError::Status { status: 404, .. }) => {}
            // Another place may do: many servers answer unknown paths with a page or an error.
            Err(
                error @ (FetchError::Status { .. }
                | FetchError::Redirect { .. }
                | FetchError::ContentType { .. }
                | FetchError::Malformed { .. }),
            ) => {
                first.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
        tried.push(url);
    }
    Err(first.unwrap_or(FetchError::NotPublished { subject: issuer.to_string(), tried }))
}

/// Fetches the metadata at a URL that the operator wrote: of an issuer with metadata elsewhere than
/// at the well-known places, or of a template of issuers
/// (`https://login.microsoftonline.com/{tenantid}/v2.0`).
///
/// Its `issuer` is equal to the text asked for, byte for byte, and its endpoints are `https`; or
/// they are on this machine, when the document is too. Which entries are there is not checked.
///
/// # Errors
/// When it is not there, malformed or somebody else's.
pub async fn authorization_server_at(
    fetcher: &Fetcher,
    url: &str,
    issuer: &str,
) -> Result<AuthorizationServer, FetchError> {
    checked(document(fetcher, url).await?, issuer, url)
}

/// Fetches a protected resource's metadata.
///
/// Its `resource` is equal to the canonical identifier asked for, byte for byte (RFC 9728 §3.3).
/// Whether to trust the authorization servers that it names is not checked.
///
/// # Errors
/// When there is none, or what is there is malformed or somebody else's.
pub async fn protected_resource(
    fetcher: &Fetcher,
    resource: &Resource,
) -> Result<ProtectedResource, FetchError> {
    let url = protected_resource_url(resource).ok_or_else(|| FetchError::Url {
        url: resource.to_string(),
        why: "this identifier is no web address, so it has no metadata",
    })?;
    let metadata: ProtectedResource = match document(fetcher, &url).await {
        Err(FetchError::Status { status: 404, .. }) => {
            return Err(FetchError::NotPublished {
                subject: resource.to_string(),
                tried: vec![shown(&url)],
            });
        }
        read => read?,
    };
    same(&url, resource.as_str(), &metadata.resource)?;
    Ok(metadata)
}

fn checked(
    metadata: AuthorizationServer,
    issuer: &str,
    url: &str,
) -> Result<AuthorizationServer, FetchError> {
    same(url, issuer, &metadata.issuer)?; // before its endpoints: it may not be theirs
    for endpoint in [
        &metadata.authorization_endpoint,
        &metadata.token_endpoint,
        &metadata.jwks_uri,
        &metadata.introspection_endpoint,
        &metadata.revocation_endpoint,
        &metadata.userinfo_endpoint,
    ]
    .into_iter()
    .flatten()
    {
        check_endpoint(endpoint, url)?;
    }
    Ok(metadata)
}

fn check_endpoint(endpoint: &str, document: &str) -> Result<(), FetchError> {
    let refuse = |why| Err(FetchError::Url { url: clip(&shown(endpoint)), why });
    let Ok(uri) = endpoint.parse::<http::Uri>() else { return refuse("it is malformed") };
    if !same_side(endpoint, document) {
        return refuse(
            "the metadata names an endpoint on this machine, but is from elsewhere, or the reverse",
        );
    }
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if document.starts_with("http:") => Ok(()),
        _ => refuse("the metadata names an endpoint that is not https"),
    }
}

fn same(url: &str, expected: &str, found: &str) -> Result<(), FetchError> {
    if found == expected {
        return Ok(());
    }
    let (expected, found) = (expected.to_owned(), clip(found));
    Err(FetchError::Mismatch { url: shown(url), expected, found })
}

async fn document<T: DeserializeOwned>(fetcher: &Fetcher, url: &str) -> Result<T, FetchError> {
    let fetched = fetcher.get_json(url).await?;
    let malformed = |why: String| FetchError::Malformed { url: shown(url), why };
    let value = json::parse(&fetched.bytes).map_err(|why| malformed(why.to_string()))?;
    serde_json::from_value(value).map_err(|why| malformed(clip(&why.to_string())))
}
