//! Logto: tokens for APIs, clients and organisations.

use bailiwick_guard::Provider;

use crate::world::{World, says};

fn world() -> World {
    World::new(Provider::logto("https://tenant.logto.app"), &[])
}

#[test]
fn a_token_for_the_api_passes() {
    let permit = world().passes(&fixture!("logto/access.json"));
    says(&permit, "foo123user", Some("app456"), "read:orders", &[]);
    let permit = world().passes(&fixture!("logto/client.json"));
    says(&permit, "m2m789", Some("m2m789"), "read:orders", &[]);
}

#[test]
fn a_token_for_an_organisation_is_refused() {
    world().refuses(&fixture!("logto/organization.json"), "audience_mismatch");
}

#[test]
fn a_token_that_is_not_marked_is_refused() {
    world().refuses(&fixture!("logto/access.json").headed("typ", "JWT"), "type_mismatch");
}
