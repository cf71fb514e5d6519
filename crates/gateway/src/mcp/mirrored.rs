//! Do the headers that repeat a call agree with it: `Mcp-Method` and `Mcp-Name` (Model Context
//! Protocol 2026-07-28, Streamable HTTP, "Server Validation").

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;

use super::has_alias;
use super::message::Message;
use crate::answer::Fault;

const METHOD: &str = "mcp-method";
const NAME: &str = "mcp-name";

/// Refuses headers that say something else than the body: an upstream may act on either.
///
/// A client of an older revision sends none; whether there must be some is the upstream's to say.
pub(super) fn agree(headers: &HeaderMap, messages: &[Message<'_>]) -> Result<(), Fault> {
    let refused = |why| Err(Fault::bad_request("header_mismatch", why));
    if has_alias(headers, &[METHOD, NAME]) {
        return refused("a header is spelled like Mcp-Method or Mcp-Name");
    }
    let (Ok(method), Ok(name)) = (only(headers, METHOD), only(headers, NAME)) else {
        return refused("Mcp-Method or Mcp-Name is there twice, or is no text");
    };
    for message in messages {
        let call = match message {
            Message::Call(call) => call,
            Message::Answer if method.is_none() && name.is_none() => continue,
            Message::Answer => return refused("the body answers, but the headers name a call"),
        };
        if method.is_some_and(|method| method != call.method) {
            return refused("Mcp-Method does not match the body's method");
        }
        let Some(name) = name else { continue };
        let Some(name) = decoded(name) else {
            return refused("Mcp-Name is no valid Base64");
        };
        if !call.is_named(&name) {
            return refused("Mcp-Name does not match the body's name or URI");
        }
    }
    Ok(())
}

/// The value of a header that is there once at most.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(one), None) => one.to_str().map(Some).map_err(drop),
        (Some(_), Some(_)) => Err(()),
    }
}

/// The text that a value stands for: what is not plain ASCII comes as `=?base64?…?=`.
fn decoded(value: &str) -> Option<Cow<'_, str>> {
    let encoded = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?="));
    match encoded {
        None => Some(Cow::Borrowed(value)),
        Some(encoded) => {
            let octets = STANDARD.decode(encoded).ok()?;
            String::from_utf8(octets).ok().map(Cow::Owned)
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::super::message;
    use super::*;

    fn verdict(body: &str, sent: &[(&str, &str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, value.parse().unwrap());
        }
        agree(&headers, &message::parse(body.as_bytes()).unwrap()).is_ok()
    }

    const CALL: &str =
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","uri":"x"}}"#;
    const READ: &str = r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///a","name":"x"}}"#;
    const GREET: &str =
        r#"{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"Hello, 世界"}}"#;
    const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    const ANSWER: &str = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;

    #[test]
    fn headers_that_repeat_the_body_pass() {
        let method = |of| ("mcp-method", of);
        for (body, sent) in [
            (CALL, vec![]),
            (CALL, vec![method("tools/call"), ("mcp-name", "add")]),
            (CALL, vec![("mcp-name", "=?base64?YWRk?=")]),
            (READ, vec![method("resources/read"), ("mcp-name", "file:///a")]),
            (GREET, vec![("mcp-name", "=?base64?SGVsbG8sIOS4lueVjA==?=")]),
            (LIST, vec![method("tools/list")]),
            (ANSWER, vec![]),
            (ANSWER, vec![("mcp-protocol-version", "2026-07-28"), ("mcp-param-name", "x")]),
        ] {
            assert!(verdict(body, &sent), "{body} {sent:?}");
        }
    }

    #[test]
    fn headers_that_say_something_else_are_refused() {
        for (body, name, value) in [
            (CALL, "mcp-method", "tools/list"),
            (CALL, "mcp-method", "Tools/Call"),
            (CALL, "mcp-method", "=?base64?dG9vbHMvY2FsbA==?="),
            (CALL, "mcp-name", "delete"),
            (CALL, "mcp-name", "Add"),
            (CALL, "mcp-name", "x"),
            (CALL, "mcp-name", ""),
            (CALL, "mcp-name", "=?base64?YWRk"),
            (CALL, "mcp-name", "=?base64?YWR?="),
            (CALL, "mcp-name", "=?base64?/w==?="),
            (CALL, "mcp_name", "add"),
            (CALL, "mcp.method", "tools/call"),
            (READ, "mcp-name", "x"),
            (LIST, "mcp-name", "add"),
            (ANSWER, "mcp-method", "tools/list"),
            (ANSWER, "mcp-name", "add"),
        ] {
            assert!(!verdict(body, &[(name, value)]), "{body} {name}: {value}");
        }
        assert!(!verdict(CALL, &[("mcp-name", "add"), ("mcp-name", "add")]));
        let both = format!("[{CALL},{LIST}]");
        assert!(!verdict(&both, &[("mcp-method", "tools/call")]));
    }
}
