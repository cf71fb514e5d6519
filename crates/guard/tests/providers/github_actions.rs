//! GitHub Actions: the tokens of jobs.

use bailiwick_guard::Provider;

use crate::world::{API, NOW, World, says};

const JOB: &str = "repo:octo-org/octo-repo:environment:prod";

fn world() -> World {
    World::new(Provider::github_actions(), &[])
}

#[test]
fn a_job_is_a_subject_without_client_and_scope() {
    let permit = world().passes(&fixture!("github-actions/job.json"));
    says(&permit, JOB, None, "", &[]);
    assert_eq!(permit.token().claims.value("repository_owner_id").unwrap(), "65");
}

#[test]
fn a_subject_in_another_form_passes_too() {
    let custom = "repo:octo-org/octo-repo:context:environment:New Production";
    let permit = world().passes(&fixture!("github-actions/job.json").with("sub", custom));
    assert_eq!(permit.subject().as_str(), custom);
}

#[test]
fn the_audience_that_comes_unasked_is_not_the_apis() {
    world().refuses(&fixture!("github-actions/default-audience.json"), "audience_mismatch");
}

#[test]
fn a_servers_token_is_from_that_server() {
    let server = World::new(Provider::github_actions_server("github.example.com"), &[]);
    let token = fixture!("github-actions/server.json");
    says(&server.passes(&token), JOB, None, "", &[]);
    world().refuses(&token, "issuer_mismatch");
    server.refuses(&fixture!("github-actions/job.json"), "issuer_mismatch");
}

#[test]
fn an_enterprises_issuer_is_its_own() {
    let token = fixture!("github-actions/job.json");
    let own = "https://token.actions.githubusercontent.com/octo-enterprise";
    let enterprise = World::new(Provider::github_actions_enterprise("octo-enterprise"), &[]);
    enterprise.passes(&token.clone().with("iss", own));
    enterprise.refuses(&token.clone(), "issuer_mismatch");
    world().refuses(&token.with("iss", own), "issuer_mismatch");
    let named = Provider::named("github-actions", own).unwrap();
    assert_eq!(&named, enterprise.provider());
}

#[test]
fn what_is_no_jobs_token_is_refused() {
    let token = fixture!("github-actions/job.json");
    for claim in &world().provider().trust.profile.required {
        world().refuses(&token.clone().without(claim), "claim_missing");
    }
    world().refuses(&token.clone().with("nonce", "n"), "type_mismatch");
    world().refuses(&token.clone().headed("typ", "logout+jwt"), "type_mismatch");
    world().refuses(&token.clone().with("aud", "https://api.example.com"), "audience_mismatch");
    world().refuses_text(&token.forged(), &token, "signature_invalid");
    world().refuses_text(&token.relabelled("HS256"), &token, "algorithm_refused");
    world().refuses_at(NOW + 1_000, &token, "expired");
    world().passes(&token.with("aud", API));
}
