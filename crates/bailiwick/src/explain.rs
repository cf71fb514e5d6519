//! `explain`: what a gateway makes of a token and a request, check by check.

use std::io::Read;
use std::process::ExitCode;

use bailiwick_gateway::Gateway;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::Failure;
use crate::cli::Explain;

/// Prints every check in its order; 0 when the request would pass.
pub(crate) async fn run(options: Explain) -> Result<ExitCode, Failure> {
    let method = Method::from_bytes(options.method.to_uppercase().as_bytes())
        .map_err(|_| Failure::usage(format!("`{}` is no method", options.method)))?;
    let uri: Uri = options
        .url
        .parse()
        .map_err(|why| Failure::usage(format!("`{}` is no address: {why}", options.url)))?;
    let authority = uri.authority().map(ToString::to_string).ok_or_else(|| {
        Failure::usage(format!("`{}` names no host; write the whole address", options.url))
    })?;
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

/// Asks a gateway that runs.
async fn ask(gateway: &str, question: &Value) -> Result<(bool, String), Failure> {
    let place: Uri = gateway
        .parse()
        .map_err(|why| Failure::usage(format!("`{gateway}` is no address: {why}")))?;
    // The token goes there in the clear: to the loopback interface, or through a tunnel.
    let (Some("http"), Some(authority)) = (place.scheme_str(), place.authority()) else {
        return Err(Failure::usage(format!("`{gateway}`: write it as http://127.0.0.1:9901")));
    };
    let port = authority.port_u16().unwrap_or(80);
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, port))
        .await
        .map_err(|error| Failure::from(error).during("no gateway answers there"))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::post("/explain")
        .header(HOST, authority.as_str())
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(question.to_string())))?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), 1 << 20).collect().await;
    let body = body.map_err(|error| Failure::new(format!("the answer cannot be read: {error}")))?;
    let said: Value = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
    if let (StatusCode::OK, Some(passes), Some(text)) =
        (status, said["passes"].as_bool(), said["text"].as_str())
    {
        return Ok((passes, text.to_owned()));
    }
    let why = said["error"].as_str().unwrap_or("that is no gateway's admin listener");
    Err(Failure::new(format!("{status}: {why}")))
}
