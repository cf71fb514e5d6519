//! Kubernetes: projected tokens, and what else a cluster signs.

use bailiwick_guard::Provider;

use crate::world::{NOW, World, says};

fn world() -> World {
    World::new(Provider::kubernetes("https://kubernetes.default.svc.cluster.local"), &[])
}

#[test]
fn a_projected_token_names_the_service_account() {
    let permit = world().passes(&fixture!("kubernetes/projected.json"));
    says(&permit, "system:serviceaccount:shop:web", None, "", &[]);
}

#[test]
fn a_token_for_the_api_server_is_refused() {
    world().refuses(&fixture!("kubernetes/api-server.json"), "audience_mismatch");
}

#[test]
fn a_token_of_a_secret_is_refused() {
    let secret = fixture!("kubernetes/secret.json");
    world().refuses(&secret, "issuer_mismatch");
    let iss = "https://kubernetes.default.svc.cluster.local";
    world().refuses(&secret.with("iss", iss), "claim_missing");
}

#[test]
fn what_is_no_service_accounts_token_is_refused() {
    let token = fixture!("kubernetes/projected.json");
    for claim in ["sub", "aud", "iat", "exp", "kubernetes.io"] {
        world().refuses(&token.clone().without(claim), "claim_missing");
    }
    world().refuses(&token.clone().with("nonce", "n"), "type_mismatch");
    world().refuses(&token.clone().headed("typ", "dpop+jwt"), "type_mismatch");
    world().refuses_text(&token.forged(), &token, "signature_invalid");
    world().refuses_text(&token.relabelled("none"), &token, "algorithm_refused");
    world().refuses_at(NOW + 4_000, &token, "expired");
}
