//! `check gateway`: what is wrong with a gateway's configuration, and what would surprise.

use std::process::ExitCode;

use bailiwick_client::{Authentication, Client};
use bailiwick_fetch::Fetcher;
use bailiwick_gateway::check::{self, Warning};
use bailiwick_gateway::config::Trusted;
use bailiwick_gateway::{Config, Gateway};
use bailiwick_guard::IssuerRule;
use bailiwick_jose::{Jws, json};
use bailiwick_oauth::{ClientId, Issuer, Secret};
use serde_json::Value;

use crate::Failure;
use crate::cli::CheckGateway;

/// Checks a gateway's configuration; starts nothing.
pub(crate) async fn gateway(options: CheckGateway) -> Result<ExitCode, Failure> {
    let path = &options.config.config;
    let config = crate::gateway::load(path)?;
    Gateway::new(config.clone())?; // what only shows when it is made ready: keys, certificates
    if options.explain {
        explain(&config);
    }
    let mut warnings = check::offline(&config);
    if options.online {
        warnings.extend(check::online(&config).await);
    }
    if let (Some(id), Some(name)) = (&options.probe, &options.secret_env) {
        warnings.extend(probe(&config, id, name).await?);
    }
    for warning in &warnings {
        println!("{}: warning: {warning}", path.display());
    }
    let routes: usize = config.resources.iter().map(|resource| resource.routes.len()).sum();
    let verdict = if warnings.is_empty() { "good" } else { "usable" };
    println!(
        "{}: {verdict}; {} resources, {routes} routes",
        path.display(),
        config.resources.len()
    );
    let fails = options.strict && !warnings.is_empty();
    Ok(if fails { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn explain(config: &Config) {
    for resource in &config.resources {
        let issuers: Vec<&str> = resource.issuers.iter().map(Trusted::name).collect();
        let host = resource.host.as_deref().unwrap_or("any host");
        println!("{}: tokens of {}", resource.identifier, issuers.join(", "));
        for route in &resource.routes {
            let methods: Vec<&str> = route.methods.iter().map(http::Method::as_str).collect();
            let methods = if methods.is_empty() { "any other".into() } else { methods.join(" ") };
            let needs = route.needs();
            let needs = if needs.is_empty() { "nothing".to_owned() } else { needs.join("; ") };
            println!("  {host} {}{} {methods}: {needs}", resource.prefix, route.path);
        }
    }
}

/// Gets a token for each resource with the client's own credentials: does its issuer heed
/// `resource` (RFC 8707 §2)? No metadata says so.
async fn probe(config: &Config, id: &str, name: &str) -> Result<Vec<Warning>, Failure> {
    let client_id =
        ClientId::parse(id).map_err(|why| Failure::usage(format!("--probe {id}: {why}")))?;
    let secret = std::env::var(name)
        .map_err(|_| Failure::usage(format!("--secret-env {name}: that variable is not set")))?;
    let mut warnings = Vec::new();
    for resource in &config.resources {
        for issuer in &resource.issuers {
            let IssuerRule::Exactly(exactly) = &issuer.trust.issuer else { continue };
            let secret = Secret::new(secret.clone());
            if let Some((what, remedy)) =
                probed(exactly, client_id.clone(), secret, resource.identifier.as_str()).await?
            {
                warnings.push(Warning {
                    resource: resource.identifier.to_string(),
                    what: format!("{exactly}: {what}"),
                    remedy: remedy.to_owned(),
                });
            }
        }
    }
    Ok(warnings)
}

async fn probed(
    issuer: &Issuer,
    client_id: ClientId,
    secret: Secret,
    resource: &str,
) -> Result<Option<(String, &'static str)>, Failure> {
    let fetcher = Fetcher::builder().build()?;
    let authentication = Authentication::Basic(secret);
    let got = match Client::discover(fetcher, issuer, client_id, authentication).await {
        Ok(client) => client.client_credentials(Some(resource), None).await,
        Err(error) => Err(error),
    };
    let remedy = "register the resource there, or find out what the issuer wants instead";
    Ok(match got {
        Err(error) => Some((format!("no token for this `resource`: {error}"), remedy)),
        Ok(response) => match audience(&response.access_token) {
            None => None, // an opaque token says nothing here
            Some(audience) if audience.iter().any(|aud| aud == resource) => None,
            Some(audience) => {
                let what = format!("ignores `resource`: the token is for {}", audience.join(", "));
                Some((what, "name that in `audience`, if it means this API alone"))
            }
        },
    })
}

/// Whom a JWT is for, by its own word: nothing is verified here.
fn audience(token: &str) -> Option<Vec<String>> {
    let claims = json::parse_object(Jws::parse(token).ok()?.unverified_payload()).ok()?;
    Some(match claims.get("aud") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(all)) => {
            all.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    })
}
