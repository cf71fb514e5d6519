//! Questions of other proxies, asked by hand: octets in, octets out.

use std::net::SocketAddr;

use bailiwick_gateway::{Config, Gateway};
use tokio::net::TcpListener;

use crate::support::{Answer, DRIVE, Issuer, ORDERS, send};

/// A gateway that answers other proxies.
struct Asked {
    address: SocketAddr,
    issuer: Issuer,
}

impl Asked {
    async fn by(mode: &str) -> Self {
        Self::with(&format!("mode = \"{mode}\"")).await
    }

    /// The settings are those of `[[answer]]`.
    async fn with(settings: &str) -> Self {
        let issuer = Issuer::start().await;
        let config = format!(
            r#"
            [[answer]]
            listen = "127.0.0.1:0"
            {settings}
            [[resource]]
            identifier = "{DRIVE}"
            issuer = "{}"
            upstream = "http://127.0.0.1:1"
            prefix = "/drive"
            routes = [
              {{ path = "/files/**", methods = ["GET"], scopes = ["read:files"] }},
              {{ path = "/as-client", scopes = [], forward_token = true }},
              {{ path = "/mcp", scopes = [], tools = {{ "*" = ["read:files"] }} }},
              {{ path = "/healthz", public = true }},
            ]
            "#,
            issuer.url
        );
        let config = Config::parse("test.toml", &config).unwrap();
        let place = config.answering[0].clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let gateway = Gateway::new(config).unwrap();
        tokio::spawn(gateway.serve_questions(place, listener, std::future::pending()));
        Self { address, issuer }
    }

    /// A question with these lines of headers.
    async fn question(&self, place: &str, lines: &[&str]) -> Answer {
        let lines: String = lines.iter().flat_map(|line| [*line, "\r\n"]).collect();
        let octets = format!("GET {place} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n");
        send(self.address, octets.as_bytes()).await
    }

    /// A question in the way of `X-Original-*` or `X-Forwarded-*`.
    async fn ask(&self, way: &str, method: &str, target: &str, lines: &[&str]) -> Answer {
        let (method, target, host) = (
            format!("X-{way}-Method: {method}"),
            format!("X-{way}-Uri: {target}"),
            format!("X-{way}-Host: api.example.com"),
        );
        let mut all = vec!["Host: gateway", &method, &target, &host];
        all.extend(lines);
        self.question("/check", &all).await
    }

    fn bearer(&self, resource: &str, scope: &str) -> String {
        format!("Authorization: Bearer {}", self.issuer.token(resource, scope))
    }
}

#[tokio::test]
async fn nginx_gets_a_status_that_it_knows_and_the_rest_in_headers() {
    let asked = Asked::by("auth_request").await;
    let good = asked.bearer(DRIVE, "read:files");
    let file = "/drive/files/a?b=%2e";

    let passes = asked.ask("Original", "GET", file, &[&good]).await;
    assert_eq!(passes.status, 200, "{passes:?}");
    assert_eq!(passes.header("x-auth-subject"), Some("alice"));
    assert_eq!(passes.header("x-auth-client"), Some("shop"));
    assert_eq!(passes.header("x-auth-scope"), Some("read:files"));
    assert_eq!(passes.header("authorization"), None, "the route does not forward it");
    let public = asked.ask("Original", "GET", "/drive/healthz", &[]).await;
    assert_eq!((public.status, public.header("x-auth-subject")), (200, None));

    let narrow = asked.bearer(DRIVE, "other");
    let elsewhere = asked.bearer(ORDERS, "read:files");
    let cases = [
        ("GET", file, "Accept: */*", 401, "401", ""),
        ("GET", file, &elsewhere, 401, "401", "invalid_token"),
        ("GET", file, &narrow, 403, "403", "insufficient_scope"),
        ("PUT", file, &good, 403, "405", "method_not_allowed"),
        ("GET", "/nowhere", &good, 403, "404", "not_found"),
        ("GET", "/drive//files/a", &good, 403, "400", "ambiguous_path"),
        ("GET", "/drive/healthz/%2e%2e/files/a", &good, 403, "400", "ambiguous_path"),
        ("GET", "/drive/healthz#/files", &good, 403, "400", "ambiguous_path"),
        ("GET", "http://api.example.com/drive/healthz", &good, 403, "400", "ambiguous_path"),
        ("OPTIONS", "*", &good, 403, "400", "ambiguous_path"),
        ("CONNECT", file, &good, 403, "501", "not_implemented"),
        ("G T", file, &good, 403, "400", "malformed_question"),
        ("GET", file, "X-Auth-Subject: root", 403, "400", "deceptive_header"),
        ("GET", file, "X_Auth_Subject: root", 403, "400", "deceptive_header"),
        ("GET", file, "X-HTTP-Method-Override: PUT", 403, "400", "deceptive_header"),
        ("GET", file, "X-Original-Uri: /drive/healthz", 403, "400", "malformed_question"),
    ];
    for (method, target, line, status, meant, error) in cases {
        let answer = asked.ask("Original", method, target, &[line]).await;
        let told = (answer.status, answer.header("x-auth-status"));
        assert_eq!(told, (status, Some(meant)), "{method} {target}: {answer:?}");
        let body = answer.header("x-auth-body").unwrap_or_default();
        assert!(body.contains(error), "{method} {target}: {answer:?}");
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        assert_eq!(challenge.contains("resource_metadata="), matches!(meant, "401" | "403"));
    }
    let refused = asked.ask("Original", "PUT", file, &[&good]).await;
    assert_eq!(refused.header("allow"), Some("GET"));
}

#[tokio::test]
async fn a_refusal_is_whole_where_the_proxy_passes_it_on() {
    let asked = Asked::by("forward_auth").await;
    let good = asked.bearer(DRIVE, "read:files");
    let passes = asked.ask("Forwarded", "GET", "/drive/files/a", &[&good]).await;
    assert_eq!((passes.status, passes.header("x-auth-subject")), (200, Some("alice")));
    assert_eq!(passes.header("authorization"), None);
    let as_client = asked.ask("Forwarded", "GET", "/drive/as-client", &[&good]).await;
    assert_eq!(as_client.header("authorization"), good.split_once(": ").map(|(_, token)| token));

    let narrow = asked.bearer(DRIVE, "other");
    let refused = asked.ask("Forwarded", "GET", "/drive/files/a", &[&narrow]).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    assert_eq!(refused.json()["error"], "insufficient_scope");
    assert!(refused.header("www-authenticate").unwrap().contains("scope=\"read:files\""));
    let exposed = refused.header("access-control-expose-headers");
    assert_eq!(exposed, Some("WWW-Authenticate, DPoP-Nonce"));
    assert_eq!(asked.ask("Forwarded", "PUT", "/drive/files/a", &[&good]).await.status, 405);
    assert_eq!(asked.ask("Forwarded", "GET", "/drive/%66iles/a", &[&good]).await.status, 400);
}

#[tokio::test]
async fn a_question_that_is_not_whole_is_refused() {
    let asked = Asked::by("forward_auth").await;
    let whole = [
        "Host: gateway",
        "X-Forwarded-Method: GET",
        "X-Forwarded-Uri: /drive/healthz",
        "X-Forwarded-Host: api.example.com",
    ];
    assert_eq!(asked.question("/check", &whole).await.status, 200);
    for at in 1..whole.len() {
        let (mut without, mut twice) = (whole.to_vec(), whole.to_vec());
        without.remove(at);
        twice.push(whole[at]);
        for lines in [without, twice] {
            let answer = asked.question("/check", &lines).await;
            assert_eq!(answer.status, 400, "{lines:?}: {answer:?}");
            assert_eq!(answer.json()["error"], "malformed_question");
        }
    }
    // The headers of another mode, and another place.
    let original = asked.ask("Original", "GET", "/drive/healthz", &[]).await;
    assert_eq!(original.status, 400);
    for place in ["/", "/drive/healthz", "/check/", "/check/drive/healthz"] {
        assert_eq!(asked.question(place, &whole).await.status, 404, "{place}");
    }
}

#[tokio::test]
async fn a_route_that_goes_by_the_body_lets_nothing_pass() {
    let asked = Asked::by("forward_auth").await;
    let good = asked.bearer(DRIVE, "read:files");
    for method in ["POST", "GET"] {
        let answer = asked.ask("Forwarded", method, "/drive/mcp", &[&good]).await;
        assert_eq!(answer.status, 501, "{method}: {answer:?}");
        assert_eq!(asked.ask("Forwarded", method, "/drive/mcp", &[]).await.status, 401);
    }
}

#[tokio::test]
async fn envoy_asks_with_the_request_itself() {
    let asked = Asked::by("ext_authz").await;
    let good = asked.bearer(DRIVE, "read:files");
    let host = "Host: api.example.com";
    let passes = asked.question("/check/drive/files/a?b", &[host, &good]).await;
    assert_eq!((passes.status, passes.header("x-auth-subject")), (200, Some("alice")));
    let removed = passes.header("x-envoy-auth-headers-to-remove");
    assert_eq!(removed, Some("authorization,dpop"));
    let public = asked.question("/check/drive/healthz", &[host]).await;
    let all = "x-auth-subject,x-auth-client,x-auth-scope,authorization,dpop";
    assert_eq!(public.header("x-envoy-auth-headers-to-remove"), Some(all));
    assert_eq!(asked.question("/check/drive/files/a", &[host]).await.status, 401);
    for place in ["/check//drive/healthz", "/check/drive/../drive/healthz"] {
        assert_eq!(asked.question(place, &[host, &good]).await.status, 400, "{place}");
    }
    for place in ["/check", "/drive/healthz", "/checks/drive/healthz"] {
        assert_eq!(asked.question(place, &[host, &good]).await.status, 404, "{place}");
    }
}

#[tokio::test]
async fn only_a_peer_is_answered() {
    let asked = Asked::with("mode = \"forward_auth\"\npeers = [\"192.0.2.0/24\"]").await;
    let answer = asked.ask("Forwarded", "GET", "/drive/healthz", &[]).await;
    assert_eq!((answer.status, answer.json()["error"].as_str()), (403, Some("not_a_peer")));
}

#[tokio::test]
async fn metadata_stands_where_questions_go_and_is_never_leave_to_pass() {
    let place = "/.well-known/oauth-protected-resource/drive";
    for mode in ["auth_request", "forward_auth", "ext_authz"] {
        let asked = Asked::by(mode).await;
        let document = asked.question(place, &["Host: api.example.com"]).await;
        assert_eq!((document.status, &document.json()["resource"]), (200, &DRIVE.into()), "{mode}");
        let way = if mode == "auth_request" { "Original" } else { "Forwarded" };
        let question = match mode {
            "ext_authz" => {
                asked.question(&format!("/check{place}"), &["Host: api.example.com"]).await
            }
            _ => asked.ask(way, "GET", place, &[]).await,
        };
        assert!(matches!(question.status, 403 | 404), "{mode}: {question:?}");
    }
}
