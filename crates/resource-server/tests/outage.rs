//! An issuer that fails, rotates and revokes: what goes on, what waits, and what ends at once.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

#[path = "outage/status.rs"]
mod status;
mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bailiwick_jose::{Algorithm, SigningKey};
use bailiwick_resource_server::{KeySettings, ResourceServer};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use world::{API, Id, Keep, NOW, Site, eventually, others_wait, with_bearer};

fn site(id: &Id) -> Site {
    Site::new(id.protect().build().unwrap())
}

fn keeping(id: &Id, settings: KeySettings) -> Site {
    Site::new(id.protect().keys(id.kept(settings)).build().unwrap())
}

// Cold start.

#[tokio::test]
async fn an_api_starts_while_its_issuer_is_down_and_heals_when_it_is_asked() {
    let id = Id::down().await;
    let site = site(&id);
    for _ in 0..3 {
        let answer = site.bearer(&id.token(json!({}))).await;
        answer.is(503, "keys_unavailable");
        assert_eq!(answer.headers["cache-control"], "no-store");
    }
    let health = site.api.health();
    assert!(!health.is_ready() && !health.issuers[0].keys.is_stale);
    assert!(health.issuers[0].keys.last_error.is_some());
    // What needs no key is decided as ever.
    site.send(http::Request::get("/orders")).await.is(401, "no_credentials");
    site.bearer("rubbish").await.is(401, "token_malformed");
    let foreign = id.token(json!({ "iss": "https://other.example" }));
    site.bearer(&foreign).await.is(401, "issuer_mismatch");
    let plain = id.key().sign_json("JWT", &id.claims(json!({}))).unwrap();
    site.bearer(&plain).await.is(401, "type_mismatch");
    id.rise().await;
    eventually("it heals", async || {
        let status = site.status(&id.token(json!({}))).await;
        assert!(status == 200 || status == 503, "{status}");
        status == 200
    })
    .await;
    assert!(site.api.health().is_ready());
}

#[tokio::test]
async fn an_api_heals_though_nobody_asks() {
    let id = Id::down().await;
    let api = ResourceServer::builder(&id.url, API).unwrap().clock(|| NOW).build().unwrap();
    eventually("it has tried", async || api.health().issuers[0].keys.last_error.is_some()).await;
    assert!(!api.health().is_ready());
    id.rise().await;
    eventually("it is ready", async || api.health().is_ready()).await;
    assert!(api.health().issuers[0].keys.last_error.is_none());
    Site::new(api).bearer(&id.token(json!({}))).await.is(200, "admitted");
}

#[tokio::test]
async fn all_who_come_at_the_start_share_one_fetch_and_nobody_is_stranded() {
    let id = Id::up().await;
    let site = site(&id);
    let gate = id.stall().await;
    let ask = || {
        let (site, token) = (site.clone(), id.token(json!({})));
        tokio::spawn(async move { site.status(&token).await })
    };
    let first = ask();
    let others: Vec<_> = (0..100).map(|_| ask()).collect();
    others_wait().await;
    first.abort();
    drop(gate);
    for other in others {
        assert_eq!(other.await.unwrap(), 200);
    }
    assert_eq!(id.key_fetches(), 1);
}

// Outage.

#[tokio::test]
async fn known_keys_go_on_while_the_issuer_is_down_and_others_are_not_refused() {
    let id = Id::up().await;
    let brisk = KeySettings {
        refresh: Duration::from_millis(10),
        refresh_least: Duration::from_millis(10),
        ..Keep::shortly()
    };
    let site = keeping(&id, brisk);
    let known = id.token(json!({}));
    site.bearer(&known).await.is(200, "admitted");
    id.answer_with(Some(503));
    id.rotate();
    let unknown = id.token(json!({}));
    eventually("the refresh has failed", async || {
        assert_eq!(site.status(&known).await, 200);
        site.api.health().issuers[0].keys.last_error.is_some()
    })
    .await;
    for number in 0..20 {
        site.bearer(&known).await.is(200, "admitted");
        // Whether the issuer knows that key cannot be said: perhaps it does, as here.
        site.bearer(&unknown).await.is(503, "keys_unavailable");
        site.bearer(&id.junk(&format!("junk-{number}"))).await.is(503, "keys_unavailable");
    }
    assert!(site.api.health().is_ready());
    id.answer_with(None);
    eventually("the new key is found", async || site.status(&unknown).await == 200).await;
    site.bearer(&known).await.is(401, "key_unknown");
}

#[tokio::test]
async fn keys_are_used_for_so_long_and_no_longer() {
    let id = Id::up().await;
    let brief = KeySettings {
        refresh: Duration::from_millis(50),
        refresh_least: Duration::from_millis(50),
        stale: Duration::from_millis(600),
        ..Keep::shortly()
    };
    let site = keeping(&id, brief);
    let token = id.token(json!({}));
    site.bearer(&token).await.is(200, "admitted");
    id.answer_with(Some(503));
    let health = || site.api.health().issuers.remove(0).keys;
    eventually("the keys are stale", async || {
        let age = health().age.unwrap();
        let status = site.status(&token).await;
        // A verdict, remembered or not, is as old as its keys at most.
        assert!(status == 503 || age < Duration::from_millis(600), "{status} {age:?}");
        assert!(status == 200 || health().age.unwrap() >= Duration::from_millis(600), "{status}");
        status == 503
    })
    .await;
    site.bearer(&token).await.is(503, "keys_unavailable");
    assert!(health().is_stale && health().keys == 0 && !site.api.health().is_ready());
    id.answer_with(None);
    eventually("it heals", async || site.status(&token).await == 200).await;
    assert!(!health().is_stale && site.api.health().is_ready());
}

#[tokio::test]
async fn a_key_server_that_hangs_holds_up_nobody_whose_key_is_known() {
    let id = Id::up().await;
    let site = site(&id);
    let known = id.token(json!({}));
    site.bearer(&known).await.is(200, "admitted");
    let gate = id.stall().await;
    let mut strangers = JoinSet::new();
    for number in 0..200 {
        let (site, junk) = (site.clone(), id.junk(&format!("junk-{number}")));
        strangers.spawn(async move { site.status(&junk).await });
    }
    others_wait().await;
    for number in 0..50 {
        assert_eq!(site.status(&known).await, 200);
        assert_eq!(site.status(&id.token(json!({ "jti": number.to_string() }))).await, 200);
    }
    assert!(strangers.try_join_next().is_none(), "a stranger was answered without a fetch");
    drop(gate);
    assert!(strangers.join_all().await.iter().all(|status| *status == 401));
}

// Rotation.

/// Junk kids, each a new one, from several strangers at a time, for as long as it is wanted.
fn flood(site: &Site, id: &Id, number: &Arc<AtomicUsize>, over: &Arc<AtomicBool>) -> JoinSet<()> {
    let mut strangers = JoinSet::new();
    for _ in 0..200 {
        let (site, id) = (site.clone(), id.clone());
        let (number, over) = (Arc::clone(number), Arc::clone(over));
        strangers.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                let kid = format!("junk-{}", number.fetch_add(1, Ordering::Relaxed));
                assert_eq!(site.status(&id.junk(&kid)).await, 401);
            }
        });
    }
    strangers
}

// The permits: a flood of junk neither multiplies fetches nor delays a genuine rotation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_is_picked_up_within_two_seconds_while_ten_thousand_junk_kids_flood_in() {
    let id = Id::up().await;
    let site = keeping(&id, KeySettings::default());
    let old = id.token(json!({}));
    site.bearer(&old).await.is(200, "admitted");
    let began = Instant::now();
    // All at once, each of them another one.
    let mut crowd = JoinSet::new();
    for number in 0..10_000 {
        let (site, junk) = (site.clone(), id.junk(&format!("crowd-{number}")));
        crowd.spawn(async move { site.status(&junk).await });
    }
    // And then without end.
    let (number, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let strangers = flood(&site, &id, &number, &over);
    assert_eq!(site.status(&old).await, 200);
    id.rotate_gently();
    let rotated = Instant::now();
    assert_eq!(site.status(&id.token(json!({}))).await, 200);
    let took = rotated.elapsed();
    assert_eq!(site.status(&old).await, 200);
    assert!(crowd.join_all().await.iter().all(|status| *status == 401));
    over.store(true, Ordering::Relaxed);
    strangers.join_all().await;
    let lasted = began.elapsed();
    assert!(took < Duration::from_secs(2), "the rotation took {took:?}");
    let fetches = id.key_fetches();
    let most = 2 * usize::try_from(lasted.as_secs()).unwrap() + 4;
    assert!(fetches <= most, "{fetches} fetches in {lasted:?}");
}

#[tokio::test]
async fn a_kid_that_was_guessed_before_it_was_published_is_found_all_the_same() {
    let id = Id::up().await;
    let site = site(&id);
    site.bearer(&id.token(json!({}))).await.is(200, "admitted");
    let next = SigningKey::generate(Algorithm::Es256).unwrap();
    let token = next.sign_json("at+jwt", &id.claims(json!({}))).unwrap();
    for _ in 0..3 {
        site.bearer(&token).await.is(401, "key_unknown");
    }
    id.publish(json!({ "keys": [next.verifying_key().to_jwk()] }));
    eventually("it is found", async || site.status(&token).await == 200).await;
}

#[tokio::test]
async fn what_was_verified_with_a_key_ends_with_the_key() {
    let id = Id::up().await;
    let site = site(&id);
    let old: Vec<String> =
        (0..20).map(|number| id.token(json!({ "jti": number.to_string() }))).collect();
    for token in old.iter().chain(&old) {
        site.bearer(token).await.is(200, "admitted");
    }
    let metrics = site.api.metrics();
    assert_eq!((metrics.seen, metrics.unseen, metrics.remembered), (20, 20, 20));
    id.rotate();
    site.bearer(&id.token(json!({}))).await.is(200, "admitted");
    for token in &old {
        site.bearer(token).await.is(401, "key_unknown");
    }
}

#[tokio::test]
async fn a_key_that_stays_keeps_its_tokens_while_others_change() {
    let id = Id::up().await;
    let site = site(&id);
    let old = id.token(json!({}));
    site.bearer(&old).await.is(200, "admitted");
    id.rotate_gently();
    site.bearer(&id.token(json!({}))).await.is(200, "admitted");
    site.bearer(&old).await.is(200, "admitted");
    id.rotate_gently();
    site.bearer(&id.token(json!({}))).await.is(200, "admitted");
    site.bearer(&old).await.is(401, "key_unknown");
}

#[tokio::test]
async fn keys_that_are_fetched_again_unchanged_cost_no_verification_again() {
    let id = Id::up().await;
    let site = site(&id);
    let token = id.token(json!({}));
    site.bearer(&token).await.is(200, "admitted");
    for number in 0..5 {
        site.bearer(&id.junk(&format!("junk-{number}"))).await.is(401, "key_unknown");
        site.bearer(&token).await.is(200, "admitted");
    }
    assert!(id.key_fetches() > 5, "{}", id.key_fetches());
    assert_eq!(site.api.metrics().seen, 5);
}

#[tokio::test]
async fn a_key_that_changes_under_its_name_ends_what_it_verified() {
    let id = Id::up().await;
    let site = site(&id);
    let token = id.token(json!({}));
    let other = SigningKey::generate(Algorithm::Es256).unwrap();
    let mut jwk = other.verifying_key().to_jwk();
    jwk["kid"] = id.key().kid().into();
    site.bearer(&token).await.is(200, "admitted");
    id.publish(json!({ "keys": [jwk] }));
    site.bearer(&id.junk("junk")).await.is(401, "key_unknown");
    site.bearer(&token).await.is(401, "signature_invalid");
}

#[tokio::test]
async fn one_key_that_nobody_can_read_does_not_spoil_the_others() {
    let id = Id::up().await;
    let good = id.key().verifying_key().to_jwk();
    id.publish(json!({ "keys": [
        { "kty": "AKP", "alg": "ML-DSA-65", "kid": "a", "pub": "AAAA" },
        { "kty": "EC", "crv": "secp256k1", "kid": "b", "x": "AA", "y": "AA" },
        { "kty": "EC", "crv": "P-256", "kid": "c" },
        "rubbish", 7, null, good,
    ] }));
    site(&id).bearer(&id.token(json!({}))).await.is(200, "admitted");
    for broken in [json!({}), json!({ "keys": {} }), json!([]), json!({ "keys": null })] {
        id.publish(broken);
        site(&id).bearer(&id.token(json!({}))).await.is(503, "keys_unavailable");
    }
    // Nothing published is no outage.
    id.publish(json!({ "keys": [] }));
    site(&id).bearer(&id.token(json!({}))).await.is(401, "key_unknown");
}

/// A token whose header names no key.
fn nameless(id: &Id, changes: Value) -> String {
    let claims = id.claims(changes).to_string();
    id.key().sign_with("at+jwt", &serde_json::Map::new(), claims.as_bytes()).unwrap()
}

/// Publishes the signing key without a name.
fn publish_nameless(id: &Id) {
    id.publish(json!({ "keys": [id.key().verifying_key().to_bare_jwk()] }));
}

#[tokio::test]
async fn a_key_without_a_name_may_take_the_place_of_another_one() {
    let id = Id::up().await;
    publish_nameless(&id);
    let site = site(&id);
    let (old, named) = (nameless(&id, json!({})), id.token(json!({})));
    for token in [&old, &named] {
        site.bearer(token).await.is(200, "admitted");
    }
    for _ in 0..2 {
        id.rotate();
        publish_nameless(&id);
        site.bearer(&id.token(json!({}))).await.is(200, "admitted");
        site.bearer(&nameless(&id, json!({}))).await.is(200, "admitted");
        for token in [&old, &named] {
            site.bearer(token).await.is(401, "signature_invalid");
        }
        // What was refused is looked for again no sooner than in a while, but in the background.
        id.rotate();
        publish_nameless(&id);
        let new = nameless(&id, json!({}));
        eventually("it is found", async || site.status(&new).await == 200).await;
    }
}

#[tokio::test]
async fn forged_tokens_that_name_no_key_do_not_multiply_fetches() {
    let id = Id::up().await;
    publish_nameless(&id);
    let site = keeping(&id, KeySettings::default());
    let good = nameless(&id, json!({}));
    site.bearer(&good).await.is(200, "admitted");
    let (unsigned, _) = good.rsplit_once('.').unwrap();
    let began = Instant::now();
    let mut strangers = JoinSet::new();
    for number in 0..500 {
        let (site, forged) = (site.clone(), format!("{unsigned}.{number:A>86}"));
        strangers.spawn(async move { site.status(&forged).await });
    }
    assert!(strangers.join_all().await.iter().all(|status| *status == 401));
    let most = 2 * usize::try_from(began.elapsed().as_secs()).unwrap() + 4;
    assert!(id.key_fetches() <= most, "{} fetches", id.key_fetches());
    site.bearer(&good).await.is(200, "admitted");
}

// Numbers.

#[tokio::test]
async fn verdicts_are_counted_by_reason() {
    let id = Id::up().await;
    let site = site(&id);
    let good = id.token(json!({}));
    let expired = id.token(json!({ "exp": NOW - 60 }));
    for (token, times) in [(&*good, 5), (&*expired, 3), ("rubbish", 2)] {
        for _ in 0..times {
            site.status(token).await;
        }
    }
    site.send(with_bearer("/write", &good)).await.is(403, "insufficient_scope");
    site.send(http::Request::get("/orders")).await.is(401, "no_credentials");
    let metrics = site.api.metrics();
    let mut counted: Vec<_> =
        metrics.refused.iter().map(|(reason, times)| (reason.as_str(), *times)).collect();
    counted.sort_unstable();
    let expected =
        [("expired", 3), ("insufficient_scope", 1), ("no_credentials", 1), ("token_malformed", 2)];
    assert_eq!(counted, expected);
    assert_eq!(metrics.remembered, 2);
    // The rule of an inner route comes after the admission by the outer one.
    assert_eq!((metrics.admitted, metrics.seen), (6, 7));
}
