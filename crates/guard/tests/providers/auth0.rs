//! Auth0, in both dialects.

use bailiwick_guard::Provider;

use crate::world::{API, World, says};

fn world() -> World {
    World::new(Provider::auth0("tenant.eu.auth0.com"), &[])
}

#[test]
fn a_users_token_has_permissions_for_roles() {
    let permit = world().passes(&fixture!("auth0/access.json"));
    let roles = ["read:orders", "write:orders"];
    let (user, client) = ("auth0|6553da60a54af58e29493993", "K1AUPhZq8mRi0Q0p");
    says(&permit, user, Some(client), "openid read:orders", &roles);
}

#[test]
fn a_clients_token_names_the_client_twice() {
    let permit = world().passes(&fixture!("auth0/client.json"));
    let (subject, client) = ("awZfdIir8YFdGZWkvCej@clients", "awZfdIir8YFdGZWkvCej");
    says(&permit, subject, Some(client), "read:orders", &[]);
}

#[test]
fn the_other_dialect_names_the_client_by_client_id() {
    let world = World::new(Provider::auth0_rfc9068("tenant.eu.auth0.com"), &[]);
    let token = fixture!("auth0-rfc9068/access.json");
    let client = Some("K1AUPhZq8mRi0Q0p");
    let user = "auth0|6553da60a54af58e29493993";
    says(&world.passes(&token), user, client, "openid read:orders", &["read:orders"]);
    world.refuses(&fixture!("auth0/access.json"), "type_mismatch");
}

#[test]
fn an_audience_of_userinfo_alone_is_none_of_ours() {
    let token = fixture!("auth0/access.json");
    let token = token.with("aud", "https://tenant.eu.auth0.com/userinfo");
    world().refuses(&token, "audience_mismatch");
    world().passes(&token.with("aud", API));
}

#[test]
fn the_issuer_has_its_slash() {
    let token = fixture!("auth0/access.json").with("iss", "https://tenant.eu.auth0.com");
    world().refuses(&token, "issuer_mismatch");
}
