use std::path::PathBuf;

use bailiwick_gateway::Config;

use super::*;

fn options() -> OpenApi {
    OpenApi { file: PathBuf::new(), issuer: None, upstream: None, identifier: None }
}

fn imported(text: &str) -> Imported {
    let imported = openapi(&parse(text).unwrap(), &options()).unwrap();
    if let Err(error) = Config::parse("imported", &imported.text) {
        panic!("{error}\n{}", imported.text);
    }
    imported
}

/// The lines of `routes`.
fn routes(imported: &Imported) -> Vec<&str> {
    imported.text.lines().filter(|line| line.starts_with("  {")).map(str::trim).collect()
}

#[test]
fn a_document_in_yaml_becomes_a_resource() {
    let imported = imported(include_str!("../../testdata/orders.yaml"));
    assert_eq!(
        routes(&imported),
        [
            r#"{ path = "/health", methods = ["GET"], public = true },"#,
            r#"{ path = "/me", methods = ["GET"], scopes = [] },"#,
            r#"{ path = "/orders", methods = ["GET"], scopes = ["read:orders"] },"#,
            r#"{ path = "/orders", methods = ["POST"], scopes = ["read:orders", "write:orders"] },"#,
            r#"{ path = "/orders/*", methods = ["GET", "DELETE"], any_scope = ["read:orders", "admin"] },"#,
        ]
    );
    for line in [
        "identifier = \"https://api.example.com/v1\"",
        "issuer = \"https://id.example.com\"",
        "prefix = \"/v1\"",
        "name = \"Orders\"",
    ] {
        assert!(imported.text.contains(line), "{}", imported.text);
    }
}

#[test]
fn what_cannot_be_expressed_is_told_and_never_weaker() {
    let imported = imported(include_str!("../../testdata/odd.json"));
    assert_eq!(
        routes(&imported),
        [
            r#"{ path = "/both", methods = ["GET"], scopes = ["read"] },"#,
            r#"{ path = "/files/*", methods = ["GET"], scopes = ["read"] },"#,
            r#"{ path = "/optional", methods = ["GET"], scopes = ["read"] },"#,
            r#"{ path = "/sets", methods = ["GET"], scopes = ["a", "b"] },"#,
            r#"{ path = "/unsaid", methods = ["GET"], scopes = [] },"#,
            r#"{ path = "/users/*", methods = ["GET"], scopes = ["read"] },"#,
            r#"{ path = "/users/me", methods = ["GET"], scopes = ["left-out-by-import"] },"#,
        ]
    );
    for told in [
        "GET /users/me: left out",
        "GET /optional: a token is optional there",
        "GET /unsaid: the document says nothing of security",
        "GET /sets: of several sets of scopes the first",
        "GET /both: 'key' (apiKey) is not checked here",
        "/files/{name}.{kind}: a template inside a segment",
        "TRACE /users/{id}: left out",
        "GET /key: left out",
        "GET /unknown: 'nowhere' is no security scheme",
        "/evil [[resource]]: left out",
        "the document names no issuer",
    ] {
        assert!(imported.warnings.iter().any(|it| it.contains(told)), "{told}: {imported:#?}");
        let in_text = imported.text.lines().any(|it| it.starts_with("# ") && it.contains(told));
        assert!(in_text, "{told}: {}", imported.text);
    }
}

#[test]
fn two_paths_that_are_one_here_let_nobody_in_by_the_laxer_of_them() {
    let text = r#"{ "openapi": "3.1.0", "servers": [{ "url": "https://a.example" }],
        "components": { "securitySchemes": { "o": { "type": "http", "scheme": "Bearer" } } },
        "paths": {
          "/a/{x}": { "get": { "security": [] } },
          "/a/{y}": { "get": { "security": [{ "o": ["admin"] }] } },
          "/b/{x}": { "get": { "security": [] } }
        } }"#;
    let imported = imported(text);
    assert_eq!(routes(&imported), [r#"{ path = "/b/*", methods = ["GET"], public = true },"#]);
}

#[test]
fn other_documents_are_refused_with_the_reason() {
    for (text, expected) in [
        ("{}", "no OpenAPI document"),
        ("[]", "no OpenAPI document"),
        ("swagger: '2.0'", "convert the document"),
        ("openapi: 4.0.0", "OpenAPI 4.0.0 is not read"),
        ("openapi: 3.1.0\nservers: [{url: 'https://a.example'}]", "nothing is imported"),
        ("openapi: 3.1.0\npaths: {/a: {get: {security: []}}}", "no absolute server"),
    ] {
        let said = openapi(&parse(text).unwrap(), &options()).unwrap_err();
        assert!(said.contains(expected), "{text}: {said}");
    }
    assert!(parse("a: [").is_err() && parse("{\"a\": ").is_err());
}
