//! Several issuers, none of which speaks for another (RFC 9068 §4, RFC 8725 §3.8).
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

mod world;

use std::sync::Arc;

use bailiwick_jose::{Algorithm, SigningKey};
use bailiwick_resource_server::{
    Builder, ConfigError, Issuer, IssuerRule, IssuerTemplate, Profile, Resource, ResourceServer,
    Tenants, Trust, TrustedIssuer,
};
use serde_json::{Map, Value, json};
use world::{API, Id, Keep, NOW, Site, eventually, others_wait};

/// Microsoft's way: one set of keys for all tenants, each of which is an issuer of its own.
const TEMPLATE: &str = "https://login.example.com/{tenantid}/v2.0";

fn trusted(id: &Id) -> TrustedIssuer {
    TrustedIssuer::new(&id.url).unwrap().keys(id.kept(Keep::shortly()))
}

fn site(one: &Id, other: &Id) -> Site {
    Site::new(one.protect().also_trust(trusted(other)).build().unwrap())
}

/// A token without `kid`.
fn nameless(id: &Id, changes: Value) -> String {
    let claims = id.claims(changes).to_string();
    id.key().sign_with("at+jwt", &Map::new(), claims.as_bytes()).unwrap()
}

/// A key set with the public half of a key under another name.
fn published_as(kid: &str, key: &SigningKey) -> Value {
    let mut jwk = key.verifying_key().to_jwk();
    jwk["kid"] = kid.into();
    json!({ "keys": [jwk] })
}

#[tokio::test]
async fn each_of_several_issuers_is_trusted() {
    let (one, other, stranger) = (Id::up().await, Id::up().await, Id::up().await);
    let site = site(&one, &other);
    site.bearer(&one.token(json!({}))).await.is(200, "admitted");
    site.bearer(&other.token(json!({}))).await.is(200, "admitted");
    site.bearer(&stranger.token(json!({}))).await.is(401, "issuer_mismatch");
    let names: Vec<_> = site.api.issuers().map(Issuer::as_str).collect();
    assert_eq!(names, [&one.url, &other.url]);
    let document: Value = serde_json::from_slice(site.api.metadata_document()).unwrap();
    assert_eq!(document["authorization_servers"], json!([one.url, other.url]));
}

#[tokio::test]
async fn no_key_of_one_issuer_signs_for_another() {
    let (one, other) = (Id::up().await, Id::up().await);
    let site = site(&one, &other);
    // Their own keys under their own names.
    site.bearer(&one.token(json!({ "iss": other.url }))).await.is(401, "key_unknown");
    site.bearer(&other.token(json!({ "iss": one.url }))).await.is(401, "key_unknown");
    site.bearer(&one.token(json!({ "iss": [one.url, other.url] })))
        .await
        .is(401, "issuer_mismatch");
}

#[tokio::test]
async fn two_issuers_may_call_their_keys_by_one_name() {
    let (one, other) = (Id::up().await, Id::up().await);
    one.publish(published_as(one.key().kid(), &one.key()));
    other.publish(published_as(one.key().kid(), &other.key()));
    let site = site(&one, &other);
    site.bearer(&one.token(json!({}))).await.is(200, "admitted");
    site.bearer(&nameless(&one, json!({}))).await.is(200, "admitted");
    site.bearer(&nameless(&other, json!({}))).await.is(200, "admitted");
    for _ in 0..2 {
        site.bearer(&one.token(json!({ "iss": other.url }))).await.is(401, "signature_invalid");
        let forged = nameless(&other, json!({ "iss": one.url }));
        site.bearer(&forged).await.is(401, "signature_invalid");
        let forged = nameless(&one, json!({ "iss": other.url }));
        site.bearer(&forged).await.is(401, "signature_invalid");
    }
}

#[tokio::test]
async fn an_issuer_that_is_down_does_not_disturb_the_tokens_of_the_other() {
    let (up, down) = (Id::up().await, Id::down().await);
    let site = site(&down, &up);
    for _ in 0..2 {
        site.bearer(&up.token(json!({}))).await.is(200, "admitted");
        site.bearer(&down.token(json!({}))).await.is(503, "keys_unavailable");
        site.bearer(&up.junk("junk")).await.is(401, "key_unknown");
    }
    assert!(!site.api.health().is_ready());
    down.rise().await;
    eventually("the other one is found", async || site.status(&down.token(json!({}))).await == 200)
        .await;
    assert!(site.api.health().is_ready());
}

#[tokio::test]
async fn an_issuer_that_hangs_holds_up_its_own_tokens_alone() {
    let (quick, slow) = (Id::up().await, Id::up().await);
    let site = site(&quick, &slow);
    site.bearer(&quick.token(json!({}))).await.is(200, "admitted");
    let gate = slow.stall().await;
    let waiting = tokio::spawn({
        let (site, token) = (site.clone(), slow.token(json!({})));
        async move { site.status(&token).await }
    });
    others_wait().await;
    assert_eq!(site.status(&quick.token(json!({ "jti": "2" }))).await, 200);
    quick.rotate();
    assert_eq!(site.status(&quick.token(json!({}))).await, 200);
    assert!(!waiting.is_finished());
    drop(gate);
    assert_eq!(waiting.await.unwrap(), 200);
}

#[tokio::test]
async fn issuers_may_have_profiles_and_algorithms_of_their_own() {
    let (strict, lax) = (Id::up().await, Id::up().await);
    let profile = Profile {
        typ: bailiwick_resource_server::TypeRule::PlainJwt,
        required: Vec::new(),
        ..Profile::rfc9068()
    };
    let also = trusted(&lax).profile(profile).algorithms([Algorithm::Es256]);
    let api = strict.protect().also_trust(also).algorithms([Algorithm::EdDsa]).build().unwrap();
    let site = Site::new(api);
    let plain = |id: &Id| id.key().sign_json("JWT", &id.claims(json!({ "jti": null }))).unwrap();
    site.bearer(&plain(&lax)).await.is(200, "admitted");
    site.bearer(&plain(&strict)).await.is(401, "type_mismatch");
    site.bearer(&strict.token(json!({}))).await.is(401, "algorithm_refused");
}

#[test]
fn an_issuer_is_trusted_once() {
    let url = "https://id.example.com";
    let builder = || ResourceServer::builder(url, API).unwrap();
    let again = builder().also_trust(TrustedIssuer::new(url).unwrap()).build();
    assert_eq!(again.unwrap_err(), ConfigError::IssuerTwice(url.to_owned()));
    let other = || TrustedIssuer::new("https://other.example.com").unwrap();
    let twice = builder().also_trust(other()).also_trust(other()).build();
    assert!(matches!(twice, Err(ConfigError::IssuerTwice(_))));
    assert!(builder().also_trust(other()).build().is_ok());
    let slash = TrustedIssuer::new("https://id.example.com/").unwrap();
    assert!(builder().also_trust(slash).build().is_ok()); // another one, byte for byte
    assert!(matches!(TrustedIssuer::new("http://id.example.com"), Err(ConfigError::Issuer(..))));
}

/// An API that trusts two tenants of a provider.
fn tenants(id: &Id, tenants: Tenants) -> Site {
    id.name(TEMPLATE);
    let template = IssuerTemplate::parse(TEMPLATE, tenants).unwrap();
    let trust = Trust {
        issuer: IssuerRule::Template(template),
        algorithms: vec![Algorithm::Es256],
        profile: Profile::rfc9068(),
    };
    let metadata = format!("{}/.well-known/oauth-authorization-server", id.url);
    let issuer = TrustedIssuer::of(trust).metadata(TEMPLATE, metadata);
    let api = Builder::trusting(issuer, Resource::parse(API).unwrap()).clock(|| NOW);
    Site::new(api.build().unwrap())
}

fn of_tenant(id: &Id, tenant: &str) -> String {
    let iss = format!("https://login.example.com/{tenant}/v2.0");
    id.token(json!({ "iss": iss, "tid": tenant }))
}

#[tokio::test]
async fn a_template_means_the_tenants_that_it_lists() {
    let id = Id::up().await;
    let site = tenants(&id, Tenants::These(vec!["one".into(), "two".into()]));
    site.bearer(&of_tenant(&id, "one")).await.is(200, "admitted");
    site.bearer(&of_tenant(&id, "two")).await.is(200, "admitted");
    for stranger in ["three", "{tenantid}", "", "one/../two", "one/v2.0/x", "ONE"] {
        site.bearer(&of_tenant(&id, stranger)).await.is(401, "issuer_mismatch");
    }
    for iss in [TEMPLATE, "https://login.example.com/one", "https://evil.example/one/v2.0"] {
        site.bearer(&id.token(json!({ "iss": iss }))).await.is(401, "issuer_mismatch");
    }
    // A template is no issuer: clients are told of none.
    assert_eq!(site.api.issuers().count(), 0);
    let document: Value = serde_json::from_slice(site.api.metadata_document()).unwrap();
    assert_eq!(document.get("authorization_servers"), None);
}

#[tokio::test]
async fn a_key_that_its_set_gives_to_one_tenant_signs_for_no_other() {
    let id = Id::up().await;
    let mut jwk = id.key().verifying_key().to_jwk();
    jwk["issuer"] = "https://login.example.com/one/v2.0".into();
    id.publish(json!({ "keys": [jwk] }));
    let site = tenants(&id, Tenants::These(vec!["one".into(), "two".into()]));
    site.bearer(&of_tenant(&id, "one")).await.is(200, "admitted");
    site.bearer(&of_tenant(&id, "two")).await.is(401, "key_mismatch");
    let mut jwk = id.key().verifying_key().to_jwk();
    jwk["issuer"] = TEMPLATE.into();
    id.publish(json!({ "keys": [jwk] }));
    let site = tenants(&id, Tenants::EveryTenantOfTheProvider);
    site.bearer(&of_tenant(&id, "three")).await.is(200, "admitted");
}

#[tokio::test]
async fn metadata_that_names_another_template_is_not_believed() {
    let id = Id::up().await;
    let site = tenants(&id, Tenants::These(vec!["one".into()]));
    id.name("https://login.example.com/one/v2.0");
    site.bearer(&of_tenant(&id, "one")).await.is(503, "keys_unavailable");
}

#[tokio::test]
async fn a_template_says_where_its_metadata_is() {
    let template = || {
        let every = Tenants::EveryTenantOfTheProvider;
        IssuerRule::Template(IssuerTemplate::parse(TEMPLATE, every).unwrap())
    };
    let trust = || Trust {
        issuer: template(),
        algorithms: Algorithm::ALL.to_vec(),
        profile: Profile::rfc9068(),
    };
    let build =
        |issuer| Builder::trusting(issuer, Resource::parse(API).unwrap()).build().map(|_| ());
    let nowhere = Err(ConfigError::MetadataPlace(TEMPLATE.to_owned()));
    assert_eq!(build(TrustedIssuer::of(trust())), nowhere);
    let keys = "https://login.example.com/keys";
    assert_eq!(build(TrustedIssuer::of(trust()).jwks_uri(keys)), nowhere);
    let metadata = "https://login.example.com/metadata";
    assert_eq!(build(TrustedIssuer::of(trust()).metadata(TEMPLATE, metadata)), Ok(()));
}

#[tokio::test]
async fn keys_at_a_place_that_the_operator_names_need_no_metadata() {
    let id = Id::up().await;
    id.name("https://somebody-else.example");
    let issuer = TrustedIssuer::new(&id.url).unwrap().jwks_uri(format!("{}/keys", id.url));
    let api = Builder::trusting(issuer, Resource::parse(API).unwrap()).clock(|| NOW);
    Site::new(api.build().unwrap()).bearer(&id.token(json!({}))).await.is(200, "admitted");
    let wrong = ResourceServer::builder(&id.url, API).unwrap().clock(|| NOW).build().unwrap();
    Site::new(wrong).bearer(&id.token(json!({}))).await.is(503, "keys_unavailable");
}

#[tokio::test]
async fn keys_may_be_shared_by_several_apis() {
    let id = Id::up().await;
    let keys = id.kept(Keep::shortly());
    let sites: Vec<_> =
        (0..5).map(|_| Site::new(id.protect().keys(Arc::clone(&keys)).build().unwrap())).collect();
    for site in &sites {
        site.bearer(&id.token(json!({}))).await.is(200, "admitted");
    }
    assert_eq!(id.key_fetches(), 1);
}
