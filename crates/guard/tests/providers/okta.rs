//! Okta: a custom authorization server.

use bailiwick_guard::Provider;

use crate::world::{World, says};

fn world() -> World {
    World::new(Provider::okta("tenant.okta.com", "default"), &["api://orders"])
}

#[test]
fn the_subject_is_the_users_id_rather_than_the_login() {
    let client = Some("0oabv6kx4qq6h1U5l0h7");
    let permit = world().passes(&fixture!("okta/access.json"));
    says(&permit, "00uk1u7AsAk6dZL3z0g3", client, "openid read:orders", &["clerks"]);
    let permit = world().passes(&fixture!("okta/client.json"));
    says(&permit, "0oabv6kx4qq6h1U5l0h7", client, "read:orders", &[]);
}

#[test]
fn a_token_of_the_org_authorization_server_is_refused() {
    let token = fixture!("okta/access.json").with("iss", "https://tenant.okta.com");
    world().refuses(&token, "issuer_mismatch");
}

#[test]
fn another_version_or_form_is_refused() {
    let token = fixture!("okta/access.json");
    world().refuses(&token.clone().with("ver", 2), "type_mismatch");
    world().refuses(&token.clone().with("ver", "1"), "type_mismatch");
    world().refuses(&token.with("scp", "openid read:orders"), "claim_malformed");
}
