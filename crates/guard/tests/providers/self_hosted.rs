//! Authelia, authentik and Kanidm.

use bailiwick_guard::Provider;

use crate::world::{World, says};

#[test]
fn authelia_lists_its_scopes() {
    let world = World::new(Provider::authelia("https://auth.example.com"), &[]);
    let token = fixture!("authelia/access.json");
    let user = "9c8b7a69-5847-4362-8150-4f3e2d1c0ba9";
    says(&world.passes(&token), user, Some("shop"), "openid read_orders", &[]);
    world.refuses(&token.clone().with("aud", "shop"), "audience_mismatch");
    world.refuses(&token.with("scp", "openid read_orders"), "claim_malformed");
}

#[test]
fn authentik_says_only_by_two_claims_that_it_is_an_access_token() {
    let issuer = "https://id.example.com/application/o/shop/";
    let world = World::new(Provider::authentik(issuer), &["Yq1shop"]);
    let token = fixture!("authentik/access.json");
    let user = "8f14e45fceea167a5a36dedd4bea2543";
    says(&world.passes(&token), user, Some("Yq1shop"), "openid read:orders", &["clerks"]);
    world.refuses(&token.clone().without("uid"), "claim_missing");
    world.refuses(&token.clone().without("azp"), "claim_missing");
    world.refuses(&token.clone().with("at_hash", "Vt0Qk2"), "type_mismatch");
    let other = "https://id.example.com/application/o/other/";
    world.refuses(&token.with("iss", other), "issuer_mismatch");
}

#[test]
fn kanidm_has_an_issuer_for_each_client() {
    let issuer = "https://idm.example.com/oauth2/openid/shop";
    let world = World::new(Provider::kanidm(issuer), &["shop"]);
    let token = fixture!("kanidm/access.json");
    let user = "d2b1c0f9-8e7d-4c6b-a5f4-3e2d1c0b9a88";
    says(&world.passes(&token), user, Some("shop"), "openid read_orders", &[]);
    world.passes(&token.clone().without("jti")); // earlier versions
    let other = "https://idm.example.com/oauth2/openid/other";
    world.refuses(&token.with("iss", other), "issuer_mismatch");
}
