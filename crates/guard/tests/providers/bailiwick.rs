//! Ours.

use bailiwick_guard::Provider;

use crate::world::{World, says};

#[test]
fn our_token_passes() {
    let world = World::new(Provider::bailiwick("https://id.example.com"), &[]);
    let permit = world.passes(&fixture!("bailiwick/access.json"));
    says(&permit, "alice", Some("shop"), "read:orders", &[]);
}
