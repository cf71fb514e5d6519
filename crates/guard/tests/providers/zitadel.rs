//! ZITADEL, with JWTs and with opaque tokens.

use bailiwick_guard::Provider;
use serde_json::{Value, json};

use crate::world::{World, says};

const DOMAIN: &str = "tenant-a1b2c3.zitadel.cloud";
const PROJECT: &str = "223281939119866113";
const USER: &str = "227366572011061505";

fn world() -> World {
    World::new(Provider::zitadel(DOMAIN), &[PROJECT])
}

#[test]
fn roles_are_the_names_of_members() {
    let permit = world().passes(&fixture!("zitadel/access.json"));
    says(&permit, USER, None, "", &["clerk"]);
}

#[test]
fn roles_of_the_apis_project_can_be_chosen() {
    let provider = Provider::zitadel(DOMAIN).map(|provider| provider.with_project_roles(PROJECT));
    let permit = World::new(provider, &[PROJECT]).passes(&fixture!("zitadel/access.json"));
    assert_eq!(permit.roles(), ["editor"]);
}

#[test]
fn an_opaque_token_is_known_by_its_answer() {
    let answer = include_str!("fixtures/zitadel/introspection.json");
    let mut answer: Value = serde_json::from_str(answer).unwrap();
    let client = Some("222410990435172097@shop");
    says(&world().look_up(&answer).unwrap(), USER, client, "openid profile", &["clerk"]);
    answer["aud"] = json!(["another project"]);
    assert_eq!(world().look_up(&answer).map(drop), Err("audience_mismatch".to_owned()));
}

#[test]
fn an_id_token_for_the_same_project_is_refused() {
    let id = fixture!("zitadel/id.json").without("nonce").without("at_hash");
    assert!(id.claims["aud"].as_array().unwrap().contains(&json!(PROJECT)));
    world().refuses(&id, "claim_missing");
}

#[test]
fn scopes_are_read_as_text_and_as_list() {
    let token = fixture!("zitadel/access.json");
    let list = token.clone().with("scope", json!(["openid", "read"]));
    assert_eq!(world().passes(&list).scopes().to_string(), "openid read");
    let text = token.with("scope", "openid read");
    assert_eq!(world().passes(&text).scopes().to_string(), "openid read");
}
