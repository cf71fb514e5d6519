use bailiwick_oauth::Scopes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;

use super::*;
use crate::config::Config;

/// What a body needs on a route with these settings, or the code of the refusal.
fn verdict(settings: &str, body: &[u8]) -> Result<String, &'static str> {
    let config = format!(
        r#"
        [[resource]]
        identifier = "https://mcp.example"
        issuer = "https://id.example"
        upstream = "http://127.0.0.1:1"
        routes = [{{ path = "/mcp", scopes = ["mcp"], {settings} }}]
        "#
    );
    let config = Config::parse("test.toml", &config).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, "application/json".parse().unwrap());
    let calls = config.resources[0].routes[0].calls.as_ref().unwrap();
    needed(calls, &headers, body)
        .map(|scopes: Scopes| scopes.to_string())
        .map_err(|fault| fault.error)
}

const SETTINGS: &str = r#"
    tools = { create_issue = ["issues:write"], "Größe" = ["size"], "*" = ["issues:read"] },
    calls = { "resources/*" = ["files"], "resources/list" = [], "tools/call" = ["call"] }"#;

fn call(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#)
}

#[test]
fn a_call_needs_the_scopes_of_its_method_and_its_tool() {
    for (method, params, scopes) in [
        ("tools/call", r#"{"name":"create_issue"}"#, "call issues:write"),
        // However it is written: names are compared unescaped.
        ("tools\\u002fcall", r#"{"n\u0061me":"\u0063reate_issue"}"#, "call issues:write"),
        ("tools/call", r#"{"name":"Gr\u00f6\u00dfe"}"#, "call size"),
        ("tools/call", r#"{"arguments":{"name":"create_issue"},"name":"x"}"#, "call issues:read"),
        ("resources/read", r#"{"uri":"file:///a"}"#, "files"),
        ("resources/templates/list", "{}", "files"),
        ("resources/list", "null", ""),
        ("initialize", r#"{"capabilities":{},"clientInfo":{"name":"a"}}"#, ""),
        ("notifications/initialized", "{}", ""),
        ("prompts/get", r#"{"name":"create_issue"}"#, ""),
        ("custom/method", r#"{"name":{"Name":1},"NAME":2}"#, ""),
    ] {
        let body = call(method, params);
        assert_eq!(verdict(SETTINGS, body.as_bytes()), Ok(scopes.to_owned()), "{body}");
    }
}

#[test]
fn each_message_of_a_batch_is_judged() {
    let read = call("resources/read", r#"{"uri":"a"}"#);
    let tool = call("tools/call", r#"{"name":"create_issue"}"#);
    let answer = r#"{"jsonrpc":"2.0","id":"a","result":{"content":[]}}"#;
    let batch = format!("[{read},{answer},{tool}]");
    assert_eq!(verdict(SETTINGS, batch.as_bytes()), Ok("files call issues:write".to_owned()));
    assert_eq!(verdict(SETTINGS, answer.as_bytes()), Ok(String::new()));
    let spoilt = format!("[{read},{}]", call("tools/call", "{}"));
    assert_eq!(verdict(SETTINGS, spoilt.as_bytes()), Err("ambiguous_call"));
}

#[test]
fn a_tool_that_is_not_listed_may_not_be_called() {
    let settings = "tools = { add = [] }";
    let named = |name| call("tools/call", &format!(r#"{{"name":"{name}"}}"#));
    assert_eq!(verdict(settings, named("add").as_bytes()), Ok(String::new()));
    assert_eq!(verdict(settings, named("delete").as_bytes()), Err("tool_not_listed"));
    assert_eq!(verdict(settings, named("*").as_bytes()), Err("tool_not_listed"));
    let batch = format!("[{},{}]", named("add"), named("delete"));
    assert_eq!(verdict(settings, batch.as_bytes()), Err("tool_not_listed"));
    // Without a list of tools, the route's scopes are enough for each.
    let settings = r#"calls = { "resources/*" = ["files"] }"#;
    assert_eq!(verdict(settings, named("delete").as_bytes()), Ok(String::new()));
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let good = call("tools/call", r#"{"name":"create_issue"}"#);
    let instead = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1).into_bytes()
    };
    let mut cases: Vec<Vec<u8>> = vec![
        // Two members with one name, also by escapes, also further in.
        instead(r#""id":1"#, r#""id":1,"method":"tools/list""#),
        instead(r#""id":1"#, r#""id":1,"m\u0065thod":"tools/list""#),
        instead(r#""name":"#, r#""name":"x","name":"#),
        instead(r#""name":"#, r#""n\u0061me":"x","name":"#),
        instead(r#""id":1"#, r#""id":1,"params":{"name":"x"}"#),
        instead(r#""name":"#, r#""arguments":[{"a":1,"a":2}],"name":"#),
        instead(r#""id":1"#, r#""id":1,"id":2"#),
        // Names that some parsers take for others.
        instead(r#""id":1"#, r#""id":1,"Method":"tools/list""#),
        instead(r#""id":1"#, r#""id":1,"PARAMS":{"name":"x"}"#),
        instead(r#""id":1"#, r#""id":1,"param\u017f":{}"#),
        instead(r#""id":1"#, r#""id":1,"method ":"tools/list""#),
        instead(r#""name":"#, r#""Name":"x","name":"#),
        instead("tools/call", "Tools/Call"),
        instead("tools/call", "tools/call "),
        instead("tools/call", "tools/call\\u0000"),
        instead("tools/call", "tool\\u017f/call"),
        instead("create_issue", "Create_Issue"),
        instead("create_issue", " create_issue"),
        instead("create_issue", "create_issue\\u0000x"),
        instead("create_issue", "gr\\u00d6\\u00dfe"),
        // What is no text.
        instead(r#""create_issue""#, r#"["create_issue"]"#),
        instead(r#""create_issue""#, "null"),
        instead(r#""create_issue""#, "1"),
        instead(r#""tools/call""#, r#"["tools/call"]"#),
        instead(r#""tools/call""#, "null"),
        instead(r#"{"name":"create_issue"}"#, r#"["create_issue"]"#),
        instead(r#"{"name":"create_issue"}"#, r#""create_issue""#),
        instead(r#""create_issue""#, r#""\ud800""#),
        instead("create_issue", "create\nissue"),
        // What is no message.
        instead(r#""2.0""#, "2.0"),
        instead(r#""2.0""#, r#""1.0""#),
        instead(r#""jsonrpc":"2.0","#, ""),
        instead(r#""method":"tools/call","#, ""),
        instead(r#""id":1"#, r#""id":1,"result":{}"#),
        instead(r#""id":1"#, r#""id":{}"#),
        br#"{"jsonrpc":"2.0","id":1,"result":1,"error":2}"#.to_vec(),
        br#"{"jsonrpc":"2.0","result":1}"#.to_vec(),
        b"".to_vec(),
        b"[]".to_vec(),
        b"null".to_vec(),
        b"\"tools/call\"".to_vec(),
        format!("[[{good}]]").into_bytes(),
        // What is no JSON, or more than one.
        format!("{good}{good}").into_bytes(),
        format!("{good}\n{good}").into_bytes(),
        format!("{good},").into_bytes(),
        format!("{good}\0").into_bytes(),
        format!("\u{feff}{good}").into_bytes(),
        format!("// {good}\n{good}").into_bytes(),
        instead("}}", "},}"),
        instead(r#""id":1"#, r#""id":NaN"#),
        instead(r#""id":1"#, r#""id":01"#),
        instead(r#""id":1"#, "'id':1"),
        instead(r#""name":"#, &format!(r#""a":{}{},"name":"#, "[".repeat(200), "]".repeat(200))),
    ];
    for octets in [&b"\xff"[..], b"\xc0\xaf", b"\xed\xa0\x80"] {
        let mut bad = good.clone().into_bytes();
        let place = good.find("create").unwrap();
        bad.splice(place..place, octets.iter().copied());
        cases.push(bad);
    }
    let utf_16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    cases.push(utf_16);
    assert!(verdict(SETTINGS, good.as_bytes()).is_ok());
    for body in cases {
        let shown = String::from_utf8_lossy(&body).into_owned();
        assert_eq!(verdict(SETTINGS, &body), Err("ambiguous_call"), "{shown}");
    }
}
