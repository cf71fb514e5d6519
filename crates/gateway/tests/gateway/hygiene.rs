//! Headers that a client must not write, and requests that are no plain ones.

use crate::support::{DRIVE, World};

#[tokio::test]
async fn identity_headers_cannot_be_spoofed() {
    let world = World::usual().await;
    let token = world.issuer.token(DRIVE, "read:files");
    let spoofed = [
        "X-Auth-Subject: mallory",
        "x-auth-subject: mallory",
        "X_Auth_Subject: mallory",
        "X.Auth.Client: mallory",
        "X-Auth_Scope: mallory",
        "X-AUTH~CLIENT: mallory",
        "X-Forwarded-For: mallory",
        "X_Forwarded_Host: mallory",
        "X-Forwarded-User: mallory",
        "Forwarded: for=mallory",
        "X-Real-IP: mallory",
        "X-Original-URL: /mallory",
        "X-Rewrite-URL: /mallory",
        "X-HTTP-Method-Override: mallory",
        "Proxy-Authorization: mallory",
        "Connection: X-Auth-Subject, X-Auth-Client, X-Forwarded-For, Host, Authorization",
        "X-Named: mallory\r\nConnection: x-named",
        "TE: mallory",
    ];
    let all = spoofed.join("\r\n");
    let requests = spoofed.iter().map(|header| (*header).to_owned()).chain([all]);
    for headers in requests {
        for path in ["/drive/files/a", "/drive/healthz"] {
            let answer = world
                .send(format!(
                    "GET {path} HTTP/1.1\r\nHost: a\r\n{headers}\r\n\
                     Authorization: Bearer {token}\r\nConnection: close\r\n\r\n"
                ))
                .await;
            assert_eq!(answer.status, 200, "{headers}");
            assert!(!answer.body.contains("mallory"), "{headers}: {}", answer.body);
            let has_identity = answer.body.contains("[\"x-auth-subject\",\"alice\"]");
            assert_eq!(has_identity, path == "/drive/files/a", "{headers}: {}", answer.body);
            assert!(answer.body.contains("[\"x-forwarded-for\",\"127.0.0.1\"]"), "{headers}");
        }
    }
}

#[tokio::test]
async fn trailers_bring_no_headers_in() {
    let world = World::usual().await;
    let token = world.issuer.token(DRIVE, "write:files");
    let answer = world
        .send(format!(
            "PUT /drive/files/a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
             Transfer-Encoding: chunked\r\nTrailer: X-Auth-Subject\r\nConnection: close\r\n\r\n\
             3\r\nabc\r\n0\r\nX-Auth-Subject: mallory\r\n\r\n"
        ))
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["body"], "abc");
    assert!(!answer.body.contains("mallory"));
}

#[tokio::test]
async fn an_expectation_is_met_only_after_admission() {
    let world = World::usual().await;
    let head = "PUT /drive/files/a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\
                Expect: 100-continue\r\nConnection: close\r\n";
    let refused = world.send(format!("{head}\r\n")).await;
    assert_eq!(refused.status, 401);

    let token = world.issuer.token(DRIVE, "write:files");
    let continued = world.send(format!("{head}Authorization: Bearer {token}\r\n\r\nabc")).await;
    assert_eq!(continued.status, 100);
    assert!(continued.body.starts_with("HTTP/1.1 200 OK"), "{continued:?}");
    assert!(continued.body.contains("\"body\":\"abc\"") && !continued.body.contains("expect"));

    let odd = world
        .send("GET /drive/healthz HTTP/1.1\r\nHost: a\r\nExpect: x\r\nConnection: close\r\n\r\n")
        .await;
    assert_eq!(odd.status, 417);
}

#[tokio::test]
async fn what_is_no_plain_request_is_refused() {
    let world = World::usual().await;
    let cases = [
        ("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n", 501),
        ("TRACE /drive/healthz HTTP/1.1\r\nHost: a\r\n", 501),
        ("GET /drive/healthz HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n", 501),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n", 400),
        ("GET /drive/healthz HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n", 200),
        ("GET http://a/drive/healthz HTTP/1.1\r\nHost: a\r\n", 200),
        ("GET http://b/drive/healthz HTTP/1.1\r\nHost: a\r\n", 400),
        ("GET /drive/healthz HTTP/1.0\r\nHost: a\r\n", 200),
    ];
    for (head, status) in cases {
        let answer = world.send(format!("{head}Connection: close\r\n\r\n")).await;
        assert_eq!(answer.status, status, "{head}");
    }
    assert_eq!(world.upstream.seen(), ["GET /healthz"; 3]);
}
