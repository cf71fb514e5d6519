//! Introspection (RFC 7662 §2): signed answers (RFC 9701), how APIs authenticate, which tokens are
//! looked up at all.

use axum::body::Body;
use bailiwick_fetch::{ClientAuthentication, Fetcher, Introspector, IssuerKeys, KeySettings};
use bailiwick_jose::{Algorithm, Jwks, Jws, SigningKey};
use bailiwick_oauth::credentials::{JWT_BEARER, basic_header};
use bailiwick_oauth::{ClientId, Issuer, Secret, form};
use bailiwick_resource_server::{Builder, Lookup, Resource};
use http::{Request, StatusCode};
use serde_json::{Value, json};

use super::browser::Browser;
use super::live::{Live, MACHINE, call, protected};
use super::server::{
    ANOTHER, API, Answer, CONFIG, FILES, ISSUER, OF_API, OF_FILES, SECRET, START, Server, robot,
};

const NOTES: &str = "https://notes.example.com";

/// An API whose answers are always signed, with opaque tokens and a key of its own.
fn notes(key: &SigningKey) -> String {
    let jwk = key.verifying_key().to_jwk();
    let members = jwk.as_object().unwrap().iter().map(|(name, value)| format!("{name} = {value}"));
    let members = members.collect::<Vec<_>>().join(", ");
    format!(
        "{CONFIG}{MACHINE}\n[[resource]]\nidentifier = \"{NOTES}\"\nname = \"Notes\"\n\
         format = \"opaque\"\nintrospection_signing = \"ES256\"\n\
         introspection_jwks = {{ keys = [{{ {members} }}] }}\n\
         scopes = {{ read = {{ description = \"Read them\", default = true }} }}\n"
    )
}

/// What the machine gets for an API.
async fn issued(server: &Server, resource: &str, scope: &str) -> String {
    let pairs = [("grant_type", "client_credentials"), ("resource", resource), ("scope", scope)];
    server.post_as("warehouse", SECRET, "/token", &pairs).await.text("access_token")
}

async fn accepting(server: &Server, accept: &str, token: &str) -> Answer {
    let header = basic_header(&ClientId::parse(API).unwrap(), &Secret::new(OF_API));
    let request = Request::post("/introspect")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", accept)
        .header("authorization", header);
    server.send(request.body(Body::from(form::encode([("token", token)]))).unwrap()).await
}

async fn verified(server: &Server, token: &str) -> Value {
    let keys = Jwks::parse(server.get("/jwks").await.body.as_bytes()).unwrap();
    let jws = Jws::parse(token).unwrap();
    assert!(jws.header().is_type("token-introspection+jwt"), "{token}");
    let key = keys.find(jws.header().kid.as_deref(), jws.algorithm().unwrap()).unwrap();
    serde_json::from_slice(&jws.verify(key).unwrap().payload).unwrap()
}

// RFC 9701 §4, §5.
#[tokio::test]
async fn an_answer_is_signed_where_that_is_asked_for() {
    let server = Server::new().await;
    let token = issued(&server, API, "read").await;
    for accept in [
        "application/token-introspection+jwt",
        "application/json;q=0.1, Application/Token-Introspection+JWT; q=0.9",
    ] {
        let answer = accepting(&server, accept, &token).await;
        assert_eq!(answer.header("content-type"), "application/token-introspection+jwt");
        assert_eq!(answer.header("cache-control"), "no-store");
        let claims = verified(&server, &answer.body).await;
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(ISSUER), &json!(API)));
        assert_eq!(claims["iat"], START);
        // It must not be taken for a token, should a reader forget the type (RFC 9701 §8.1).
        assert!(claims.get("sub").is_none() && claims.get("exp").is_none(), "{claims}");
        assert_eq!(claims["token_introspection"]["scope"], "read");
        assert_eq!(claims["token_introspection"]["active"], true);
    }
    for accept in ["application/json", "*/*", "text/application/token-introspection+jwt"] {
        let answer = accepting(&server, accept, &token).await;
        assert_eq!(answer.header("content-type"), "application/json", "{accept}");
        assert_eq!(answer.json()["token_type"], "Bearer");
    }
    let other = issued(&server, FILES, "list").await;
    let answer = accepting(&server, "application/token-introspection+jwt", &other).await;
    let claims = verified(&server, &answer.body).await;
    assert_eq!(claims["token_introspection"], json!({ "active": false }));
}

#[tokio::test]
async fn an_api_may_be_registered_for_signed_answers_and_authenticate_with_its_key() {
    let key = std::sync::Arc::new(SigningKey::generate(Algorithm::EdDsa).unwrap());
    let live = Live::new(&notes(&key)).await;
    let token = live.token(NOTES).await;
    let issuer = Issuer::parse(&live.issuer).unwrap();
    let client_id = ClientId::parse(NOTES).unwrap();
    let fetcher = Fetcher::builder().build().unwrap();
    let keys = IssuerKeys::new(issuer.clone(), fetcher.clone(), KeySettings::default());
    let ask = |audience: &str| {
        let id =
            ClientAuthentication::PrivateKeyJwt { client_id: client_id.clone(), key: key.clone() };
        let introspector = Introspector::new(issuer.clone(), id, fetcher.clone());
        let introspector = introspector.require_signed(audience, keys.clone());
        let lookup = Lookup::introspection(introspector);
        let resource = Resource::parse(NOTES).unwrap();
        protected(Builder::looking_up(lookup, resource).clock(|| START))
    };
    assert_eq!(call(&ask(NOTES), &token).await, StatusCode::OK);
    assert_eq!(call(&ask(NOTES), "rubbish").await, StatusCode::UNAUTHORIZED);
    let answer = call(&ask("https://other.example.com"), &token).await;
    assert_eq!(answer, StatusCode::SERVICE_UNAVAILABLE, "an answer for somebody else is none");
}

#[tokio::test]
async fn an_assertion_of_an_api_is_good_once_and_a_clients_is_none() {
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let server = Server::with(ISSUER, &notes(&key)).await;
    let signed = |key: &SigningKey, name: &str| {
        let claims = json!({
            "iss": name, "sub": name, "aud": ISSUER, "jti": "1", "exp": START + 60,
        });
        key.sign_json("JWT", &claims).unwrap()
    };
    let ask = async |assertion: &str| {
        let pairs = [
            ("token", "x"),
            ("client_assertion", assertion),
            ("client_assertion_type", JWT_BEARER),
        ];
        server.post("/introspect", &pairs).await
    };
    let own = signed(&key, NOTES);
    assert_eq!(ask(&own).await.header("content-type"), "application/token-introspection+jwt");
    ask(&own).await.expect(401, "invalid_client");
    ask(&signed(robot(), "robot")).await.expect(401, "invalid_client");
    ask(&signed(robot(), NOTES)).await.expect(401, "invalid_client");
    ask(&signed(&key, API)).await.expect(401, "invalid_client");
}

//= https://www.rfc-editor.org/rfc/rfc7662#section-4
//= type=test
//# If left unprotected and un-throttled, the introspection endpoint
//# could present a means for an attacker to poll a series of possible
//# token values, fishing for a valid token.
#[tokio::test]
async fn refresh_tokens_codes_and_id_tokens_concern_no_api() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let asked = [("scope", "openid offline_access read"), ("resource", API), ("resource", ANOTHER)];
    let code = browser.code(&asked).await;
    let spare = browser.code(&asked).await;
    let answer = server.redeem(&code, &[("resource", API)]).await;
    let userinfo = server.refresh(&answer.text("refresh_token"), &[]).await;
    for token in [
        answer.text("refresh_token"),
        answer.text("id_token"),
        userinfo.text("access_token"),
        code,
        spare,
    ] {
        let answer = server.post_as(API, OF_API, "/introspect", &[("token", &token)]).await;
        assert_eq!(answer.json(), json!({ "active": false }));
    }
    let token = answer.text("access_token");
    let answer = server.post_as(API, OF_API, "/introspect", &[("token", &token)]).await;
    assert_eq!(answer.json()["active"], true);
    assert_eq!(answer.json()["auth_time"], START);
    assert_eq!(answer.json()["client_id"], "shop");
}

#[tokio::test]
async fn a_truncated_or_padded_opaque_token_is_nothing() {
    let server = Server::new().await;
    let token = issued(&server, FILES, "list").await;
    let active = async |token: &str| {
        let answer = server.post_as(FILES, OF_FILES, "/introspect", &[("token", token)]).await;
        answer.json()["active"] == true
    };
    let changed = [
        token[..token.len() - 1].to_owned(),
        token[1..].to_owned(),
        format!("{token}A"),
        format!("{token}="),
        format!("{token} "),
        format!(" {token}"),
        format!("{token}\0"),
        format!("{token}{token}"),
        token.to_ascii_uppercase(),
        token.to_ascii_lowercase(),
    ];
    for other in &changed {
        assert!(!active(other).await, "{other:?}");
        let pairs = [("token", other.as_str())];
        let answer = server.post_as("warehouse", SECRET, "/revoke", &pairs).await;
        assert_eq!(answer.status, 200, "RFC 7009 §2.2");
    }
    assert!(active(&token).await, "and revoking those revoked nothing");
}
