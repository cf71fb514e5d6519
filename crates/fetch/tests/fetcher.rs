//! Outgoing HTTP keeps its limits against real servers.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

mod server;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::response::Redirect;
use axum::routing::{get, post};
use bailiwick_fetch::{FetchError, Fetcher, Loopback};
use bailiwick_oauth::Secret;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use server::serve;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn fetcher() -> Fetcher {
    Fetcher::builder().build().unwrap()
}

#[tokio::test]
async fn a_document_is_fetched_with_its_age() {
    let document = || async {
        ([(CONTENT_TYPE, "application/jwk-set+json"), (CACHE_CONTROL, "max-age=60")], "{}")
    };
    let origin = serve(Router::new().route("/keys", get(document))).await;
    let fetched = fetcher().get_json(&format!("{origin}/keys")).await.unwrap();
    assert_eq!((&fetched.bytes[..], fetched.max_age), (&b"{}"[..], Some(60)));
}

#[tokio::test]
async fn a_missing_content_type_is_tolerated_and_a_wrong_one_is_not() {
    let bare = || async { http::Response::new(axum::body::Body::from("{}")) };
    let page = || async { ([(CONTENT_TYPE, "text/html")], "{}") };
    let origin = serve(Router::new().route("/bare", get(bare)).route("/page", get(page))).await;
    assert!(fetcher().get_json(&format!("{origin}/bare")).await.is_ok());
    let refused = fetcher().get_json(&format!("{origin}/page")).await;
    assert!(matches!(refused, Err(FetchError::ContentType { .. })));
}

#[tokio::test]
async fn another_status_than_200_is_no_document() {
    let origin = serve(Router::new()).await;
    let refused = fetcher().get_json(&format!("{origin}/none?token=x")).await.unwrap_err();
    assert_eq!(refused.to_string(), format!("'{origin}/none' answered with status 404"));
}

/// Waits for a request and gives the stream that its answer goes to.
async fn request(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut head = [0; 4096];
    let length = stream.read(&mut head).await.unwrap();
    assert!(head[..length].ends_with(b"\r\n\r\n"));
    stream
}

#[tokio::test]
async fn a_large_answer_is_refused_whether_or_not_its_length_is_said() {
    let fetcher = Fetcher::builder().largest(1000).build().unwrap();
    let said = || async { axum::Json("x".repeat(998)) };
    let more = || async { axum::Json("x".repeat(999)) };
    let origin = serve(Router::new().route("/fits", get(said)).route("/more", get(more))).await;
    assert_eq!(fetcher.get_json(&format!("{origin}/fits")).await.unwrap().bytes.len(), 1000);
    let refused = fetcher.get_json(&format!("{origin}/more")).await;
    assert!(matches!(refused, Err(FetchError::TooLarge { limit: 1000, .. })));

    // Without an end: only the limit stops it.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut stream = request(&listener).await;
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head).await.unwrap();
        while stream.write_all(b"4\r\nxxxx\r\n").await.is_ok() {}
    });
    let refused = fetcher.get_json(&url).await;
    assert!(matches!(refused, Err(FetchError::TooLarge { .. })));
}

#[tokio::test]
async fn a_slow_server_is_given_up_at_the_head_and_in_the_body() {
    let limit = Duration::from_millis(100);
    let fetcher = Fetcher::builder().longest(limit).build().unwrap();
    for head in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let mut stream = request(&listener).await;
            stream.write_all(head).await.unwrap();
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await; // until the fetcher hangs up
        });
        let refused = fetcher.get_json(&url).await.unwrap_err();
        assert_eq!(refused, FetchError::Timeout { url, limit });
        server.await.unwrap();
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let followed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&followed);
    let target = get(move || async move { count.fetch_add(1, Ordering::SeqCst).to_string() });
    let router = Router::new()
        .route("/from", get(|| async { Redirect::temporary("/to?secret=1") }))
        .route("/from", post(|| async { Redirect::to("/to") }))
        .route("/to", target);
    let origin = serve(router).await;
    let url = format!("{origin}/from");
    let refused = fetcher().get_json(&url).await.unwrap_err();
    assert_eq!(refused, FetchError::Redirect { url: url.clone(), to: "/to".to_owned() });
    let refused = fetcher().post_form(&url, &[], None).await;
    assert!(matches!(refused, Err(FetchError::Redirect { .. })));
    assert_eq!(followed.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_refused() {
    // Somebody listens at the address, and would notice a connection.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for address in ["127.0.0.1", "::ffff:127.0.0.1", "10.0.0.1", "169.254.169.254", "fd00::1"] {
        let address: IpAddr = address.parse().unwrap();
        let fetcher = Fetcher::builder().resolve("evil.example", [address]).build().unwrap();
        let refused = fetcher.get_json(&format!("https://EVIL.example:{port}/")).await;
        let host = "evil.example".to_owned();
        assert_eq!(refused.unwrap_err(), FetchError::Address { host }, "{address}");
    }
    // Spellings of 127.0.0.1 that only the system's resolver understands, or nobody.
    for host in ["0x7f.1", "2130706433", "127.1"] {
        let refused = fetcher().get_json(&format!("https://{host}:{port}/")).await;
        assert!(refused.is_err(), "{host}");
    }
    let nobody = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(nobody.is_err(), "a refused address was connected to");
}

#[tokio::test]
async fn a_name_of_this_machine_leads_nowhere_else() {
    let elsewhere: IpAddr = "93.184.216.34".parse().unwrap();
    let fetcher = Fetcher::builder().resolve("localhost", [elsewhere]).build().unwrap();
    let refused = fetcher.get_json("http://localhost/").await;
    assert!(matches!(refused, Err(FetchError::Address { .. })));
}

#[tokio::test]
async fn this_machine_can_be_refused() {
    let origin = serve(Router::new().route("/", get(|| async { axum::Json(1) }))).await;
    assert!(fetcher().get_json(&origin).await.is_ok());
    let strict = Fetcher::builder().loopback(Loopback::Refused).build().unwrap();
    assert!(matches!(strict.get_json(&origin).await, Err(FetchError::Url { .. })));
}

#[tokio::test]
async fn nobody_listening_is_said() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let refused = fetcher().get_json(&url).await.unwrap_err();
    assert!(
        matches!(&refused, FetchError::Connect { why, .. } if why.contains("refused")),
        "{refused}"
    );
}

#[tokio::test]
async fn a_form_is_posted_and_every_status_is_an_answer() {
    let echo = |headers: HeaderMap, body: String| async move {
        let header = |name| headers.get(name).unwrap().to_str().unwrap().to_owned();
        let text = format!("{} {} {body}", header(AUTHORIZATION), header(CONTENT_TYPE));
        (StatusCode::BAD_REQUEST, text)
    };
    let origin = serve(Router::new().route("/token", post(echo))).await;
    let form = [("grant_type", "client_credentials"), ("resource", "https://a.example/x y")];
    let secret = Secret::new("Basic abc");
    let answer =
        fetcher().post_form(&format!("{origin}/token"), &form, Some(&secret)).await.unwrap();
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        answer.body,
        "Basic abc application/x-www-form-urlencoded \
         grant_type=client_credentials&resource=https%3A%2F%2Fa.example%2Fx+y"
    );
}

#[tokio::test]
async fn credentials_that_no_header_can_hold_are_not_shown() {
    let secret = Secret::new("Bearer hidden\r\nx: y");
    let refused = fetcher().get("http://127.0.0.1:9/", Some(&secret)).await.unwrap_err();
    assert!(matches!(refused, FetchError::Url { .. }));
    assert!(!refused.to_string().contains("hidden"));
}
