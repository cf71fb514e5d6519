//! Several issuers on one origin: nothing of one is anything to the other.

use super::browser::{Browser, request, ticket};
use super::server::{CALLBACK, CONFIG, ISSUER, PASSWORD, Server, VERIFIER};

const ACME: &str = "https://id.example.com/acme";

async fn both() -> Server {
    let acme = format!("branding = {{ name = \"Acme & Söhne\", accent = \"#7a1f5c\" }}\n{CONFIG}");
    let acme = Server::with(ACME, &acme).await;
    Server::new().await.beside(vec![(ACME, acme)])
}

/// A browser that is signed in at Acme, and the code that the shop got there.
async fn signed_in(server: &Server) -> (Browser<'_>, String) {
    let mut browser = Browser::new(server);
    let asked = request(&[("scope", "openid profile")]);
    let page = browser.open("/acme/authorize", &asked).await;
    let ticket = ticket(&page);
    let pairs = [("interaction", &*ticket), ("username", "ada"), ("password", PASSWORD)];
    let answer = browser.post("/acme/login", &pairs).await;
    let query = answer.header("location").strip_prefix("/acme/consent?").unwrap().to_owned();
    let ticket = query.strip_prefix("interaction=").unwrap();
    let pairs = [
        ("interaction", ticket),
        ("account", "s-ada"),
        ("decision", "accept"),
        ("permission", "openid"),
        ("permission", "profile"),
    ];
    let answer = browser.post("/acme/consent", &pairs).await;
    let location = answer.header("location").to_owned();
    assert!(location.contains("iss=https%3A%2F%2Fid.example.com%2Facme"), "{location}");
    let code = location.split(['?', '&']).find_map(|pair| pair.strip_prefix("code=")).unwrap();
    (browser, code.to_owned())
}

fn redemption(code: &str) -> [(&str, &str); 5] {
    [
        ("grant_type", "authorization_code"),
        ("client_id", "shop"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

#[tokio::test]
async fn each_issuer_answers_for_itself() {
    let server = both().await;
    for (place, issuer) in [
        ("/.well-known/oauth-authorization-server", ISSUER),
        ("/.well-known/openid-configuration", ISSUER),
        ("/.well-known/oauth-authorization-server/acme", ACME),
        ("/.well-known/openid-configuration/acme", ACME),
        ("/acme/.well-known/openid-configuration", ACME),
    ] {
        let answer = server.get(place).await;
        assert_eq!(answer.text("issuer"), issuer, "{place}");
        assert_eq!(answer.text("token_endpoint"), format!("{issuer}/token"), "{place}");
    }
    assert_eq!(server.get("/jwks").await.status, 200);
    assert_eq!(server.get("/acme/jwks").await.status, 200);
    for nobody in ["/acmes/jwks", "/acme", "/other/jwks", "/.well-known/jwks/acme"] {
        assert_eq!(server.get(nobody).await.status, 404, "{nobody}");
    }
}

#[tokio::test]
async fn a_code_of_one_issuer_is_nothing_to_the_other() {
    let server = both().await;
    let (_, code) = signed_in(&server).await;
    server.post("/token", &redemption(&code)).await.expect(400, "invalid_grant");
    let answer = server.post("/acme/token", &redemption(&code)).await;
    assert_eq!(answer.claims()["iss"], ACME);
}

#[tokio::test]
async fn a_token_of_one_issuer_is_nothing_to_the_other() {
    let server = both().await;
    let (_, code) = signed_in(&server).await;
    let token = server.post("/acme/token", &redemption(&code)).await.text("access_token");
    assert_eq!(server.userinfo(&token).await.status, 401);
    let posted = [("token", &*token)];
    let asked =
        server.post_as("https://api.example.com", super::server::OF_API, "/introspect", &posted);
    assert_eq!(asked.await.json(), serde_json::json!({"active": false}));
}

#[tokio::test]
async fn a_session_at_one_issuer_is_none_at_the_other() {
    let server = both().await;
    let (mut browser, _) = signed_in(&server).await;
    let asked = request(&[("scope", "openid profile"), ("prompt", "none")]);
    let answer = browser.open("/acme/authorize", &asked).await;
    assert!(answer.header("location").contains("code="), "{}", answer.header("location"));
    let answer = browser.open("/authorize", &asked).await;
    assert!(answer.header("location").contains("error=login_required"));
}

#[tokio::test]
async fn the_path_of_an_issuer_is_the_tenant_of_the_v1_endpoints() {
    let server = both().await;
    let (mut browser, _) = signed_in(&server).await;
    let asked = request(&[("resource", "https://graph.example.com"), ("scope", "openid")]);
    let page = browser.open("/acme/oauth2/authorize", &asked).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains("Read your profile"), "{}", page.body);
    assert_eq!(browser.open("/oauth2/authorize", &asked).await.status, 404);
    server.post("/acme/oauth2/token", &redemption("x")).await.expect(400, "invalid_grant");
}

#[tokio::test]
async fn the_pages_of_each_issuer_look_its_own_way() {
    let server = both().await;
    let page =
        Browser::new(&server).open("/acme/authorize", &request(&[("scope", "openid")])).await;
    assert!(page.body.contains("Acme &#38; Söhne"), "{}", page.body);
    let style = page.body.split('"').find(|text| text.ends_with(".css")).unwrap();
    assert!(server.get(style).await.body.contains("--accent: #7a1f5c"));
    let page = Browser::new(&server).open("/authorize", &request(&[("scope", "openid")])).await;
    assert!(!page.body.contains("Acme"));
    let style = page.body.split('"').find(|text| text.ends_with(".css")).unwrap();
    assert!(!server.get(style).await.body.contains("#7a1f5c"));
}
