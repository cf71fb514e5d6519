//! Keycloak: kinds of tokens, and roles of the realm and of clients.

use bailiwick_guard::Provider;

use crate::world::{World, says};

const REALM: &str = "https://id.example.com/realms/shop";
const USER: &str = "f1c2d3e4-a5b6-4788-99aa-bbccddeeff00";

fn world() -> World {
    World::new(Provider::keycloak(REALM), &["orders"])
}

#[test]
fn roles_are_the_realms() {
    let permit = world().passes(&fixture!("keycloak/access.json"));
    let roles = ["offline_access", "clerk"];
    says(&permit, USER, Some("web"), "openid read:orders", &roles);
}

#[test]
fn roles_of_the_api_are_added_and_of_no_other_client() {
    let provider = Provider::keycloak(REALM).map(|provider| provider.with_client_roles("orders"));
    let permit = World::new(provider, &["orders"]).passes(&fixture!("keycloak/access.json"));
    assert_eq!(permit.roles(), ["offline_access", "clerk", "editor"]);
}

#[test]
fn a_clients_name_may_hold_what_a_path_is_made_of() {
    let name = "https://api.example.com/~orders";
    let provider = Provider::keycloak(REALM).map(|provider| provider.with_client_roles(name));
    let access = serde_json::json!({ name: { "roles": ["editor"] } });
    let token = fixture!("keycloak/access.json").with("resource_access", access);
    let permit = World::new(provider, &["orders"]).passes(&token);
    assert_eq!(permit.roles(), ["offline_access", "clerk", "editor"]);
}

#[test]
fn what_does_not_call_itself_an_access_token_is_refused() {
    let token = fixture!("keycloak/access.json");
    for typ in ["ID", "Refresh", "Offline", "Logout", "bearer"] {
        world().refuses(&token.clone().with("typ", typ), "type_mismatch");
    }
    world().refuses(&fixture!("keycloak/logout.json"), "type_mismatch");
    world().passes(&token.clone().with("typ", "DPoP"));
    world().passes(&token.with("nonce", "of an older client"));
}

#[test]
fn a_token_without_audience_mapper_is_refused() {
    let token = fixture!("keycloak/access.json");
    world().refuses(&token.clone().with("aud", "account"), "audience_mismatch");
    world().refuses(&token.without("aud"), "claim_missing");
}

#[test]
fn another_realm_is_another_issuer() {
    let token = fixture!("keycloak/access.json");
    let other = "https://id.example.com/realms/master";
    world().refuses(&token.with("iss", other), "issuer_mismatch");
}

#[test]
fn a_lightweight_token_is_not_taken_for_the_clients() {
    world().refuses(&fixture!("keycloak/access.json").without("sub"), "claim_missing");
}
