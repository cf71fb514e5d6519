//! Sector identifier documents (OpenID Connect Core §8.1, Dynamic Client Registration §5): who claims
//! a sector must be named there.

use bailiwick_fetch::{FetchError, Fetcher};
use bailiwick_grant::state::Client;
use bailiwick_oauth::RedirectUri;

/// Why a client does not belong to the sector that it claims.
#[derive(Debug, thiserror::Error)]
pub enum SectorError {
    /// The document cannot be had.
    #[error("the sector identifier document cannot be fetched")]
    Fetch(#[from] FetchError),
    /// It is no list of URIs.
    #[error("the sector identifier document is no JSON array of strings")]
    Malformed,
    /// It does not list a redirect URI of the client.
    #[error("the sector identifier document does not list the redirect URI {0}")]
    Missing(RedirectUri),
}

/// Checks that the sector identifier document of a client lists all of its redirect URIs; a client
/// without one has nothing to check.
///
/// # Errors
/// When the document cannot be had, is no list, or lacks one of them.
pub async fn verify(fetcher: &Fetcher, client: &Client) -> Result<(), SectorError> {
    let Some(uri) = &client.openid.sector_identifier_uri else { return Ok(()) };
    let fetched = fetcher.get_json(uri.as_str()).await?;
    let listed: Vec<String> =
        serde_json::from_slice(&fetched.bytes).map_err(|_| SectorError::Malformed)?;
    match client.redirect_uris.iter().find(|uri| !listed.iter().any(|one| one == uri.as_str())) {
        Some(missing) => Err(SectorError::Missing(missing.clone())),
        None => Ok(()),
    }
}
