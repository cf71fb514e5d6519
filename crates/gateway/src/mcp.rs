//! Calls of a Model Context Protocol server: which scopes a request's body asks for.
//!
//! A call is a JSON-RPC message in the body of a POST, so the body is read before the request is
//! let in, and forwarded as it was read. What could be read in two ways is refused.

mod message;
mod mirrored;
mod readable;
mod received;

use bailiwick_oauth::Scopes;
use http::{HeaderMap, Method, StatusCode};

use crate::answer::Fault;
use crate::config::{Calls, Tool};
pub(crate) use message::folded;
use message::{Call, Message};
pub(crate) use received::receive;

/// Whether requests of this method carry calls; of the others, none may have a body.
pub(crate) fn carries_calls(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS)
}

/// Finds out which scopes a body asks for, beside those of its route: those of all its messages.
///
/// # Errors
/// The answer to what is no JSON-RPC, has two readings, or calls a tool that nobody may call.
pub(crate) fn needed(calls: &Calls, headers: &HeaderMap, body: &[u8]) -> Result<Scopes, Fault> {
    readable::check(headers)?;
    let messages = message::parse(body)
        .map_err(|why| Fault::bad_request("ambiguous_call", why.to_string()))?;
    mirrored::agree(headers, &messages)?;
    let mut scopes = Scopes::new();
    for message in &messages {
        if let Message::Call(call) = message {
            scopes.extend(of_call(calls, call)?);
        }
    }
    Ok(scopes)
}

fn of_call(calls: &Calls, call: &Call<'_>) -> Result<Scopes, Fault> {
    let near_miss = || {
        Fault::bad_request(
            "ambiguous_call",
            "a method or a tool differs from a known one only in case or in white space",
        )
    };
    let mut scopes = calls.method(&call.method).map_err(|_| near_miss())?;
    if call.method == TOOL_CALL
        && let Some(name) = call.target()
    {
        match calls.tool(name).map_err(|_| near_miss())? {
            Tool::Needs(further) => scopes.extend(further.iter().cloned()),
            Tool::Unlisted => {
                return Err(Fault::new(
                    StatusCode::FORBIDDEN,
                    "tool_not_listed",
                    "nobody may call this tool here: the gateway's configuration does not list it",
                ));
            }
        }
    }
    Ok(scopes)
}

/// The method that calls a tool.
pub(crate) const TOOL_CALL: &str = "tools/call";

/// Whether headers have one of these, lower-case with hyphens, in a spelling that some upstreams
/// take for it: those know headers with each character folded that is no letter or digit.
fn has_alias(headers: &HeaderMap, of: &[&str]) -> bool {
    headers.keys().any(|name| {
        of.iter().any(|known| {
            let folds = |(a, b): (u8, u8)| a == b || (b == b'-' && !a.is_ascii_alphanumeric());
            let name = name.as_str();
            name != *known
                && name.len() == known.len()
                && name.bytes().zip(known.bytes()).all(folds)
        })
    })
}

#[cfg(test)]
mod tests;
