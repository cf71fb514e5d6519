//! Initial access tokens: permissions to register clients that commands make (RFC 7591 §3).

use bailiwick_grant::state::InitialAccessToken;
use bailiwick_grant::{Change, Entropy};
use bailiwick_oauth::Secret;
use bailiwick_store::{Store, StoreExt};

use super::{RegistryError, decide, fresh_secret};

/// Makes a token that admits so many clients until a time; told this once.
///
/// # Errors
/// When it would admit none, or has no label.
pub async fn add_initial_access_token(
    store: &dyn Store,
    label: &str,
    clients: u32,
    expires_at: i64,
    entropy: &mut (dyn Entropy + Send),
) -> Result<Secret, RegistryError> {
    let is_label = (1..=100).contains(&label.len()) && !label.chars().any(char::is_control);
    if !is_label || clients == 0 {
        let wrong = "a token has a label of one line, and admits at least one client";
        return Err(RegistryError::Invalid(vec![wrong.to_owned()]));
    }
    decide!(store, {
        let token = fresh_secret(entropy);
        let record = InitialAccessToken {
            digest: token.digest(),
            label: label.to_owned(),
            left: clients,
            expires_at,
        };
        Ok((vec![Change::insert(record)], token))
    })
}

/// Lists the tokens that admit somebody still.
///
/// # Errors
/// When the store fails.
pub async fn list_initial_access_tokens(
    store: &dyn Store,
    now: i64,
) -> Result<Vec<InitialAccessToken>, RegistryError> {
    let all = store.all::<InitialAccessToken>().await?.into_iter().map(|loaded| loaded.value);
    Ok(all.filter(|token| token.left > 0 && now < token.expires_at).collect())
}

/// Takes every token of that label back; clients that were registered with them stay.
///
/// # Errors
/// When there is none.
pub async fn revoke_initial_access_tokens(
    store: &dyn Store,
    label: &str,
) -> Result<(), RegistryError> {
    decide!(store, {
        let all = store.all::<InitialAccessToken>().await?;
        let of_label = all.iter().filter(|token| token.value.label == label);
        let changes: Vec<_> = of_label
            .map(|token| Change::delete::<InitialAccessToken>(token.value.digest.as_str()))
            .collect();
        if changes.is_empty() {
            return Err(RegistryError::Unknown(format!("initial access token `{label}`")));
        }
        Ok((changes, ()))
    })
}
