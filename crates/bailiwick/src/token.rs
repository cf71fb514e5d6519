//! `token`: gets an access token, with the client's secret or through the browser.

use std::time::Duration;

use bailiwick_client::{Authentication, AuthorizationRequest, Client, Loopback};
use bailiwick_fetch::Fetcher;
use bailiwick_oauth::{ClientId, Issuer, Scopes, Secret, token};

use crate::Failure;
use crate::cli::Token;

/// How long the user has to sign in and answer.
const LONGEST: Duration = Duration::from_mins(5);

/// Gets a token and prints it.
pub(crate) async fn run(options: Token) -> Result<(), Failure> {
    let issuer = Issuer::parse(&options.issuer)
        .map_err(|why| Failure::usage(format!("--issuer {}: {why}", options.issuer)))?;
    let client_id = ClientId::parse(&options.client_id)
        .map_err(|why| Failure::usage(format!("--client-id {}: {why}", options.client_id)))?;
    let scope = Scopes::parse(&options.scope)
        .map_err(|why| Failure::usage(format!("--scope {}: {why}", options.scope)))?;
    let scope = Some(scope).filter(|scope| !scope.is_empty());
    let secret = options.secret_env.as_deref().map(secret).transpose()?;
    let with_browser = options.browser || secret.is_none();
    let authentication = secret.map_or(Authentication::None, Authentication::Basic);
    let fetcher = Fetcher::builder().build()?;
    let client = Client::discover(fetcher, &issuer, client_id, authentication).await?;
    let response = if with_browser {
        through_browser(&client, scope, &options.resources).await?
    } else {
        if options.resources.len() > 1 {
            return Err(Failure::usage("a token is for one resource; name one with --resource"));
        }
        let resource = options.resources.first().map(String::as_str);
        client.client_credentials(resource, scope.as_ref()).await?
    };
    if options.json {
        println!("{}", serde_json::to_string_pretty(&response)?);
    } else {
        println!("{}", response.access_token);
        let target = response.resource.as_deref().unwrap_or("userinfo");
        eprintln!("for {target}, scope {}, {} seconds", response.scope, response.expires_in);
    }
    Ok(())
}

async fn through_browser(
    client: &Client,
    scope: Option<Scopes>,
    resources: &[String],
) -> Result<token::Response, Failure> {
    let loopback = Loopback::listen("/callback").await?;
    let mut request = AuthorizationRequest::new(loopback.redirect_uri().clone());
    request.scope = scope;
    request.resources = resources.to_vec();
    let started = client.authorization_url(request)?;
    eprintln!("Open this address in your browser, and sign in:\n\n  {}\n", started.url);
    let query = loopback.wait(LONGEST).await?;
    let code = started.callback(&query)?;
    let resource = resources.first().map(String::as_str);
    Ok(client.redeem(&code, &started.verifier, &started.redirect_uri, resource).await?)
}

fn secret(name: &str) -> Result<Secret, Failure> {
    match std::env::var(name) {
        Ok(secret) if !secret.is_empty() => Ok(Secret::new(secret)),
        _ => Err(Failure::usage(format!("--secret-env {name}: that variable is empty or not set"))),
    }
}
