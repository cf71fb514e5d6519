//! Rich authorization requests (RFC 9396), from the request to the API.

use bailiwick_guard::rule::DetailRule;
use bailiwick_jose::json::Object;
use bailiwick_oauth::{Resource, details};
use serde_json::{Value, json};

use super::browser::{Browser, parameter, request};
use super::server::{ANOTHER, API, Answer, CALLBACK, CONFIG, ISSUER, SECRET, Server, VERIFIER};

const BANK: &str = "https://bank.example.com";
const VAULT: &str = "https://vault.example.com";
const OF_BANK: &str = "a-secret-of-the-warehouse-0123456789abcdef";

const MORE: &str = r#"
[[resource]]
identifier = "https://bank.example.com"
name = "Bank"
scopes = { balance = "See your balance" }
introspection_secret = { env = "WAREHOUSE" }
[resource.authorization_details.payment]
description = "Make a payment"
schema = { type = "object", required = ["amount"], properties = { type = true, locations = true, to = true, amount = { type = "integer", maximum = 100 } }, additionalProperties = false }
[[resource]]
identifier = "https://vault.example.com"
name = "Vault"
format = "opaque"
introspection_secret = { env = "FILES" }
[resource.authorization_details.payment]
description = "Move gold"
schema = { type = "object" }
[resource.authorization_details.opening]
description = "Open the vault"
schema = { type = "object" }
[[client]]
id = "payer"
name = "Payer"
authentication = "none"
redirect_uris = ["https://shop.example.com/cb"]
refresh_tokens = "always"
authorization_details_types = ["payment", "opening"]
scopes = ["openid"]
resources = { "*" = "*" }
[[client]]
id = "machine"
name = "Machine"
authentication = "client_secret_post"
secret = { env = "WAREHOUSE" }
grants = ["client_credentials"]
authorization_details_types = ["payment"]
resources = { "https://bank.example.com" = "*", "https://api.example.com" = ["read"] }
"#;

async fn server() -> Server {
    Server::with(ISSUER, &format!("{CONFIG}{MORE}")).await
}

fn payment(amount: i64) -> Value {
    json!({ "type": "payment", "amount": amount, "to": "<b>DE02</b>" })
}

fn of_payer<'p>(more: &[(&'p str, &'p str)]) -> Vec<(&'p str, &'p str)> {
    let mut pairs = request(more);
    pairs.retain(|(name, _)| *name != "client_id");
    pairs.push(("client_id", "payer"));
    pairs
}

async fn page(browser: &mut Browser<'_>, more: &[(&str, &str)]) -> Answer {
    let answer = browser.open("/authorize", &of_payer(more)).await;
    if answer.body.contains("name=\"password\"") {
        return browser.sign_in(&answer, "ada").await;
    }
    answer
}

async fn token(server: &Server, grant: &[(&str, &str)], more: &[(&str, &str)]) -> Answer {
    let mut pairs =
        vec![("client_id", "payer"), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
    pairs.extend(grant);
    pairs.extend(more);
    server.post("/token", &pairs).await
}

#[tokio::test]
async fn a_detail_goes_from_the_request_to_the_api_that_it_is_for() {
    let server = server().await;
    let mut browser = Browser::new(&server);
    let list = json!([payment(7), { "type": "opening", "locations": [VAULT] }]).to_string();
    let asked = [("resource", BANK), ("authorization_details", &*list)];
    let page = page(&mut browser, &asked).await;
    for shown in ["Make a payment", "amount", ">7<", "Open the vault", "Bank", "Vault"] {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
    assert!(page.body.contains("DE02") && !page.body.contains("<b>DE02"), "{}", page.body);
    let code = parameter(&browser.allow(&page).await, "code");
    let code = [("grant_type", "authorization_code"), ("code", &*code)];

    let wrong = json!([payment(8)]).to_string();
    let narrowed = [("resource", BANK), ("authorization_details", &*wrong)];
    token(&server, &code, &narrowed).await.expect(400, "invalid_authorization_details");
    let tokens = token(&server, &code, &[("resource", BANK)]).await;
    assert_eq!(tokens.status, 200, "a refused detail consumes nothing: {}", tokens.body);
    assert_eq!(tokens.json()["authorization_details"], json!([payment(7)]));
    assert_eq!(tokens.json()["scope"], "");
    let claims = tokens.claims();
    assert_eq!(
        (&claims["aud"], &claims["authorization_details"]),
        (&json!(BANK), &json!([payment(7)]))
    );
    let asked = [("token", tokens.text("access_token"))];
    let asked = [(asked[0].0, &*asked[0].1)];
    let seen = server.post_as(BANK, OF_BANK, "/introspect", &asked).await;
    assert_eq!(seen.json()["authorization_details"], json!([payment(7)]));

    // What guards the API reads the very list, and asks for one in it.
    let held = Object::parse(claims.to_string().into_bytes()).unwrap();
    let held = details::parse(&held.value("authorization_details").unwrap()).unwrap();
    let rule = |kind: &str| DetailRule { kind: kind.to_owned(), ..DetailRule::default() };
    let bank = Resource::parse(BANK).unwrap();
    assert!(rule("payment").check(&held, &bank).is_ok());
    assert!(rule("opening").check(&held, &bank).is_err());

    // A refresh keeps them, for each API its own.
    let refresh = tokens.text("refresh_token");
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", &*refresh)];
    let vault = token(&server, &refresh, &[("resource", VAULT)]).await;
    let opening = json!([{ "type": "opening", "locations": [VAULT] }]);
    assert_eq!(vault.json()["authorization_details"], opening);
    let refresh = vault.text("refresh_token");
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", &*refresh)];
    let bank = token(&server, &refresh, &[("resource", BANK)]).await;
    assert_eq!(bank.json()["authorization_details"], json!([payment(7)]));
    let refresh = bank.text("refresh_token");
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", &*refresh)];
    token(&server, &refresh, &[("resource", API)]).await.expect(400, "invalid_target");
}

#[tokio::test]
async fn a_detail_is_asked_each_time() {
    let server = server().await;
    let mut browser = Browser::new(&server);
    let list = json!([payment(1)]).to_string();
    let asked = [("resource", BANK), ("authorization_details", &*list), ("scope", "balance")];
    for _ in 0..2 {
        let page = page(&mut browser, &asked).await;
        assert!(page.body.contains("Make a payment"), "{}", page.body);
        assert!(!parameter(&browser.allow(&page).await, "code").is_empty());
    }
    let silent = [asked[0], asked[1], asked[2], ("prompt", "none")];
    let answer = browser.open("/authorize", &of_payer(&silent)).await;
    assert_eq!(parameter(&answer, "error"), "consent_required");
    let page = page(&mut browser, &asked).await;
    let answer = browser.answer(&page, "deny", &[]).await;
    assert_eq!(parameter(&answer, "error"), "access_denied");
}

#[tokio::test]
async fn a_narrower_token_has_some_of_the_details() {
    let server = server().await;
    let mut browser = Browser::new(&server);
    let list = json!([payment(1), payment(2)]).to_string();
    let page = page(&mut browser, &[("resource", BANK), ("authorization_details", &*list)]).await;
    let code = parameter(&browser.allow(&page).await, "code");
    let code = [("grant_type", "authorization_code"), ("code", &*code)];
    token(&server, &code, &[("authorization_details", "[]")]).await.expect(400, "invalid_scope");
    let one = json!([payment(2)]).to_string();
    let tokens = token(&server, &code, &[("authorization_details", &*one)]).await;
    assert_eq!(tokens.claims()["authorization_details"], json!([payment(2)]));
    // The grant keeps both.
    let refresh = tokens.text("refresh_token");
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", &*refresh)];
    let tokens = token(&server, &refresh, &[]).await;
    assert_eq!(tokens.claims()["authorization_details"], json!([payment(1), payment(2)]));
}

#[tokio::test]
async fn what_is_no_detail_of_the_clients_is_refused() {
    let server = server().await;
    let mut browser = Browser::new(&server);
    let deep = format!("[{{\"type\":\"opening\",\"x\":{}{}}}]", "[".repeat(99), "]".repeat(99));
    let many = Value::Array(vec![json!({ "type": "opening" }); 65]).to_string();
    let bad = [
        "payment",
        "{}",
        "[{}]",
        r#"[{"type":"payment","amount":1,"amount":2}]"#,
        r#"[{"type":"payment","amount":101}]"#,
        r#"[{"type":"payment","amount":1,"extra":1}]"#,
        r#"[{"type":"opening"}]"#,
        r#"[{"type":"unknown"}]"#,
        r#"[{"type":"payment","amount":1,"locations":["https://unknown.example"]}]"#,
        &deep,
        &many,
    ];
    for list in bad {
        let asked = [("resource", BANK), ("authorization_details", list)];
        let answer = browser.open("/authorize", &of_payer(&asked)).await;
        assert_eq!(parameter(&answer, "error"), "invalid_authorization_details", "{list}");
        server.post("/par", &of_payer(&asked)).await.expect(400, "invalid_authorization_details");
    }
    // A client without the type, however the API defines it.
    let list = json!([payment(1)]).to_string();
    let answer = browser.authorize(&[("resource", BANK), ("authorization_details", &*list)]).await;
    assert_eq!(parameter(&answer, "error"), "invalid_authorization_details");
    let pushed = [("resource", BANK), ("authorization_details", &*list)];
    assert_eq!(server.post("/par", &of_payer(&pushed)).await.status, 201);
    let metadata = server.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata["authorization_details_types_supported"], json!(["opening", "payment"]));
}

#[tokio::test]
async fn a_client_gets_details_on_its_own_behalf() {
    let server = server().await;
    let ask = async |more: &[(&str, &str)]| {
        let mut pairs = vec![
            ("grant_type", "client_credentials"),
            ("client_id", "machine"),
            ("client_secret", SECRET),
        ];
        pairs.extend(more);
        server.post("/token", &pairs).await
    };
    let list = json!([payment(3)]).to_string();
    let details = ("authorization_details", &*list);
    // The only API of its own that defines the type.
    for more in [vec![details], vec![details, ("resource", BANK)]] {
        let tokens = ask(&more).await;
        assert_eq!(tokens.claims()["aud"], BANK, "{}", tokens.body);
        assert_eq!(tokens.claims()["authorization_details"], json!([payment(3)]));
    }
    ask(&[details, ("resource", API)]).await.expect(400, "invalid_authorization_details");
    ask(&[details, ("resource", ANOTHER)]).await.expect(400, "invalid_target");
    let large = json!([payment(101)]).to_string();
    let large = [("authorization_details", &*large)];
    ask(&large).await.expect(400, "invalid_authorization_details");
    let tokens = ask(&[("resource", API), ("scope", "read")]).await;
    assert_eq!(tokens.claims().get("authorization_details"), None);
}
