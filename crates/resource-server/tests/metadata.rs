//! What clients are told: the metadata of the resource (RFC 9728) and the challenges (RFC 6750 §3),
//! to the letter.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

mod world;

use std::sync::Arc;

use bailiwick_jose::{Algorithm, Jws, SigningKey, json as strict};
use bailiwick_resource_server::{Binding, Builder, Dpop, LoginRule, Rule, ScopeRule, Scopes};
use http::Request;
use serde_json::{Value, json};
use world::{API, Id, METADATA, NOW, Site, with_bearer};

const PATH: &str = "/.well-known/oauth-protected-resource/orders";
const ROOT: &str = "/.well-known/oauth-protected-resource";
const ALGS: &str = "ES256 ES384 EdDSA RS256 PS256";

fn site(builder: Builder) -> Site {
    Site::new(builder.build().unwrap())
}

async fn document(site: &Site, path: &str) -> Option<Value> {
    let answer = site.send_beside_others(Request::get(path)).await;
    (answer.status == 200).then(|| answer.json())
}

#[tokio::test]
async fn the_document_stands_behind_the_well_known_path() {
    let id = Id::up().await;
    let site = site(id.protect());
    assert_eq!(document(&site, PATH).await.unwrap()["resource"], API);
    for elsewhere in [ROOT, "/orders/.well-known/oauth-protected-resource"] {
        assert_eq!(document(&site, elsewhere).await, None, "{elsewhere}");
    }
}

// RFC 9728 §3.3.
#[tokio::test]
async fn the_document_stands_at_the_root_too_only_where_the_operator_says_so() {
    let id = Id::up().await;
    let site = site(id.protect().metadata_at_root_too());
    let at_path = document(&site, PATH).await.unwrap();
    assert_eq!(document(&site, ROOT).await.unwrap(), at_path);
    assert_eq!(at_path["resource"], API);
    assert_eq!(document(&site, "/.well-known/oauth-protected-resource/other").await, None);
    assert_eq!(document(&site, "/.well-known/oauth-protected-resource/").await, None);
}

#[tokio::test]
async fn every_member_is_what_the_verdict_uses() {
    let id = Id::up().await;
    let plain = document(&site(id.protect()), PATH).await.unwrap();
    let expected = json!({
        "resource": API,
        "authorization_servers": [id.url],
        "bearer_methods_supported": ["header"],
    });
    assert_eq!(plain, expected);
    let told = id.protect().name("Orders").documentation("https://api.example.com/docs");
    let told = told.scopes(["read:orders write:orders", "admin"]);
    let mut expected = expected;
    expected["resource_name"] = "Orders".into();
    expected["resource_documentation"] = "https://api.example.com/docs".into();
    expected["scopes_supported"] = json!(["read:orders", "write:orders", "admin"]);
    let mut told = document(&site(told), PATH).await.unwrap();
    sort(&mut told["scopes_supported"]);
    sort(&mut expected["scopes_supported"]);
    assert_eq!(told, expected);
}

fn sort(list: &mut Value) {
    list.as_array_mut().unwrap().sort_by_key(ToString::to_string);
}

#[tokio::test]
async fn bindings_are_told_of() {
    let id = Id::up().await;
    let algs: Vec<&str> = Algorithm::ALL.iter().map(|algorithm| algorithm.name()).collect();
    let members = [
        "dpop_signing_alg_values_supported",
        "dpop_bound_access_tokens_required",
        "tls_client_certificate_bound_access_tokens",
    ];
    let cases = [
        (id.protect(), [None, None, None]),
        (id.protect().dpop(Dpop::new().offered()), [Some(json!(algs)), None, None]),
        (id.protect().binding(Binding::Dpop), [Some(json!(algs)), Some(json!(true)), None]),
        (id.protect().binding(Binding::Either), [Some(json!(algs)), None, None]),
        (id.protect().binding(Binding::Certificate), [None, None, Some(json!(true))]),
    ];
    for (at, (builder, expected)) in cases.into_iter().enumerate() {
        let document = document(&site(builder), PATH).await.unwrap();
        let found = members.map(|member| document.get(member).cloned());
        assert_eq!(found, expected, "case {at}");
    }
}

// RFC 9728 §2.2.
#[tokio::test]
async fn signed_metadata_says_the_same_under_a_signature() {
    let id = Id::up().await;
    let key = Arc::new(SigningKey::generate(Algorithm::Es256).unwrap());
    let place = "https://api.example.com/keys";
    let site = site(id.protect().name("Orders").signed_metadata(Arc::clone(&key), place));
    let mut document = document(&site, PATH).await.unwrap();
    let signed = document.as_object_mut().unwrap().remove("signed_metadata").unwrap();
    assert_eq!(document["jwks_uri"], place);
    let jws = Jws::parse(signed.as_str().unwrap()).unwrap();
    assert_eq!(jws.header().kid.as_deref(), Some(key.kid()));
    let payload = jws.verify(key.verifying_key()).unwrap().payload;
    document["iss"] = API.into();
    assert_eq!(Value::Object(strict::parse_object(&payload).unwrap()), document);
    let other = SigningKey::generate(Algorithm::Es256).unwrap();
    let jws = Jws::parse(signed.as_str().unwrap()).unwrap();
    assert!(jws.verify(other.verifying_key()).is_err());
    // It is no access token, though it is signed and has an issuer.
    site.bearer(signed.as_str().unwrap()).await.is(401, "issuer_mismatch");
}

#[tokio::test]
async fn browsers_of_every_origin_may_read_it() {
    let id = Id::up().await;
    let site = site(id.protect());
    let from = |request: http::request::Builder| request.header("origin", "https://app.example");
    let get = site.send_beside_others(from(Request::get(PATH))).await;
    assert_eq!(get.headers["access-control-allow-origin"], "*");
    assert_eq!(get.headers["content-type"], "application/json");
    assert_eq!(get.headers["cache-control"], "public, max-age=300");
    let preflight = from(Request::options(PATH))
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "mcp-protocol-version");
    let preflight = site.send_beside_others(preflight).await;
    assert_eq!(preflight.status, 204);
    for (name, value) in [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", "GET, HEAD, OPTIONS"),
        ("access-control-allow-headers", "*"),
    ] {
        assert_eq!(preflight.headers[name], value);
    }
    let head = site.send_beside_others(from(Request::head(PATH))).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_eq!(head.headers["content-length"], get.body.len().to_string());
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let request = Request::builder().method(method).uri(PATH);
        let answer = site.send_beside_others(request).await;
        assert_eq!(answer.status, 405);
        assert_eq!(answer.headers["allow"], "GET, HEAD, OPTIONS");
    }
}

#[tokio::test]
async fn a_server_without_a_router_answers_itself() {
    let id = Id::up().await;
    let api = id.protect().build().unwrap();
    let answer = |method: &str, uri: &str| {
        let answer = api.metadata_response(&method.parse().unwrap(), &uri.parse().unwrap())?;
        Some((answer.status().as_u16(), answer.body().len()))
    };
    let length = api.metadata_document().len();
    assert_eq!(answer("GET", PATH), Some((200, length)));
    assert_eq!(answer("GET", &format!("{PATH}?x=1")), Some((200, length)));
    assert_eq!(answer("HEAD", PATH), Some((200, 0)));
    assert_eq!(answer("POST", PATH), Some((405, 0)));
    for elsewhere in [ROOT, "/", "/orders", "/.well-known/oauth-protected-resource/orders/"] {
        assert_eq!(answer("GET", elsewhere), None);
    }
}

/// All values of `WWW-Authenticate` for a request.
async fn told(site: &Site, request: http::request::Builder) -> Vec<String> {
    let answer = site.send(request).await;
    answer.challenges().into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn challenges_are_written_to_the_letter() {
    let id = Id::up().await;
    let metadata = format!("resource_metadata=\"{METADATA}\"");
    let bare = || Request::get("/orders");
    let open = site(id.protect());
    assert_eq!(told(&open, bare()).await, [format!("Bearer {metadata}")]);
    let basic = bare().header("authorization", "Basic eDp5");
    assert_eq!(told(&open, basic).await, [format!("Bearer {metadata}")]);
    let expired = with_bearer("/orders", &id.token(json!({ "exp": NOW - 60 })));
    let expected = format!(
        "Bearer error=\"invalid_token\", error_description=\"the token expired 60 s ago\", {metadata}"
    );
    assert_eq!(told(&open, expired).await, [expected]);
    let query = Request::get("/orders?access_token=x");
    let expected = format!(
        "Bearer error=\"invalid_request\", error_description=\"a token in the query is not \
         accepted; send it as 'Authorization: Bearer'\", {metadata}"
    );
    assert_eq!(told(&open, query).await, [expected]);
    let narrow = with_bearer("/write", &id.token(json!({})));
    let expected = format!(
        "Bearer error=\"insufficient_scope\", error_description=\"the token lacks the scope for \
         this; it needs: write:orders\", scope=\"write:orders\", {metadata}"
    );
    assert_eq!(told(&open, narrow).await, [expected]);
}

#[tokio::test]
async fn a_route_names_its_scope_and_bearer_comes_before_dpop() {
    let id = Id::up().await;
    let metadata = format!("resource_metadata=\"{METADATA}\"");
    let rule = Rule::from(ScopeRule::AllOf(Scopes::parse("read:orders").unwrap()));
    let site = |builder: Builder| Site::ruled(builder.build().unwrap(), rule.clone());
    let bearer = format!("Bearer scope=\"read:orders\", {metadata}");
    let dpop = format!("DPoP scope=\"read:orders\", algs=\"{ALGS}\", {metadata}");
    let bare = || Request::get("/orders");
    let (plain, offered, required) = (
        site(id.protect()),
        site(id.protect().dpop(Dpop::new().offered())),
        site(id.protect().binding(Binding::Dpop)),
    );
    assert_eq!(told(&plain, bare()).await, [&*bearer]);
    assert_eq!(sorted(&told(&offered, bare()).await), sorted(&[bearer, dpop.clone()]));
    assert_eq!(sorted(&told(&required, bare()).await), sorted(&[dpop]));
}

/// The challenges with the algorithms in one order: which one stands first is nobody's business.
fn sorted(challenges: &[String]) -> Vec<String> {
    let sort = |challenge: &String| {
        let Some((before, rest)) = challenge.split_once("algs=\"") else {
            return challenge.clone();
        };
        let (algs, after) = rest.split_once('"').unwrap();
        let mut algs: Vec<_> = algs.split(' ').collect();
        algs.sort_unstable();
        format!("{before}algs=\"{}\"{after}", algs.join(" "))
    };
    challenges.iter().map(sort).collect()
}

// RFC 9470 §3.
#[tokio::test]
async fn a_login_that_will_not_do_is_challenged_with_one_that_will() {
    let id = Id::up().await;
    let login =
        LoginRule { acr_values: vec!["urn:mfa".into(), "urn:key".into()], max_age: Some(300) };
    let site = Site::ruled(id.protect().build().unwrap(), Rule { login, ..Rule::ANY_TOKEN });
    let wants = "acr_values=\"urn:mfa urn:key\", max_age=\"300\"";
    let weak = with_bearer("/orders", &id.token(json!({ "acr": "urn:pwd", "auth_time": NOW })));
    let expected = format!(
        "Bearer error=\"insufficient_user_authentication\", error_description=\"a stronger login \
         is needed\", {wants}, resource_metadata=\"{METADATA}\""
    );
    assert_eq!(told(&site, weak).await, [expected]);
    let old = id.token(json!({ "acr": "urn:key", "auth_time": NOW - 311 }));
    let expected = format!(
        "Bearer error=\"insufficient_user_authentication\", error_description=\"a more recent \
         login is needed\", {wants}, resource_metadata=\"{METADATA}\""
    );
    assert_eq!(told(&site, with_bearer("/orders", &old)).await, [expected]);
}

#[tokio::test]
async fn scripts_may_read_the_challenge_and_nobody_keeps_it() {
    let id = Id::up().await;
    let answer = site(id.protect()).send(Request::get("/orders")).await;
    answer.is(401, "no_credentials");
    assert_eq!(answer.headers["access-control-expose-headers"], "WWW-Authenticate, DPoP-Nonce");
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert!(answer.body.is_empty());
}
