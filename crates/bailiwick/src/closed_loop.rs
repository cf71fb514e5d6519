//! `resource import` and `resource compare`: what APIs publish about themselves (RFC 9728).

use std::process::ExitCode;

use bailiwick_authorization_server::config::Config;
use bailiwick_authorization_server::{drift, registry};
use bailiwick_fetch::{Fetcher, metadata};
use bailiwick_grant::state::ResourceServer;
use bailiwick_oauth::Resource as Identifier;

use crate::Failure;
use crate::cli::Configured;
use crate::registry::{open, parse_identifier};

/// Makes a registration of what an API publishes: prints it, or adds it.
pub(crate) async fn import(
    config: &Configured,
    identifier: &str,
    add: bool,
) -> Result<(), Failure> {
    let (config, store) = open(&config.config)?;
    let identifier = parse_identifier(&config, identifier)?;
    let published = metadata::protected_resource(&fetcher(&config)?, &identifier).await?;
    let server = drift::import(&config.tenant, identifier, &published);
    for drift in drift::compare(&config.tenant, &server, &published) {
        eprintln!("bailiwick: warning: {}: {drift}", server.identifier);
    }
    if add {
        let identifier = server.identifier.clone();
        registry::add_resource_server(&store, server).await?;
        println!("registered {identifier}");
    } else {
        print!("{}", written(&server));
    }
    Ok(())
}

/// Holds registrations against what the APIs publish; 1 when one differs or cannot be asked.
pub(crate) async fn compare(config: &Configured, asked: &[String]) -> Result<ExitCode, Failure> {
    let (config, store) = open(&config.config)?;
    registry::apply(&store, &config, crate::serve::now()).await?;
    let asked: Vec<Identifier> =
        asked.iter().map(|text| parse_identifier(&config, text)).collect::<Result<_, _>>()?;
    let servers = registry::list_resource_servers(&store).await?;
    if let Some(unknown) = asked.iter().find(|one| !servers.iter().any(|s| s.identifier == **one)) {
        return Err(Failure::usage(format!("no resource server is called {unknown}")));
    }
    let fetcher = fetcher(&config)?;
    let mut code = ExitCode::SUCCESS;
    for server in &servers {
        let is_asked = asked.contains(&server.identifier);
        // Of all, those that take part and can publish something: an `api:` or `urn:` cannot.
        let takes_part = asked.is_empty() && server.enabled && server.identifier.origin().is_some();
        if !is_asked && !takes_part {
            continue;
        }
        match metadata::protected_resource(&fetcher, &server.identifier).await {
            Ok(published) => {
                let found = drift::compare(&config.tenant, server, &published);
                if found.is_empty() {
                    println!("{}: as registered", server.identifier);
                }
                for drift in found {
                    code = ExitCode::FAILURE;
                    println!("{}: {drift}", server.identifier);
                }
            }
            Err(error) => {
                code = ExitCode::FAILURE;
                println!("{}: {error}", server.identifier);
            }
        }
    }
    Ok(code)
}

/// Asks what the operator names, so this machine may be asked too.
fn fetcher(config: &Config) -> Result<Fetcher, Failure> {
    Ok(config.outgoing.operators_fetcher()?)
}

/// The registration as it stands in a configuration file.
fn written(server: &ResourceServer) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut out = format!(
        "[[resource]]\nidentifier = {}\nname = {}\n",
        quoted(server.identifier.as_str()),
        quoted(&server.name)
    );
    if !server.scopes.is_empty() {
        out.push_str("\n[resource.scopes]\n");
    }
    for scope in &server.scopes {
        let line = format!("{} = {}\n", quoted(scope.name.as_str()), quoted(&scope.description));
        out.push_str(&line);
    }
    out
}
