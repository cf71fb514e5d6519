//! Status lists: what they say, and when nothing can be said (draft-ietf-oauth-status-list).

use bailiwick_jose::{Algorithm, Jwks, SigningKey};
use bailiwick_resource_server::{IssuerKeys, ResourceServer};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::world::{API, Id, NOW, Site, eventually};
use crate::{publish_nameless, site};

fn listed(id: &Id, list: &str, idx: u64) -> String {
    let reference = json!({ "status_list": { "idx": idx, "uri": id.list_uri(list) } });
    id.token(json!({ "status": reference }))
}

#[tokio::test]
async fn a_token_is_as_good_as_its_status() {
    let id = Id::up().await;
    let site = site(&id);
    id.publish_list("1", [0, 1, 2, 3], &id.key(), &json!({}));
    for (idx, status, reason) in [
        (0, 200, "admitted"),
        (1, 401, "revoked"),
        (2, 401, "revoked"),
        (3, 401, "revoked"),
        (4, 401, "revoked"), // beyond the list
        (u64::from(u32::MAX), 401, "revoked"),
    ] {
        for _ in 0..2 {
            site.bearer(&listed(&id, "1", idx)).await.is(status, reason);
        }
    }
    let careless = Site::new(id.protect().ignore_status_lists().build().unwrap());
    careless.bearer(&listed(&id, "1", 1)).await.is(200, "admitted");
    careless.bearer(&listed(&id, "none", 1)).await.is(200, "admitted");
    for broken in [json!({ "idx": -1, "uri": "https://a.example/1" }), json!({ "idx": 1 })] {
        let token = id.token(json!({ "status": { "status_list": broken } }));
        site.bearer(&token).await.is(401, "claim_malformed");
    }
}

#[tokio::test]
async fn a_list_that_cannot_be_had_says_nothing_about_the_token() {
    let id = Id::up().await;
    let site = site(&id);
    site.bearer(&id.token(json!({}))).await.is(200, "admitted");
    site.bearer(&listed(&id, "1", 0)).await.is(503, "status_unavailable");
    id.publish_list("2", [0, 1, 0, 0], &id.key(), &json!({}));
    site.bearer(&listed(&id, "2", 0)).await.is(200, "admitted");
    id.answer_with(Some(503));
    // A list at hand goes on; another one cannot be had.
    site.bearer(&listed(&id, "2", 0)).await.is(200, "admitted");
    site.bearer(&listed(&id, "2", 1)).await.is(401, "revoked");
    site.bearer(&listed(&id, "3", 0)).await.is(503, "status_unavailable");
    id.answer_with(None);
    id.publish_list("3", [0; 4], &id.key(), &json!({}));
    eventually("the list is found", async || site.status(&listed(&id, "3", 0)).await == 200).await;
}

#[tokio::test]
async fn a_list_that_ends_while_it_is_fetched_says_nothing_about_the_token() {
    let id = Id::up().await;
    id.publish_list("1", [0; 4], &id.key(), &json!({ "exp": NOW + 1 }));
    let fetching = id.clone();
    let clock = move || if fetching.list_fetches() == 0 { NOW } else { NOW + 2 };
    let site = Site::new(id.protect().clock(clock).build().unwrap());
    for _ in 0..2 {
        site.bearer(&listed(&id, "1", 0)).await.is(503, "status_unavailable");
    }
}

#[tokio::test]
async fn a_list_is_believed_when_the_issuer_signed_it_for_its_place() {
    let id = Id::up().await;
    let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
    id.publish_list("stranger", [0; 4], &stranger, &json!({}));
    let changes: [(&str, Value); 6] = [
        ("elsewhere", json!({ "sub": id.list_uri("other") })),
        ("expired", json!({ "exp": NOW - 1 })),
        ("future", json!({ "iat": NOW + 3600 })),
        ("foreign", json!({ "iss": "https://other.example" })),
        ("empty", json!({ "status_list": null })),
        ("rubbish", json!({ "status_list": { "bits": 2, "lst": "AAAA" } })),
    ];
    for (name, changes) in &changes {
        id.publish_list(name, [0; 4], &id.key(), changes);
    }
    let site = site(&id);
    for name in changes.iter().map(|(name, _)| *name).chain(["stranger"]) {
        let answer = site.bearer(&listed(&id, name, 0)).await;
        assert_eq!(answer.reasons, ["status_unavailable"], "{name}");
        answer.is(503, "status_unavailable");
    }
}

#[tokio::test]
async fn a_list_is_believed_after_a_key_without_a_name_has_changed() {
    let id = Id::up().await;
    publish_nameless(&id);
    let site = site(&id);
    let before = listed(&id, "1", 0);
    site.bearer(&id.token(json!({}))).await.is(200, "admitted");
    id.rotate();
    publish_nameless(&id);
    id.publish_list("1", [0; 4], &id.key(), &json!({}));
    assert_ne!(site.status(&before).await, 503); // the keys at hand are still the old ones
    site.bearer(&listed(&id, "1", 1)).await.is(200, "admitted");
    assert_eq!(id.list_fetches(), 1);
}

#[tokio::test]
async fn a_list_is_fetched_once_for_all() {
    let id = Id::up().await;
    let site = site(&id);
    site.bearer(&id.token(json!({}))).await.is(200, "admitted");
    id.publish_list("1", [0; 4], &id.key(), &json!({}));
    let mut tasks = JoinSet::new();
    for number in 0..100 {
        let (site, token) = (site.clone(), listed(&id, "1", number % 4));
        tasks.spawn(async move { site.status(&token).await });
    }
    assert!(tasks.join_all().await.iter().all(|status| *status == 200));
    assert_eq!(id.list_fetches(), 1);
}

// Whatever an issuer elsewhere signs, its tokens reach nothing on this machine.
#[tokio::test]
async fn a_list_on_this_machine_is_no_list_of_an_issuer_elsewhere() {
    let id = Id::up().await;
    let elsewhere = "https://id.example.com";
    let keys = Jwks::from_keys(vec![id.key().verifying_key().clone()]);
    let api = ResourceServer::builder(elsewhere, API).unwrap().keys(IssuerKeys::fixed(keys));
    let site = Site::new(api.clock(|| NOW).build().unwrap());
    id.publish_list("1", [0; 4], &id.key(), &json!({}));
    let port = id.url.rsplit(':').next().unwrap();
    for uri in [
        id.list_uri("1"),
        format!("http://localhost:{port}/lists/1"),
        format!("https://LOCALHOST:{port}/lists/1"),
        format!("http://127.1.2.3:{port}/lists/1"),
        format!("http://[::1]:{port}/lists/1"),
    ] {
        let status = json!({ "status_list": { "idx": 0, "uri": uri } });
        let token = id.token(json!({ "iss": elsewhere, "status": status }));
        site.bearer(&token).await.is(401, "revoked");
    }
    assert_eq!(id.list_fetches(), 0);
    site.bearer(&id.token(json!({ "iss": elsewhere }))).await.is(200, "admitted");
}
