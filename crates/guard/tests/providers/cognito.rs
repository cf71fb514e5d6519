//! Amazon Cognito: no audience, so the client must be the API's own.

use bailiwick_guard::Provider;

use crate::world::{API, World, says};

fn world(own_clients: &[&str]) -> World {
    World::new(Provider::cognito("eu-west-1", "eu-west-1_Ab12Cd34E"), &[]).own_clients(own_clients)
}

#[test]
fn a_token_of_an_own_client_passes() {
    let own = world(&["7h5m2k1q9example", "1example23456789"]);
    let user = "b2c4f6a8-1d3e-4f50-8a6b-7c8d9e0f1a2b";
    let permit = own.passes(&fixture!("cognito/access.json"));
    says(&permit, user, Some("7h5m2k1q9example"), "openid orders/read", &["clerks"]);
    let permit = own.passes(&fixture!("cognito/client.json"));
    says(&permit, "1example23456789", Some("1example23456789"), "orders/read", &[]);
}

#[test]
fn a_token_of_another_client_of_the_pool_is_refused() {
    let token = fixture!("cognito/access.json");
    world(&["1example23456789"]).refuses(&token, "audience_mismatch");
    world(&[]).refuses(&token, "audience_mismatch");
}

#[test]
fn an_audience_that_is_there_counts() {
    let token = fixture!("cognito/access.json");
    let own = world(&["7h5m2k1q9example"]);
    own.refuses(&token.clone().with("aud", "https://api.example.com/other"), "audience_mismatch");
    world(&[]).passes(&token.with("aud", API));
}

#[test]
fn a_token_that_does_not_say_access_is_refused() {
    let token = fixture!("cognito/access.json");
    let own = world(&["7h5m2k1q9example"]);
    own.refuses(&token.clone().without("token_use"), "type_mismatch");
    own.refuses(&token.clone().with("token_use", "id"), "type_mismatch");
    own.refuses(&token.with("token_use", serde_json::json!(["access"])), "type_mismatch");
}

#[test]
fn another_pool_is_another_issuer() {
    let other = World::new(Provider::cognito("eu-west-1", "eu-west-1_Zz99Yy88X"), &[])
        .own_clients(&["7h5m2k1q9example"]);
    other.refuses(&fixture!("cognito/access.json"), "issuer_mismatch");
    assert!(Provider::cognito("us-east-1", "eu-west-1_Ab12Cd34E").is_err());
}
