//! `explain`: what a gateway makes of a token and a request, check by check, and what an
//! authorization server would grant.

use std::io::Read;
use std::process::ExitCode;

use bailiwick_authorization_server::config::Config;
use bailiwick_authorization_server::explain::{ExplainError, Explained, Question, explain_grant};
use bailiwick_authorization_server::registry;
use bailiwick_gateway::Gateway;
use bailiwick_store_sqlite::SqliteStore;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::Failure;
use crate::cli::{Explain, ExplainGrant, ExplainOf};

/// Prints every check in its order; 0 when the request would pass.
pub(crate) async fn run(options: Explain) -> Result<ExitCode, Failure> {
    if let Some(ExplainOf::Grant(options)) = options.of {
        return grant(options).await;
    }
    // INVARIANT: the command line requires both where there is no subcommand.
    let (method, url) = (options.method.unwrap_or_default(), options.url.unwrap_or_default());
    let method = Method::from_bytes(method.to_uppercase().as_bytes())
        .map_err(|_| Failure::usage(format!("`{method}` is no method")))?;
    let uri: Uri =
        url.parse().map_err(|why| Failure::usage(format!("`{url}` is no address: {why}")))?;
    let authority = uri
        .authority()
        .map(ToString::to_string)
        .ok_or_else(|| Failure::usage(format!("`{url}` names no host; write the whole address")))?;
    let token = if let Some(token) = options.token {
        token
    } else {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        text
    };
    let (passes, text) = if let Some(gateway) = &options.gateway {
        let question = json!({
            "method": method.as_str(), "url": uri.to_string(), "token": token.trim(),
        });
        ask(gateway, &question).await?
    } else {
        let gateway = Gateway::new(crate::gateway::load(&options.config.config)?)?;
        let mut request = Request::builder().method(method).uri(uri).header("host", authority);
        if !token.trim().is_empty() {
            request = request.header("authorization", format!("Bearer {}", token.trim()));
        }
        let explained = gateway.explain(&request.body(())?).await;
        (explained.passes(), explained.to_string())
    };
    println!("{text}");
    Ok(if passes { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Explains what the authorization server would grant.
async fn grant(options: ExplainGrant) -> Result<ExitCode, Failure> {
    let ExplainGrant { config, client, user, resources, scope, issuer, server, json } = options;
    let question = Question { issuer, client, user, resources, scope };
    let explained: Explained = if let Some(server) = &server {
        let (status, said) = post(server, "/explain/grant", &json!(question)).await?;
        if status != StatusCode::OK {
            let why = said["error"].as_str().unwrap_or("that is no server's admin listener");
            return Err(Failure::usage(format!("{status}: {why}")));
        }
        serde_json::from_value(said)?
    } else {
        let config = crate::serve::load(&config.config)?;
        let all = std::iter::once(&config).chain(&config.tenants);
        let is_meant = |one: &&Config| {
            question.issuer.as_ref().is_none_or(|issuer| one.tenant.issuer.as_str() == issuer)
        };
        let one = { all }.find(is_meant);
        let one = one.ok_or_else(|| Failure::usage("the configuration has no such issuer"))?;
        let store = SqliteStore::open(&one.store)?;
        registry::apply(&store, one, crate::serve::now()).await?;
        match explain_grant(&one.tenant, &store, crate::serve::now(), &question).await {
            Err(ExplainError::Question(why)) => return Err(Failure::usage(why)),
            explained => explained?,
        }
    };
    if json {
        println!("{:#}", json!(explained));
    } else {
        println!("{explained}");
    }
    Ok(if explained.is_granted() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Asks a gateway that runs.
async fn ask(gateway: &str, question: &Value) -> Result<(bool, String), Failure> {
    let (status, said) = post(gateway, "/explain", question).await?;
    if let (StatusCode::OK, Some(passes), Some(text)) =
        (status, said["passes"].as_bool(), said["text"].as_str())
    {
        return Ok((passes, text.to_owned()));
    }
    let why = said["error"].as_str().unwrap_or("that is no gateway's admin listener");
    Err(Failure::new(format!("{status}: {why}")))
}

/// Asks an admin listener.
async fn post(
    listener: &str,
    path: &str,
    question: &Value,
) -> Result<(StatusCode, Value), Failure> {
    let place: Uri = listener
        .parse()
        .map_err(|why| Failure::usage(format!("`{listener}` is no address: {why}")))?;
    // The token goes there in the clear: to the loopback interface, or through a tunnel.
    let (Some("http"), Some(authority)) = (place.scheme_str(), place.authority()) else {
        return Err(Failure::usage(format!("`{listener}`: write it as http://127.0.0.1:9901")));
    };
    let port = authority.port_u16().unwrap_or(80);
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, port))
        .await
        .map_err(|error| Failure::from(error).during("nobody answers there"))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::post(path)
        .header(HOST, authority.as_str())
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(question.to_string())))?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), 1 << 20).collect().await;
    let body = body.map_err(|error| Failure::new(format!("the answer cannot be read: {error}")))?;
    Ok((status, serde_json::from_slice(&body.to_bytes()).unwrap_or_default()))
}
