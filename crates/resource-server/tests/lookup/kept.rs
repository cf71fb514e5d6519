//! What is kept of answers, how floods are bounded, and what an outage does (RFC 7662 §4).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::routing::post;
use axum::{Json, Router};
use bailiwick_resource_server::{Fetcher, Lookup, LookupHealth};
use http::StatusCode;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::world::{Id, NOW, Site, clock, eventually, others_wait, tally, with_bearer};
use crate::{site, site_with};

/// Sends the same requests at the same time, and counts what came.
async fn all_at_once(site: &Site, tokens: Vec<String>) -> BTreeMap<u16, usize> {
    let mut tasks = JoinSet::new();
    for token in tokens {
        let site = site.clone();
        tasks.spawn(async move { site.status(&token).await });
    }
    tally(tasks.join_all().await)
}

#[tokio::test]
async fn an_answer_is_asked_for_once_and_kept() {
    let id = Id::up().await;
    let site = site(&id);
    id.know("good", json!({}));
    for _ in 0..10 {
        site.bearer("good").await.is(200, "admitted");
        site.send(with_bearer("/write", "good")).await.is(403, "insufficient_scope");
    }
    assert_eq!(id.lookups(), 1);
}

#[tokio::test]
async fn a_token_that_is_refused_is_not_asked_about_at_each_request() {
    let id = Id::up().await;
    let site = site(&id);
    id.know("endless", json!({ "exp": null }));
    id.know("foreign", json!({ "iss": "https://other.example" }));
    id.know("expired", json!({ "exp": NOW - 60 }));
    id.know("elsewhere", json!({ "aud": "https://other.example" }));
    id.stumble_over("stumble", 500);
    let tokens = ["endless", "foreign", "expired", "elsewhere", "unknown", "stumble"];
    for (asked, token) in tokens.into_iter().enumerate() {
        for _ in 0..20 {
            assert_ne!(site.status(token).await, 200);
        }
        assert_eq!(id.lookups(), asked + 1, "{token}");
    }
}

#[tokio::test]
async fn all_who_ask_about_one_token_share_one_lookup() {
    let id = Id::up().await;
    let site = site(&id);
    id.know("good", json!({}));
    for (token, status, lookups) in [("good", 200, 1), ("unknown", 401, 2)] {
        let got = all_at_once(&site, vec![token.to_owned(); 100]).await;
        assert_eq!(got, [(status, 100)].into());
        assert_eq!(id.lookups(), lookups);
    }
}

#[tokio::test]
async fn one_who_goes_away_does_not_strand_the_others() {
    let id = Id::up().await;
    let site = site(&id);
    id.know("good", json!({}));
    site.bearer("unknown").await.is(401, "token_inactive"); // finds the endpoint
    let gate = id.stall().await;
    let ask = || {
        let site = site.clone();
        tokio::spawn(async move { site.status("good").await })
    };
    let first = ask();
    eventually("the first one asks", async || id.lookups() == 2).await;
    let others: Vec<_> = (0..20).map(|_| ask()).collect();
    others_wait().await;
    first.abort();
    drop(gate);
    for other in others {
        assert_eq!(other.await.unwrap(), 200);
    }
    assert_eq!(id.lookups(), 3);
}

#[tokio::test]
async fn a_flood_of_rubbish_reaches_the_issuer_in_bounds_and_drives_out_no_good_token() {
    let id = Id::up().await;
    let site = site_with(&id, id.lookup().most(100));
    id.know("good", json!({}));
    site.bearer("good").await.is(200, "admitted");
    let gate = id.stall().await;
    let rubbish = (0..1000).map(|number| format!("rubbish-{number}")).collect();
    let flood = tokio::spawn({
        let site = site.clone();
        async move { all_at_once(&site, rubbish).await }
    });
    eventually("the flood arrives", async || id.lookups() == 65).await;
    others_wait().await;
    // A good token whose answer is kept does not wait in the queue.
    assert_eq!(site.status("good").await, 200);
    assert_eq!(id.lookups(), 65);
    drop(gate);
    assert_eq!(flood.await.unwrap(), [(401, 1000)].into());
    assert_eq!((id.lookups(), id.most_lookups_at_once()), (1001, 64));
    site.bearer("good").await.is(200, "admitted");
    assert_eq!(id.lookups(), 1001);
}

#[tokio::test]
async fn who_finds_too_many_waiting_is_told_to_come_back() {
    let id = Id::up().await;
    let site = site(&id);
    site.bearer("unknown").await.is(401, "token_inactive"); // finds the endpoint
    let gate = id.stall().await;
    let mut flood = JoinSet::new();
    for number in 0..1500 {
        let site = site.clone();
        flood.spawn(async move { site.status(&format!("rubbish-{number}")).await });
    }
    // While nobody is answered: 64 are asked about, and 1000 wait.
    for _ in 0..1500 - 1064 {
        assert_eq!(flood.join_next().await.unwrap().unwrap(), 503);
    }
    others_wait().await;
    assert!(flood.try_join_next().is_none());
    drop(gate);
    assert_eq!(tally(flood.join_all().await), [(401, 1064)].into());
    id.know("good", json!({}));
    site.bearer("good").await.is(200, "admitted");
}

// RFC 7662 §2.2, §4.
#[tokio::test]
async fn an_outage_is_not_inactive_and_ends_by_itself() {
    let id = Id::up().await;
    let site = site(&id);
    for token in ["kept", "good", "unknown"] {
        id.know(token, json!({}));
    }
    id.revoke("unknown");
    let jwt = id.token(json!({}));
    for token in ["kept", &jwt] {
        site.bearer(token).await.is(200, "admitted");
    }
    for status in [503, 500, 429, 404, 302] {
        id.answer_with(Some(status));
        for token in ["good", "unknown", "rubbish"] {
            site.bearer(token).await.is(503, "introspection_unavailable");
        }
        for token in ["kept", &jwt] {
            site.bearer(token).await.is(200, "admitted");
        }
        assert_eq!(site.api.health().lookup, Some(LookupHealth::Failing));
    }
    id.answer_with(None);
    eventually("it is found again", async || site.status("good").await == 200).await;
    eventually("it is found again", async || site.status("unknown").await == 401).await;
    assert_eq!(site.api.health().lookup, Some(LookupHealth::Answering));
}

#[tokio::test]
async fn while_nobody_answers_nobody_is_asked() {
    let id = Id::up().await;
    let site = site(&id);
    id.answer_with(Some(503));
    site.bearer("first").await.is(503, "introspection_unavailable");
    let asked = id.lookups();
    let got = all_at_once(&site, (0..50).map(|number| format!("token-{number}")).collect()).await;
    assert_eq!(got, [(503, 50)].into());
    assert_eq!(id.lookups(), asked);
}

#[tokio::test]
async fn an_issuer_that_hangs_holds_up_nobody_whose_answer_is_kept() {
    let id = Id::up().await;
    let hasty = Fetcher::builder().longest(Duration::from_millis(300)).build().unwrap();
    let site = site_with(&id, Lookup::introspection(id.introspector_by(hasty)));
    id.know("kept", json!({}));
    id.know("good", json!({}));
    site.bearer("kept").await.is(200, "admitted");
    let gate = id.stall().await;
    let waiting = tokio::spawn({
        let site = site.clone();
        async move { all_at_once(&site, (0..200).map(|n| format!("token-{n}")).collect()).await }
    });
    others_wait().await;
    assert_eq!(site.status("kept").await, 200);
    // Each waits as long as the first ones: then nobody is asked for a while.
    assert_eq!(waiting.await.unwrap(), [(503, 200)].into());
    assert!(id.lookups() <= 1 + 64, "{}", id.lookups());
    drop(gate);
    eventually("it is found again", async || site.status("good").await == 200).await;
}

#[tokio::test]
async fn an_issuer_that_was_never_there_is_found_when_it_is() {
    let id = Id::down().await;
    let site = site(&id);
    id.know("good", json!({}));
    site.bearer("good").await.is(503, "introspection_unavailable");
    id.rise().await;
    eventually("it is found", async || site.status("good").await == 200).await;
}

// RFC 7662 §2.3.
#[tokio::test]
async fn credentials_of_ours_that_are_refused_are_not_the_tokens_fault() {
    let id = Id::up().await;
    let site = site(&id);
    id.know("good", json!({}));
    id.expect_secret("another");
    let answer = site.bearer("good").await;
    answer.is(503, "introspection_unavailable");
    assert_eq!(site.api.health().lookup, Some(LookupHealth::Failing));
    id.expect_secret("secret");
    eventually("it is allowed again", async || site.status("good").await == 200).await;
}

#[tokio::test]
async fn a_token_that_the_issuer_stumbles_over_shuts_nobody_else_out() {
    let id = Id::up().await;
    let site = site(&id);
    for (at, status) in [400, 401, 403, 404, 413, 422, 500].into_iter().enumerate() {
        let (poison, good) = (format!("poison-{at}"), format!("good-{at}"));
        id.stumble_over(&poison, status);
        id.know(&good, json!({}));
        site.bearer(&poison).await.is(503, "introspection_unavailable");
        site.bearer(&good).await.is(200, "admitted");
    }
}

/// Answers about every token, but for `slow`: that one it keeps back, and then fails.
async fn stumbling_late(id: &Id, asked: Arc<Semaphore>, released: Arc<Semaphore>) -> Site {
    let answer = id.claims(json!({ "active": true }));
    let introspect = move |form: String| {
        let (answer, asked, released) = (answer.clone(), asked.clone(), released.clone());
        async move {
            if form.starts_with("token=slow&") {
                asked.add_permits(1);
                released.acquire().await.unwrap().forget();
                return Err(StatusCode::GATEWAY_TIMEOUT);
            }
            Ok(Json(answer))
        }
    };
    let app = Router::new().route("/", post(introspect));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let introspector = id.introspector_by(Fetcher::builder().build().unwrap()).endpoint(url);
    site_with(id, Lookup::introspection(introspector))
}

#[tokio::test]
async fn a_lookup_that_fails_while_others_are_answered_is_no_outage() {
    let id = Id::up().await;
    let (asked, released) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let site = stumbling_late(&id, Arc::clone(&asked), Arc::clone(&released)).await;
    let slow = tokio::spawn({
        let site = site.clone();
        async move { site.status("slow").await }
    });
    asked.acquire().await.unwrap().forget();
    site.bearer("good").await.is(200, "admitted");
    released.add_permits(1);
    assert_eq!(slow.await.unwrap(), 503);
    site.bearer("other").await.is(200, "admitted");
}

#[tokio::test]
async fn a_revocation_shows_when_the_answer_is_not_kept_any_more() {
    let id = Id::up().await;
    let site = site_with(&id, id.lookup().keep(Duration::from_millis(300)));
    id.know("good", json!({}));
    site.bearer("good").await.is(200, "admitted");
    id.revoke("good");
    eventually("it is revoked", async || site.status("good").await == 401).await;
    site.bearer("good").await.is(401, "token_inactive");
    id.know("good", json!({}));
    eventually("it is known again", async || site.status("good").await == 200).await;
}

#[tokio::test]
async fn where_nothing_is_kept_a_revocation_shows_at_once() {
    let id = Id::up().await;
    let site = site_with(&id, id.lookup().keep(Duration::ZERO));
    id.know("good", json!({}));
    site.bearer("good").await.is(200, "admitted");
    id.revoke("good");
    site.bearer("good").await.is(401, "token_inactive");
    id.know("good", json!({}));
    site.bearer("good").await.is(200, "admitted");
    // Nobody waits for an answer that would not be theirs.
    let gate = id.stall().await;
    let crowd = tokio::spawn({
        let site = site.clone();
        async move { all_at_once(&site, vec!["good".to_owned(); 30]).await }
    });
    eventually("all ask", async || id.lookups() == 33).await;
    drop(gate);
    assert_eq!(crowd.await.unwrap(), [(200, 30)].into());
}

#[tokio::test]
async fn a_kept_answer_does_not_outlive_its_token() {
    let id = Id::up().await;
    let (time, read) = clock();
    let site = Site::new(id.protect().clock(read).look_up(id.lookup()).build().unwrap());
    id.know("good", json!({}));
    site.bearer("good").await.is(200, "admitted");
    time.store(NOW + 310, Ordering::Relaxed);
    site.bearer("good").await.is(401, "expired");
    assert_eq!(id.lookups(), 1);
}
