//! PingOne: marked and unmarked tokens.

use bailiwick_guard::Provider;

use crate::world::{World, says};

const ISSUER: &str = "https://auth.pingone.eu/2f1b6f4e-3c55-4a57-9f39-0d5b6f1c7a10/as";
const CLIENT: &str = "6d6e7f80-9a0b-4c1d-8e2f-3a4b5c6d7e8f";

#[test]
fn a_users_token_and_a_clients_pass() {
    let world = World::new(Provider::pingone(ISSUER), &[]);
    let permit = world.passes(&fixture!("pingone/access.json"));
    let user = "9e8d7c6b-5a49-4382-8170-6f5e4d3c2b1a";
    says(&permit, user, Some(CLIENT), "openid read:orders", &[]);
    let permit = world.passes(&fixture!("pingone/client.json"));
    says(&permit, CLIENT, Some(CLIENT), "read:orders", &[]);
}

#[test]
fn another_environment_is_another_issuer() {
    let other = "https://auth.pingone.eu/00000000-3c55-4a57-9f39-0d5b6f1c7a10/as";
    let world = World::new(Provider::pingone(other), &[]);
    world.refuses(&fixture!("pingone/access.json"), "issuer_mismatch");
}

#[test]
fn once_all_tokens_are_marked_the_others_can_be_refused() {
    let world = World::new(Provider::pingone(ISSUER).map(Provider::marked), &[]);
    world.passes(&fixture!("pingone/client.json"));
    world.refuses(&fixture!("pingone/access.json"), "type_mismatch");
}
