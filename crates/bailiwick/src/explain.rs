//! `explain`: what a gateway's configuration makes of a token and a request, check by check.

use std::io::Read;
use std::process::ExitCode;

use bailiwick_gateway::{Explained, Gateway};
use bailiwick_guard::Outcome;
use http::{Method, Request, Uri};

use crate::Failure;
use crate::cli::Explain;

/// Prints every check in its order; 0 when the request would pass.
pub(crate) async fn run(options: Explain) -> Result<ExitCode, Failure> {
    let gateway = Gateway::new(crate::gateway::load(&options.config.config)?)?;
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
    let mut request = Request::builder().method(method).uri(uri).header("host", authority);
    if !token.trim().is_empty() {
        request = request.header("authorization", format!("Bearer {}", token.trim()));
    }
    Ok(match gateway.explain(&request.body(())?).await {
        Explained::Unrouted { why } => {
            println!("no route: {why}");
            ExitCode::FAILURE
        }
        Explained::Public { resource, route } => {
            println!("{resource}, route {route}: public, no token is needed");
            ExitCode::SUCCESS
        }
        Explained::Checked { resource, route, needs, checks } => {
            println!("{resource}, route {route}, needs");
            for need in needs {
                println!("  {need}");
            }
            let mut code = ExitCode::SUCCESS;
            for check in checks {
                let outcome = match check.outcome {
                    Outcome::Passed => "passed".to_owned(),
                    Outcome::NotReached => "not reached".to_owned(),
                    Outcome::NotApplicable => continue,
                    Outcome::Failed { reason, description, note } => {
                        code = ExitCode::FAILURE;
                        let note = note.map_or_else(String::new, |note| format!(" ({note})"));
                        format!("FAILED: {reason}: {description}{note}")
                    }
                    Outcome::Missing { fact } => {
                        code = ExitCode::FAILURE;
                        format!("UNDECIDED: {fact} cannot be had")
                    }
                };
                println!("  {:<13} {:<17} {outcome}", check.name.as_str(), check.section);
            }
            code
        }
    })
}
