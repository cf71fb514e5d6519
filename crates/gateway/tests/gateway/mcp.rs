//! Calls of a Model Context Protocol server: what their bodies need, and what is forwarded of them.

use bailiwick_gateway::Config;
use bailiwick_jose::Algorithm;
use bailiwick_resource_server::testing::{TestClient, TestClock};
use http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{Answer, LONGEST, World, send};

const MCP: &str = "https://mcp.example.com/mcp";

async fn world() -> World {
    World::with(
        r#"
        [[resource]]
        identifier = "https://mcp.example.com/mcp"
        issuer = "ISSUER"
        upstream = "UPSTREAM"
        implies = { "issues:write" = ["issues:read"] }
        routes = [{
          path = "/mcp", scopes = ["mcp"], max_message = 4096,
          tools = { create_issue = ["issues:write"], "*" = ["issues:read"] },
          calls = { "resources/*" = ["files"] },
        }]
        "#,
    )
    .await
}

fn call(tool: &str) -> String {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": tool } })
        .to_string()
}

fn request(line: &str, authorization: &str, rest: &str) -> String {
    format!(
        "{line} HTTP/1.1\r\nHost: mcp.example.com\r\n{authorization}Connection: close\r\n{rest}"
    )
}

fn post(authorization: &str, body: &str) -> String {
    let rest =
        format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    request("POST /mcp", authorization, &rest)
}

fn bearer(world: &World, scope: &str) -> String {
    format!("Authorization: Bearer {}\r\n", world.issuer.token(MCP, scope))
}

fn challenge(answer: &Answer) -> &str {
    answer.header("www-authenticate").unwrap_or_default()
}

#[tokio::test]
async fn a_call_is_forwarded_octet_by_octet() {
    let world = world().await;
    let body = " {\"jsonrpc\":\"2.0\",\n\"method\":\"tools\\/call\",\"id\":1e0, \"params\":\
                {\"name\":\"\\u0063reate_issue\",\"arguments\":{\"\u{e9}\":1.50}}}\r\n";
    let token = bearer(&world, "mcp issues:write");
    let answer = world.send(post(&token, body)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["body"], body);
    let headers = answer.json()["headers"].to_string();
    assert!(headers.contains(&format!("[\"content-length\",\"{}\"]", body.len())), "{headers}");

    let chunked = format!(
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n\
         1\r\n{}\r\n{:x}\r\n{}\r\n0\r\nX-Auth-Subject: mallory\r\n\r\n",
        &body[..1],
        body.len() - 1,
        &body[1..]
    );
    let answer = world.send(request("POST /mcp", &token, &chunked)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["body"], body);
    assert!(!answer.body.contains("mallory"));
}

#[tokio::test]
async fn a_call_needs_what_its_route_its_method_and_its_tool_need() {
    let world = world().await;
    let read = r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a:b"}}"#;
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let batch = format!("[{list},{},{read}]", call("create_issue"));
    for (body, held, lacked) in [
        (list, "mcp", None),
        (list, "issues:write", Some("mcp")),
        (&call("create_issue"), "mcp issues:write", None),
        (&call("create_issue"), "mcp issues:read", Some("mcp issues:write")),
        (&call("create_issue"), "", Some("mcp issues:write")),
        (&call("list_issues"), "mcp issues:read", None),
        // Broader scopes imply narrower ones where the resource says so.
        (&call("list_issues"), "mcp issues:write", None),
        (&call("list_issues"), "mcp", Some("mcp issues:read")),
        (read, "mcp issues:write", Some("mcp files")),
        (read, "mcp files", None),
        (&batch, "mcp issues:write files", None),
        (&batch, "mcp issues:write", Some("mcp issues:write files")),
        (&batch, "mcp files", Some("mcp issues:write files")),
    ] {
        let seen = world.upstream.seen().len();
        let answer = world.send(post(&bearer(&world, held), body)).await;
        let Some(lacked) = lacked else {
            assert_eq!(answer.status, 200, "{body} with {held}: {answer:?}");
            continue;
        };
        assert_eq!(answer.status, 403, "{body} with {held}: {answer:?}");
        assert!(challenge(&answer).contains("error=\"insufficient_scope\""), "{answer:?}");
        assert!(challenge(&answer).contains(&format!("scope=\"{lacked}\"")), "{answer:?}");
        assert!(challenge(&answer).contains("resource_metadata=\""), "{answer:?}");
        assert_eq!(world.upstream.seen().len(), seen);
    }
}

#[tokio::test]
async fn a_stream_and_the_end_of_a_session_need_what_the_route_needs() {
    let world = world().await;
    for line in ["GET /mcp", "DELETE /mcp"] {
        let with = async |token: &str, rest: &str| world.send(request(line, token, rest)).await;
        assert_eq!(with(&bearer(&world, "mcp"), "\r\n").await.status, 200);
        assert_eq!(with(&bearer(&world, "files"), "\r\n").await.status, 403);
        let none = with("", "\r\n").await;
        assert_eq!(none.status, 401);
        assert!(challenge(&none).contains("scope=\"mcp\""), "{none:?}");
        // A call in a body that nobody reads would be one that nobody judges.
        let body = call("create_issue");
        let hidden = format!(
            "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let hidden = with(&bearer(&world, "mcp"), &hidden).await;
        assert_eq!(hidden.json()["error"], "unexpected_body");
    }
    assert_eq!(world.upstream.seen(), ["GET /mcp", "DELETE /mcp"]);
    // Whatever else has a body is read as a call.
    let put = post(&bearer(&world, "mcp"), &call("create_issue")).replacen("POST", "PUT", 1);
    assert_eq!(world.send(put).await.status, 403);
}

#[tokio::test]
async fn a_body_is_not_waited_for_without_a_token_for_this_resource() {
    let world = world().await;
    let foreign = world.issuer.token("https://other.example.com", "mcp");
    let foreign = format!("Authorization: Bearer {foreign}\r\n");
    let announced = "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    for token in ["", "Authorization: Bearer rubbish\r\n", &foreign] {
        let answer = world.send(request("POST /mcp", token, announced)).await;
        assert_eq!(answer.status, 401, "{answer:?}");
        assert!(challenge(&answer).contains("scope=\"mcp\""), "{answer:?}");
        assert!(challenge(&answer).contains(
            "resource_metadata=\"https://mcp.example.com/.well-known/oauth-protected-resource/mcp\""
        ));
    }
    assert_eq!(world.upstream.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn a_body_that_is_too_long_or_ends_early_is_refused() {
    let world = world().await;
    let token = bearer(&world, "mcp issues:read");
    let padded = |length: usize| {
        let body = call("x");
        format!("{}{body}", " ".repeat(length - body.len()))
    };
    assert_eq!(world.send(post(&token, &padded(4096))).await.status, 200);
    assert_eq!(world.send(post(&token, &padded(4097))).await.status, 413);
    let head = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let body = padded(4097);
    let (first, last) = body.split_at(4096);
    let chunked = format!("{head}1000\r\n{first}\r\n1\r\n{last}\r\n");
    let answer = world.send(request("POST /mcp", &token, &chunked)).await;
    assert_eq!((answer.status, answer.json()["error"].as_str()), (413, Some("message_too_large")));

    let mut cut = TcpStream::connect(world.gateway).await.unwrap();
    let body = post(&token, &padded(4000));
    cut.write_all(&body.as_bytes()[..body.len() - 1]).await.unwrap();
    cut.shutdown().await.unwrap();
    let mut read = Vec::new();
    let _ = timeout(LONGEST, cut.read_to_end(&mut read)).await.expect("an end");
    assert!(!read.starts_with(b"HTTP/1.1 2"));
    assert_eq!(world.upstream.seen(), ["POST /mcp"]);
}

#[tokio::test]
async fn what_has_two_readings_is_never_forwarded() {
    let world = world().await;
    let token = bearer(&world, "mcp issues:read");
    let twice = call("list_issues").replace("\"id\"", "\"method\":\"tools/list\",\"id\"");
    assert_eq!(world.send(post(&token, &twice)).await.json()["error"], "ambiguous_call");
    let other_type = post(&token, &call("x")).replace("application/json", "text/plain");
    assert_eq!(world.send(other_type).await.status, 415);
    let header = "POST /mcp HTTP/1.1\r\nMcp-Name: create_issue\r\n";
    let mismatch = post(&token, &call("x")).replace("POST /mcp HTTP/1.1\r\n", header);
    let mismatch = send(world.gateway, mismatch.as_bytes()).await;
    assert_eq!((mismatch.status, &mismatch.json()["error"]), (400, &json!("header_mismatch")));
    assert_eq!(world.upstream.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn a_dpop_proof_is_good_for_one_call() {
    let world = world().await;
    let client = TestClient::new(Algorithm::Es256, TestClock::running());
    let token = world.issuer.mint(
        "at+jwt",
        &json!({ "aud": MCP, "scope": "mcp issues:read", "cnf": { "jkt": client.thumbprint() } }),
    );
    let proved = || {
        let proof = client.proof(&Method::POST, MCP, &token, None);
        format!("Authorization: DPoP {token}\r\nDPoP: {proof}\r\n")
    };
    let once = proved();
    let answer = world.send(post(&once, &call("x"))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(world.send(post(&once, &call("x"))).await.status, 401);
    let narrow = world.send(post(&proved(), &call("create_issue"))).await;
    assert_eq!(narrow.status, 403, "{narrow:?}");
    // Refused for its scope, the proof is spent all the same.
    let spent = proved();
    assert_eq!(world.send(post(&spent, &call("create_issue"))).await.status, 403);
    assert_eq!(world.send(post(&spent, &call("x"))).await.status, 401);
}

#[test]
fn the_examples_of_the_page_are_configurations() {
    let page = include_str!("../../../../docs/gateway/mcp.md");
    let examples = page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let parse = |example| Config::parse("mcp.md", example).unwrap().resources.remove(0);
    let [tools, browsers] = examples.map(parse).collect::<Vec<_>>().try_into().unwrap();
    assert!(tools.routes[0].calls.is_some());
    assert_eq!(tools.scopes().to_string(), "mcp");
    assert!(browsers.cors.is_some());
}
