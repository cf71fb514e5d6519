//! `grant`: what users gave to clients, and taking it back (RFC 7009 §1).

use bailiwick_authorization_server::config::Config;
use bailiwick_authorization_server::registry::{self, Grants as Selected};
use bailiwick_oauth::ClientId;

use crate::Failure;
use crate::cli::{Grants, Which};
use crate::registry::{open, parse_identifier, table};
use crate::serve::now;

/// Lists or revokes grants.
pub(crate) async fn run(command: Grants) -> Result<(), Failure> {
    match command {
        Grants::List { config, which } => {
            let (config, store) = open(&config.config)?;
            let grants = registry::list_grants(&store, &selected(&config, &which)?, now()).await?;
            let rows = grants.iter().map(|grant| {
                let apis = grant.grant.resources.iter();
                let apis: Vec<_> = apis.map(|(api, scopes)| format!("{api} ({scopes})")).collect();
                let global = grant.grant.global.to_string();
                let given: Vec<_> =
                    Some(global).filter(|it| !it.is_empty()).into_iter().chain(apis).collect();
                [grant.subject.to_string(), grant.client.to_string(), given.join(", ")]
            });
            table(["SUBJECT", "CLIENT", "GIVEN"], rows);
        }
        Grants::Revoke { config, which, all } => {
            let nothing =
                which.user.is_none() && which.client.is_none() && which.resource.is_none();
            if nothing && !all {
                return Err(Failure::usage(
                    "say whose: --user, --client or --resource, or --all for every grant",
                ));
            }
            let (config, store) = open(&config.config)?;
            let selected = selected(&config, &which)?;
            let count = registry::revoke_grants(&store, &selected, now()).await?;
            println!("revoked {count} grant{}", if count == 1 { "" } else { "s" });
        }
    }
    Ok(())
}

fn selected(config: &Config, which: &Which) -> Result<Selected, Failure> {
    let client = which.client.as_ref().map(|id| {
        ClientId::parse(id).map_err(|why| Failure::usage(format!("--client {id}: {why}")))
    });
    let resource = which.resource.as_ref().map(|uri| parse_identifier(config, uri));
    Ok(Selected {
        username: which.user.clone(),
        client: client.transpose()?,
        resource: resource.transpose()?,
    })
}
