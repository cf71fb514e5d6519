//! What a route wants of a token, part by part, through the layer (RFC 6750 §3.1, RFC 9396,
//! RFC 9470).
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

mod world;

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, get};
use bailiwick_resource_server::{
    Asked, ClaimPath, ClaimRule, ClaimTest, ClientId, Denied, DetailRule, LoginRule, Policy,
    Question, Reason, Refused, ResourceServer, Rule, Scope, ScopeRule, Scoped, Scopes, Step,
    VerifiedToken, scopes,
};
use http::{Method, Request};
use serde_json::{Value, json};
use world::{API, Id, NOW, Site, with_bearer};

/// A token with these changes, and what comes of it: `admitted`, or the status with the reason.
type Case = (Value, u16, &'static str);

/// Judges tokens by a rule, through the layer, and holds each explanation against the verdict.
async fn judge(id: &Id, rule: Rule, cases: Vec<Case>) {
    let site = Site::ruled(id.protect().build().unwrap(), rule.clone());
    for (changes, status, reason) in cases {
        let token = id.token(changes);
        let answer = site.bearer(&token).await;
        answer.is(status, reason);
        match status {
            // No other token of the same user would do, as far as anybody can say.
            403 if reason != "insufficient_scope" => {
                assert_eq!(answer.json()["error"], "access_denied", "{reason}");
                assert!(answer.challenges().is_empty(), "{reason}");
            }
            _ => {}
        }
        let request = with_bearer("/orders", &token).body(()).unwrap();
        explained(&site.api, &request, &rule, reason).await;
    }
}

/// Asserts that the explanation stops where the verdict did.
async fn explained(api: &ResourceServer, request: &Request<()>, rule: &Rule, reason: &str) {
    let checks = api.explain(&Asked::from(request), rule).await;
    let named = Reason::ALL.iter().find(|known| known.as_str() == reason);
    let stopped = named.map(|reason| reason.step());
    for check in checks {
        let told = serde_json::to_value(&check).unwrap();
        let outcome = told["outcome"].as_str().unwrap();
        let expected: &[&str] = match stopped {
            Some(at) if check.name == at => &["failed"],
            Some(at) if check.name > at => &["not_reached", "not_applicable"],
            _ => &["passed", "not_applicable"],
        };
        assert!(expected.contains(&outcome), "{reason}: {told}");
        if outcome == "failed" {
            assert_eq!(told["reason"], reason);
        }
    }
}

fn all_of(names: &str) -> Rule {
    ScopeRule::AllOf(Scopes::parse(names).unwrap()).into()
}

fn any_of(names: &str) -> Rule {
    ScopeRule::AnyOf(Scopes::parse(names).unwrap()).into()
}

fn scope(text: &str) -> Value {
    json!({ "scope": text })
}

#[tokio::test]
async fn all_scopes_are_needed_or_any() {
    let id = Id::up().await;
    let lacks = (403, "insufficient_scope");
    let case = |text, (status, reason)| (scope(text), status, reason);
    let passes = (200, "admitted");
    judge(
        &id,
        all_of("read write"),
        vec![
            case("read write", passes),
            case("write other read", passes),
            case("read", lacks),
            case("", lacks),
            case("read:all write", lacks),
            case("READ write", lacks),
            (json!({ "scope": null }), 403, "insufficient_scope"),
        ],
    )
    .await;
    judge(
        &id,
        any_of("read admin"),
        vec![case("read", passes), case("admin x", passes), case("write", lacks)],
    )
    .await;
    judge(&id, any_of(""), vec![case("read", lacks)]).await;
    judge(&id, all_of(""), vec![case("", passes)]).await;
}

#[tokio::test]
async fn a_scope_may_hold_others_within_it() {
    let id = Id::up().await;
    let api = id.protect().implies("admin", "write:orders").implies("write:orders", "read:orders");
    let api = api.build().unwrap();
    let site = Site::ruled(api, all_of("read:orders"));
    for (held, status) in [
        ("admin", 200),
        ("write:orders", 200),
        ("read:orders", 200),
        ("read:invoices", 403),
        ("administrator", 403),
    ] {
        assert_eq!(site.status(&id.token(scope(held))).await, status, "{held}");
    }
    let narrow = Site::ruled(site.api.clone(), all_of("admin"));
    narrow.bearer(&id.token(scope("write:orders"))).await.is(403, "insufficient_scope");
}

#[tokio::test]
async fn clients_and_subjects_may_be_listed() {
    let id = Id::up().await;
    let listed = |names: &[&str]| {
        Some(names.iter().map(|name| ClientId::parse(name).unwrap()).collect::<Vec<_>>())
    };
    let rule = Rule { clients: listed(&["shop", "till"]), ..Rule::ANY_TOKEN };
    let of = |client: &str| json!({ "client_id": client });
    judge(
        &id,
        rule,
        vec![
            (of("shop"), 200, "admitted"),
            (of("till"), 200, "admitted"),
            (of("shop2"), 403, "client_refused"),
            (of("Shop"), 403, "client_refused"),
        ],
    )
    .await;
    let nobody = Rule { clients: Some(Vec::new()), ..Rule::ANY_TOKEN };
    judge(&id, nobody, vec![(of("shop"), 403, "client_refused")]).await;
    let subjects = Some(vec!["alice".to_owned(), "bob".to_owned()]);
    let rule = Rule { subjects, ..Rule::ANY_TOKEN };
    judge(
        &id,
        rule,
        vec![
            (json!({}), 200, "admitted"),
            (json!({ "sub": "alice2" }), 403, "subject_refused"),
            (json!({ "sub": "mallory", "client_id": "alice" }), 403, "subject_refused"),
        ],
    )
    .await;
}

#[tokio::test]
async fn one_of_some_roles_is_needed() {
    let id = Id::up().await;
    let rule = Rule { roles: vec!["clerk".into(), "boss".into()], ..Rule::ANY_TOKEN };
    judge(
        &id,
        rule,
        vec![
            (json!({ "roles": ["clerk"] }), 200, "admitted"),
            (json!({ "groups": ["x", "boss"] }), 200, "admitted"),
            (json!({ "entitlements": ["boss"] }), 200, "admitted"),
            (json!({ "roles": ["Boss", "clerks"] }), 403, "role_missing"),
            (json!({ "roles": [] }), 403, "role_missing"),
            (json!({ "scope": "clerk boss" }), 403, "role_missing"),
            (json!({}), 403, "role_missing"),
            (json!({ "roles": [{ "value": "boss" }] }), 401, "claim_malformed"),
            (json!({ "roles": 7 }), 401, "claim_malformed"),
        ],
    )
    .await;
}

#[tokio::test]
async fn claims_may_be_wanted() {
    let id = Id::up().await;
    let rule = |claim: &str, test| Rule {
        claims: vec![ClaimRule { claim: ClaimPath::parse(claim), test }],
        ..Rule::ANY_TOKEN
    };
    let one_of = rule("/org/tier", ClaimTest::OneOf(vec![json!("gold"), json!(1)]));
    judge(
        &id,
        one_of,
        vec![
            (json!({ "org": { "tier": "gold" } }), 200, "admitted"),
            (json!({ "org": { "tier": 1 } }), 200, "admitted"),
            (json!({ "org": { "tier": "1" } }), 403, "claim_refused"),
            (json!({ "org": { "tier": ["gold"] } }), 403, "claim_refused"),
            (json!({ "org": "gold" }), 403, "claim_refused"),
            (json!({ "/org/tier": "gold" }), 403, "claim_refused"),
            (json!({}), 403, "claim_refused"),
        ],
    )
    .await;
    let contains = rule("regions", ClaimTest::Contains(json!("eu")));
    judge(
        &id,
        contains,
        vec![
            (json!({ "regions": ["us", "eu"] }), 200, "admitted"),
            (json!({ "regions": "us eu" }), 200, "admitted"),
            (json!({ "regions": "us europe" }), 403, "claim_refused"),
            (json!({ "regions": { "eu": true } }), 403, "claim_refused"),
        ],
    )
    .await;
    judge(
        &id,
        rule("email_verified", ClaimTest::Present),
        vec![
            (json!({ "email_verified": true }), 200, "admitted"),
            (json!({ "email_verified": false }), 403, "claim_refused"),
            (json!({ "email_verified": [] }), 403, "claim_refused"),
            (json!({}), 403, "claim_refused"),
        ],
    )
    .await;
}

#[tokio::test]
async fn authorization_details_may_be_wanted() {
    let id = Id::up().await;
    let wanted = DetailRule {
        kind: "payment".into(),
        actions: vec!["initiate".into(), "read".into()],
        ..DetailRule::default()
    };
    let rule = Rule { details: vec![wanted], ..Rule::ANY_TOKEN };
    let detail = |detail: Value| json!({ "authorization_details": [detail] });
    let both = json!(["read", "initiate", "cancel"]);
    judge(
        &id,
        rule,
        vec![
            (detail(json!({ "type": "payment", "actions": both })), 200, "admitted"),
            (
                detail(json!({ "type": "payment", "actions": both, "locations": [API] })),
                200,
                "admitted",
            ),
            (
                detail(json!({
                    "type": "payment", "actions": both, "locations": ["https://other.example"],
                })),
                403,
                "details_insufficient",
            ),
            (detail(json!({ "type": "payments", "actions": both })), 403, "details_insufficient"),
            (
                // Two that have a part each are not one that has both.
                json!({ "authorization_details": [
                    { "type": "payment", "actions": ["read"] },
                    { "type": "payment", "actions": ["initiate"] },
                ] }),
                403,
                "details_insufficient",
            ),
            (json!({}), 403, "details_insufficient"),
            (json!({ "authorization_details": { "type": "payment" } }), 401, "claim_malformed"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_login_may_be_wanted() {
    let id = Id::up().await;
    let login = LoginRule { acr_values: vec!["urn:mfa".into()], max_age: Some(300) };
    let rule = Rule { login, ..Rule::ANY_TOKEN };
    let signed_in = |acr: &str, ago: i64| json!({ "acr": acr, "auth_time": NOW - ago });
    judge(
        &id,
        rule,
        vec![
            (signed_in("urn:mfa", 0), 200, "admitted"),
            (signed_in("urn:mfa", 310), 200, "admitted"),
            (signed_in("urn:mfa", 311), 401, "login_old"),
            (signed_in("urn:mfa", -60), 401, "login_old"),
            (signed_in("urn:pwd", 0), 401, "login_weak"),
            (signed_in("urn:mfa2", 0), 401, "login_weak"),
            (json!({ "acr": "urn:mfa" }), 401, "login_old"),
            (json!({ "auth_time": NOW }), 401, "login_weak"),
            (json!({ "acr": ["urn:mfa"], "auth_time": NOW }), 401, "claim_malformed"),
        ],
    )
    .await;
}

/// Lets nobody delete, and nobody into the back office.
#[derive(Debug)]
struct FrontDoor;

impl Policy for FrontDoor {
    fn decide(&self, question: &Question<'_>) -> Result<(), Denied> {
        let is_denied = question.method == Method::DELETE
            || question.path.starts_with("/v1/office")
            || question.permit.subject().as_str() == "mallory"
            || question.now != NOW;
        if is_denied { Err(Denied { why: "not through this door".to_owned() }) } else { Ok(()) }
    }
}

#[tokio::test]
async fn a_policy_has_the_last_word() {
    let id = Id::up().await;
    let api = id.protect().build().unwrap();
    let rule = Rule { policies: vec![Arc::new(FrontDoor)], ..all_of("read:orders") };
    let inside = Router::new()
        .route("/orders", any(|| async { "alice" }))
        .route("/office", any(|| async { "alice" }))
        .layer(api.require_rule(rule.clone()));
    let site = Site { app: Router::new().nest("/v1", inside), api };
    let send = async |method: &str, path: &str, changes: Value| {
        let request = with_bearer(path, &id.token(changes)).method(method);
        site.send(request).await
    };
    send("GET", "/v1/orders", json!({})).await.is(200, "admitted");
    let denied = send("DELETE", "/v1/orders", json!({})).await;
    denied.is(403, "policy_denied");
    assert_eq!(denied.json()["error"], "access_denied");
    // Which policy it was is the operator's to know.
    assert_eq!(denied.json()["error_description"], "a policy does not permit this");
    // A nested router does not hide from a policy what was called.
    send("GET", "/v1/office", json!({})).await.is(403, "policy_denied");
    send("GET", "/v1/orders", json!({ "sub": "mallory" })).await.is(403, "policy_denied");
    // It is asked last.
    send("DELETE", "/v1/orders", scope("x")).await.is(403, "insufficient_scope");
    judge(
        &id,
        rule,
        vec![(json!({}), 200, "admitted"), (json!({ "sub": "mallory" }), 403, "policy_denied")],
    )
    .await;
}

#[tokio::test]
async fn the_first_part_that_is_not_met_is_told() {
    let id = Id::up().await;
    let rule = Rule {
        clients: Some(vec![ClientId::parse("till").unwrap()]),
        subjects: Some(vec!["bob".into()]),
        roles: vec!["boss".into()],
        ..all_of("admin")
    };
    let steps = [
        (json!({}), "client_refused"),
        (json!({ "client_id": "till" }), "subject_refused"),
        (json!({ "client_id": "till", "sub": "bob" }), "insufficient_scope"),
        (json!({ "client_id": "till", "sub": "bob", "scope": "admin" }), "role_missing"),
    ];
    let cases = steps.into_iter().map(|(changes, reason)| (changes, 403, reason)).collect();
    judge(&id, rule, cases).await;
}

scopes! {
    /// Reads orders.
    ReadOrders = "read:orders";
    /// Reads and writes.
    Both = "read:orders write:orders";
    /// No scope at all.
    Malformed = "a\"b";
}

#[tokio::test]
async fn a_handler_says_in_its_arguments_what_it_needs() {
    let id = Id::up().await;
    let api = id.protect().implies("admin", "read:orders write:orders").build().unwrap();
    let app = Router::new()
        .route("/read", get(|token: Scoped<ReadOrders>| async move { token.subject().to_string() }))
        .route(
            "/both",
            get(|token: Scoped<Both>| async move { token.into_token().subject().to_string() }),
        )
        .route("/malformed", get(|_: Scoped<Malformed>| async { "alice" }))
        .layer(api.layer())
        .route("/open", get(|_: Scoped<ReadOrders>| async { "alice" }));
    let site = Site { api, app };
    let reads = id.token(json!({}));
    site.send(with_bearer("/read", &reads)).await.is(200, "admitted");
    let answer = site.send(with_bearer("/both", &reads)).await;
    answer.is(403, "insufficient_scope").names("Bearer", "insufficient_scope");
    assert!(answer.challenges()[0].contains("scope=\"read:orders write:orders\""));
    let admin = id.token(scope("admin"));
    site.send(with_bearer("/both", &admin)).await.is(200, "admitted");
    site.send(Request::get("/read")).await.is(401, "no_credentials");
    // Mistakes of the operator let nobody in.
    for path in ["/malformed", "/open"] {
        let answer = site.send(with_bearer(path, &reads)).await;
        assert_eq!((answer.status.as_u16(), answer.body.len()), (500, 0));
    }
}

#[tokio::test]
async fn a_handler_may_ask_for_more_than_its_route() {
    let id = Id::up().await;
    let api = id.protect().build().unwrap();
    let handler = |token: VerifiedToken| async move {
        let limit = Rule { policies: vec![Arc::new(FrontDoor)], ..all_of("write:orders") };
        token.also(&limit)?;
        Ok::<_, Refused>(token.subject().to_string())
    };
    let inside = Router::new().route("/office", any(handler)).route("/orders", any(handler));
    let app = Router::new().nest("/v1", inside.layer(api.layer()));
    let site = Site { api, app };
    let writes = id.token(scope("write:orders"));
    site.send(with_bearer("/v1/orders", &writes)).await.is(200, "admitted");
    site.send(with_bearer("/v1/office", &writes)).await.is(403, "policy_denied");
    let delete = with_bearer("/v1/orders", &writes).method("DELETE");
    site.send(delete).await.is(403, "policy_denied");
    let reads = with_bearer("/v1/orders", &id.token(json!({})));
    let answer = site.send(reads).await;
    answer.is(403, "insufficient_scope").names("Bearer", "insufficient_scope");
}

#[tokio::test]
async fn every_step_of_an_explanation_stops_where_the_verdict_does() {
    let id = Id::up().await;
    let api = id.protect().build().unwrap();
    let rule = Rule::from(Scope::parse("read:orders").unwrap());
    let logout = id.key().sign_json("logout+jwt", &id.claims(json!({}))).unwrap();
    let good = id.token(json!({}));
    let (unsigned, _) = good.rsplit_once('.').unwrap();
    let forged = format!("{unsigned}.{}", "A".repeat(86));
    let list = json!({ "status": { "status_list": { "idx": 0, "uri": id.list_uri("none") } } });
    let cases = [
        (good.clone(), "admitted"),
        ("a b".to_owned(), "credentials_malformed"),
        ("rubbish".to_owned(), "token_malformed"),
        (id.token(json!({ "iss": "https://other.example" })), "issuer_mismatch"),
        (logout, "type_mismatch"),
        (id.junk("other"), "key_unknown"),
        (forged, "signature_invalid"),
        (id.token(json!({ "jti": null })), "claim_missing"),
        (id.token(json!({ "exp": NOW - 60 })), "expired"),
        (id.token(json!({ "nbf": NOW + 60 })), "not_yet_valid"),
        (id.token(json!({ "aud": "https://api.example.com" })), "audience_mismatch"),
        (id.token(json!({ "cnf": { "jkt": id.key().kid() } })), "proof_missing"),
        (id.token(scope("other")), "insufficient_scope"),
    ];
    for (token, reason) in cases {
        let request = with_bearer("/orders", &token).body(()).unwrap();
        // Admitted first and explained afterwards, and the other way round: both are the same.
        for _ in 0..2 {
            explained(&api, &request, &rule, reason).await;
            let admitted = api.admit(&Asked::from(&request), &rule).await;
            let found = admitted.map_or_else(|no| no.refusal().reason().as_str(), |_| "admitted");
            assert_eq!(found, reason);
        }
    }
    // What cannot be found out is missing, not failed.
    let request = with_bearer("/orders", &id.token(list)).body(()).unwrap();
    let checks = api.explain(&Asked::from(&request), &rule).await;
    let check = checks.iter().find(|check| check.name == Step::Revocation).unwrap();
    assert_eq!(serde_json::to_value(check).unwrap()["outcome"], "missing");
}
