//! Revocations that are pushed to APIs (RFC 8417, RFC 8935), with both halves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bailiwick_authorization_server::registry::{self, Grants, NewUser};
use bailiwick_grant::state::Notice;
use bailiwick_jose::Jws;
use bailiwick_resource_server::{
    DenyList, EventReceiver, Fetcher, Issuer, IssuerKeys, KeySettings,
};
use bailiwick_store::StoreExt;
use http::StatusCode;
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use super::browser::Browser;
use super::live::{Live, MACHINE, call, listen, spawn};
use super::server::{ANOTHER, API, CONFIG, OF_API, SECRET, START};

/// An authorization server and an API that takes its events, both on sockets.
struct Both {
    live: Live,
    api: Router,
    is_up: Arc<AtomicBool>,
    taken: Arc<AtomicUsize>,
    /// What was posted, and the answer.
    posted: mpsc::UnboundedReceiver<(String, StatusCode)>,
}

impl Both {
    async fn new() -> Self {
        let (listener, url) = listen().await;
        let api = "identifier = \"https://api.example.com\"";
        let events = format!(
            "{api}\nevents = {{ url = \"{url}/events\", authorization = {{ env = \"API\" }} }}"
        );
        let live = Live::new(&format!("{}{MACHINE}", CONFIG.replacen(api, &events, 1))).await;
        let issuer = Issuer::parse(&live.issuer).unwrap();
        let fetcher = Fetcher::builder().build().unwrap();
        let keys = IssuerKeys::new(issuer.clone(), fetcher, KeySettings::default());
        let denied = Arc::new(DenyList::default());
        let receiver = EventReceiver::new(issuer, keys, API, denied.clone())
            .authorization(bailiwick_oauth::Secret::new(OF_API))
            .clock(|| START + 1);
        let is_up = Arc::new(AtomicBool::new(true));
        let taken = Arc::new(AtomicUsize::new(0));
        let (tell, posted) = mpsc::unbounded_channel();
        let (up, count) = (Arc::clone(&is_up), Arc::clone(&taken));
        let watch = move |request: Request, next: Next| {
            let (up, count, tell) = (up.load(Ordering::SeqCst), Arc::clone(&count), tell.clone());
            async move {
                let (parts, body) = request.into_parts();
                let body = axum::body::to_bytes(body, 100_000).await.unwrap();
                let token = String::from_utf8(body.to_vec()).unwrap();
                let answer: Response = if up {
                    next.run(Request::from_parts(parts, body.into())).await
                } else {
                    StatusCode::SERVICE_UNAVAILABLE.into_response()
                };
                count.fetch_add(usize::from(answer.status() == 202), Ordering::SeqCst);
                tell.send((token, answer.status())).unwrap();
                answer
            }
        };
        let events = Router::new().nest("/events", receiver.router()).layer(from_fn(watch));
        spawn(listener, events);
        let api = live.api(API).denials(denied).build().unwrap();
        let api = Router::new().route("/", get(|| async { "in" })).layer(api.layer());
        Self { live, api, is_up, taken, posted }
    }

    async fn revoke(&self, token: &str) {
        let server = &self.live.server;
        let answer = server.post_as("machine", SECRET, "/revoke", &[("token", token)]).await;
        assert_eq!(answer.status, 200);
    }

    async fn deliver(&self) -> usize {
        self.live.server.outbox.deliver().await.unwrap()
    }

    async fn waiting(&self) -> Vec<Notice> {
        let all = self.live.server.store.all::<Notice>().await.unwrap();
        all.into_iter().map(|notice| notice.value).collect()
    }

    /// The tokens of ada for both APIs, by one grant.
    async fn tokens_of_ada(&self) -> (String, String, String) {
        let server = &self.live.server;
        let mut browser = Browser::new(server);
        browser.origin = None;
        let asked = [("scope", "offline_access read"), ("resource", API), ("resource", ANOTHER)];
        let code = browser.code(&asked).await;
        let one = server.redeem(&code, &[("resource", API)]).await;
        let other = server.refresh(&one.text("refresh_token"), &[("resource", ANOTHER)]).await;
        let refresh = other.text("refresh_token");
        (one.text("access_token"), other.text("access_token"), refresh)
    }
}

#[tokio::test]
async fn an_api_refuses_a_revoked_token_at_once_though_it_was_seen_before() {
    let mut both = Both::new().await;
    let (token, other) =
        (both.live.token_with(API, "read").await, both.live.token_with(API, "read").await);
    for _ in 0..2 {
        assert_eq!(call(&both.api, &token).await, StatusCode::OK);
    }
    // As a process runs it: nothing but the revocation wakes it.
    let other_outbox = both.live.server.another_outbox().await;
    let outbox = std::mem::replace(&mut both.live.server.outbox, other_outbox);
    tokio::spawn(outbox.run());
    both.revoke(&token).await;
    let told = tokio::time::timeout(Duration::from_secs(20), both.posted.recv()).await;
    let (event, status) = told.expect("told within moments").unwrap();
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(call(&both.api, &token).await, StatusCode::UNAUTHORIZED);
    assert_eq!(call(&both.api, &other).await, StatusCode::OK);

    let jws = Jws::parse(&event).unwrap();
    assert!(jws.header().is_type("secevent+jwt"));
    let claims: Map<String, Value> = serde_json::from_slice(jws.unverified_payload()).unwrap();
    assert_eq!((&claims["iss"], &claims["aud"]), (&both.live.issuer.as_str().into(), &API.into()));
    // RFC 8417 §4.5, §4.6: or it could be taken for another kind of token.
    assert!(!claims.contains_key("sub") && !claims.contains_key("exp"), "{claims:?}");
    assert!(!event.contains(&token));
}

#[tokio::test]
async fn with_a_grant_go_its_tokens_at_the_apis_that_it_is_revoked_for() {
    let both = Both::new().await;
    let server = &both.live.server;
    let (token, other, refresh) = both.tokens_of_ada().await;
    assert_eq!(call(&both.api, &token).await, StatusCode::OK);
    // One API of the grant: it is told, and the other one goes on.
    let pairs = [("token", refresh.as_str()), ("client_id", "shop"), ("resource", API)];
    assert_eq!(server.post("/revoke", &pairs).await.status, 200);
    assert_eq!(both.deliver().await, 1);
    assert_eq!(call(&both.api, &token).await, StatusCode::UNAUTHORIZED);
    server.refresh(&refresh, &[("resource", API)]).await.expect(400, "invalid_target");
    assert_eq!(server.refresh(&refresh, &[("resource", ANOTHER)]).await.status, 200);
    assert_eq!(both.waiting().await, [], "the other API takes no events");
    let asked = [("token", other.as_str())];
    let told = server.post_as(ANOTHER, super::server::OF_ANOTHER, "/introspect", &asked).await;
    assert_eq!(told.json()["active"], true);
    let pairs = [("token", refresh.as_str()), ("client_id", "shop"), ("resource", "no uri")];
    server.post("/revoke", &pairs).await.expect(400, "invalid_target");
}

#[tokio::test]
async fn what_was_not_delivered_waits_in_the_store_and_is_sent_again() {
    let both = Both::new().await;
    let token = both.live.token_with(API, "read").await;
    assert_eq!(call(&both.api, &token).await, StatusCode::OK);
    both.is_up.store(false, Ordering::SeqCst);
    both.revoke(&token).await;
    assert_eq!(both.deliver().await, 0);
    let waiting = both.waiting().await;
    assert_eq!((waiting.len(), waiting[0].attempts, waiting[0].due_at), (1, 1, START + 10));
    both.is_up.store(true, Ordering::SeqCst);
    assert_eq!(both.deliver().await, 0, "not before its time");
    both.live.server.pass(10);
    // Another process with the same store, as after a restart.
    assert_eq!(both.live.server.another_outbox().await.deliver().await.unwrap(), 1);
    assert_eq!(call(&both.api, &token).await, StatusCode::UNAUTHORIZED);
    assert_eq!(both.waiting().await, []);
}

#[tokio::test]
async fn the_pauses_grow_and_end_with_the_tokens() {
    let both = Both::new().await;
    both.is_up.store(false, Ordering::SeqCst);
    let token = both.live.token_with(API, "read").await;
    both.revoke(&token).await;
    let mut pauses = Vec::new();
    for _ in 0..8 {
        both.deliver().await;
        let pause = both.waiting().await[0].due_at - both.live.server.now();
        pauses.push(pause);
        both.live.server.pass(pause);
    }
    assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 640]);
    both.live.server.pass(24 * 3600);
    both.is_up.store(true, Ordering::SeqCst);
    assert_eq!(both.deliver().await, 0);
    assert_eq!(both.waiting().await, [], "nobody holds the token any more");
    assert_eq!(both.taken.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn of_two_processes_one_sends() {
    let both = Both::new().await;
    for _ in 0..5 {
        let token = both.live.token_with(API, "read").await;
        both.revoke(&token).await;
    }
    let second = both.live.server.another_outbox().await;
    let (a, b) = tokio::join!(both.live.server.outbox.deliver(), second.deliver());
    assert_eq!(a.unwrap() + b.unwrap(), 5);
    assert_eq!(both.taken.load(Ordering::SeqCst), 5, "each was sent once");
    assert_eq!(both.waiting().await, []);
}

#[tokio::test]
async fn what_the_operator_takes_away_is_told() {
    let both = Both::new().await;
    let store = &*both.live.server.store;
    let (token, _, refresh) = both.tokens_of_ada().await;
    let own = both.live.token_with(API, "read").await;
    for token in [&token, &own] {
        assert_eq!(call(&both.api, token).await, StatusCode::OK);
    }
    let of = |username: &str| Grants { username: Some(username.to_owned()), ..Grants::default() };
    assert_eq!(registry::revoke_grants(store, &of("bob"), START).await.unwrap(), 0);
    assert!(registry::revoke_grants(store, &of("nobody"), START).await.is_err());
    let listed = registry::list_grants(store, &of("Ada"), START).await.unwrap();
    assert_eq!((listed.len(), listed[0].client.as_str()), (1, "shop"));
    assert_eq!(registry::revoke_grants(store, &of("ada"), START).await.unwrap(), 1);
    assert_eq!(registry::list_grants(store, &Grants::default(), START).await.unwrap(), []);
    assert_eq!(both.deliver().await, 1);
    assert_eq!(call(&both.api, &token).await, StatusCode::UNAUTHORIZED);
    both.live.server.refresh(&refresh, &[]).await.expect(400, "invalid_grant");

    // A user whose account is disabled, and a client that the file names no more.
    let new =
        NewUser { username: "eve".into(), password: None, claims: Map::new(), roles: [].into() };
    registry::add_user(store, new, &mut || [7; 32]).await.unwrap();
    registry::disable_user(store, "eve", START).await.unwrap();
    assert_eq!(both.deliver().await, 1);
    assert_eq!(call(&both.api, &own).await, StatusCode::OK);
    let around = bailiwick_authorization_server::config::Surroundings {
        name: "as.toml",
        folder: std::path::Path::new(""),
        environment: &|_| Some(OF_API.to_owned()),
    };
    let text = format!(
        "issuer = \"{}\"\n[[resource]]\nidentifier = \"{API}\"\nname = \"API\"\n\
                        events = {{ url = \"{}/events\" }}",
        both.live.issuer, "http://127.0.0.1:1"
    );
    let config = bailiwick_authorization_server::config::Config::parse(&text, &around).unwrap();
    registry::apply(store, &config, START).await.unwrap();
    let told: Vec<_> = both.waiting().await.into_iter().map(|it| it.revoked).collect();
    let machine = bailiwick_oauth::ClientId::parse("machine").unwrap();
    assert!(told.contains(&bailiwick_grant::state::Revoked::Client(machine)), "{told:?}");
    let ada = bailiwick_oauth::Subject::parse("s-ada").unwrap();
    assert!(told.contains(&bailiwick_grant::state::Revoked::Account(ada)), "{told:?}");
}
