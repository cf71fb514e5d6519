//! `registration`: what unknown clients could get, and the tokens that admit them.

use std::time::{SystemTime, UNIX_EPOCH};

use bailiwick_authorization_server::{preview, registry};

use crate::Failure;
use crate::cli::Registration;
use crate::registry::{open, random_octets, table};

/// Previews the ceiling, or makes, lists and takes back initial access tokens.
pub(crate) async fn run(command: Registration) -> Result<(), Failure> {
    match command {
        Registration::Preview { config } => {
            let (config, store) = open(&config.config)?;
            registry::apply(&store, &config, crate::serve::now()).await?;
            let servers = registry::list_resource_servers(&store).await?;
            println!("{}", preview::preview(&config.tenant, &servers));
        }
        Registration::Token { config, label, uses, days } => {
            let (_, store) = open(&config.config)?;
            let until = now() + i64::from(days) * DAY;
            let token =
                registry::add_initial_access_token(&store, &label, uses, until, &mut random_octets)
                    .await?;
            println!("initial access token (shown once): {}", token.expose());
        }
        Registration::Tokens { config } => {
            let (_, store) = open(&config.config)?;
            let tokens = registry::list_initial_access_tokens(&store, now()).await?;
            let rows = tokens.into_iter().map(|token| {
                let hours = (token.expires_at - now()) / 3600;
                [token.label, token.left.to_string(), format!("{hours} h")]
            });
            table(["LABEL", "CLIENTS LEFT", "EXPIRES IN"], rows);
        }
        Registration::Revoke { config, label } => {
            let (_, store) = open(&config.config)?;
            registry::revoke_initial_access_tokens(&store, &label).await?;
            println!("revoked {label}");
        }
    }
    Ok(())
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

const DAY: i64 = 24 * 3600;
