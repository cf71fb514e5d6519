//! Proxies in front: whose word is taken on who asks (RFC 7239).

use crate::support::World;

const OPEN: &str = r#"
    [[resource]]
    identifier = "https://api.example.com"
    issuer = "ISSUER"
    upstream = "UPSTREAM"
    routes = [{ path = "/**", public = true }]
"#;

const SAID: &str = "X-Forwarded-For: 198.51.100.1, 203.0.113.9, 10.0.0.2\r\n\
                    X-Forwarded-Proto: https\r\nX-Forwarded-Host: api.example.com\r\n\
                    Forwarded: for=198.51.100.7;proto=https;host=other.example, for=203.0.113.8\r\n";

/// What the upstream was told, by `X-Forwarded-For`, `-Proto`, `-Host` and `Forwarded`.
async fn told(top: &str, said: &str) -> [String; 4] {
    let world = World::with(&format!("{top}\n{OPEN}")).await;
    let request = format!("GET / HTTP/1.1\r\nHost: inner\r\n{said}Connection: close\r\n\r\n");
    let answer = world.send(request).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let saw = answer.json();
    ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded"].map(|name| {
        let mut values =
            saw["headers"].as_array().unwrap().iter().filter(|header| header[0] == name);
        let value = values.next().expect(name)[1].as_str().unwrap().to_owned();
        assert!(values.next().is_none(), "{name} stands there twice");
        value
    })
}

#[tokio::test]
async fn a_stranger_is_not_believed_on_who_asks() {
    for top in ["", "trusted_proxies = []", "trusted_proxies = [\"10.0.0.0/8\"]"] {
        let told = told(top, SAID).await;
        let forwarded = "for=127.0.0.1;host=\"inner\";proto=http";
        assert_eq!(told, ["127.0.0.1", "http", "inner", forwarded], "{top}");
    }
}

#[tokio::test]
async fn what_a_trusted_proxy_says_is_passed_on_and_what_it_was_told_by_strangers_is_not() {
    let trusted = "trusted_proxies = [\"10.0.0.0/8\", \"127.0.0.1\"]";
    assert_eq!(
        told(trusted, SAID).await,
        [
            "203.0.113.9, 10.0.0.2, 127.0.0.1",
            "https",
            "api.example.com",
            "for=203.0.113.9;host=\"api.example.com\";proto=https, for=10.0.0.2, for=127.0.0.1",
        ]
    );
    assert_eq!(
        told(&format!("{trusted}\ntrusted_header = \"forwarded\""), SAID).await,
        [
            "203.0.113.8, 127.0.0.1",
            "http",
            "inner",
            "for=203.0.113.8;host=\"inner\";proto=http, for=127.0.0.1",
        ]
    );
}

#[tokio::test]
async fn a_proxy_that_says_nothing_is_the_client_itself() {
    let told = told("trusted_proxies = [\"127.0.0.1\"]", "").await;
    let forwarded = "for=127.0.0.1;host=\"inner\";proto=http";
    assert_eq!(told, ["127.0.0.1", "http", "inner", forwarded]);
}

/// Whom the upstream takes for the client, of connections that begin with these octets.
async fn introduced(top: &str, header: &[u8]) -> Option<String> {
    let world = World::with(&format!("{top}\n{OPEN}")).await;
    let request = format!("GET / HTTP/1.1\r\nHost: a\r\n{SAID}Connection: close\r\n\r\n");
    let answer = world.send([header, request.as_bytes()].concat()).await;
    assert_eq!(world.upstream.seen().is_empty(), answer.status != 200);
    let header = |name| {
        let saw = answer.json();
        let headers = saw["headers"].as_array().unwrap().clone();
        let value = headers.into_iter().find(|header| header[0] == name).unwrap();
        value[1].as_str().unwrap().to_owned()
    };
    (answer.status == 200).then(|| header("x-forwarded-for"))
}

#[tokio::test]
async fn the_proxy_protocol_is_spoken_by_trusted_proxies_and_by_nobody_else() {
    let trusted = "trusted_proxies = [\"127.0.0.1\", \"10.0.0.0/8\"]\nproxy_protocol = true";
    let line = b"PROXY TCP4 203.0.113.5 127.0.0.1 1 2\r\n";
    let said = |text: &str| Some(text.to_owned());
    assert_eq!(introduced(trusted, line).await, said("203.0.113.5"));
    let binary = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x06\x7f\0\0\x01\0\x01\0\x02";
    assert_eq!(introduced(trusted, binary).await, said("203.0.113.6"));
    // Who stands behind it may be an HTTP proxy that is believed in turn.
    let inner = b"PROXY TCP4 10.0.0.9 127.0.0.1 1 2\r\n";
    assert_eq!(introduced(trusted, inner).await, said("203.0.113.9, 10.0.0.2, 10.0.0.9"));
    // Who speaks for nobody is not believed on others.
    assert_eq!(introduced(trusted, b"PROXY UNKNOWN\r\n").await, said("127.0.0.1"));
    assert_eq!(introduced(trusted, b"").await, None);
    assert_eq!(introduced(trusted, &[&line[..], &line[..]].concat()).await, None);
    let others = "trusted_proxies = [\"10.0.0.0/8\"]\nproxy_protocol = true";
    assert_eq!(introduced(others, line).await, None);
    assert_eq!(introduced(others, b"").await, None);
    assert_eq!(introduced("trusted_proxies = [\"127.0.0.1\"]", line).await, None);
}
