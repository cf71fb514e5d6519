use bailiwick_oauth::Subject;

use super::*;
use crate::fixture::{World, no};
use crate::flow::authorize::Step;
use crate::state::SubjectType;

fn claims(json: &str) -> String {
    format!("claims={}", bailiwick_oauth::form::encode([("", json)]).trim_start_matches('='))
}

fn hinted(world: &World, subject: &str, more: &str) -> Result<Checked, Refused> {
    let sub = Subject::parse(subject).unwrap();
    let hint = IdToken { sub, ..crate::fixture::id_token(world) };
    world.check_hinted(&format!("scope=openid&{more}"), Some(&hint))
}

/// What comes next for a user who signed in before; then for one who just did.
fn verdicts(world: &World, checked: &Checked) -> [String; 2] {
    let made_here = Interaction {
        digest: world.session.digest.clone(),
        request: checked.clone(),
        signed_in: Some(world.session.digest.clone()),
        answered: false,
        begun_at: world.now,
        expires_at: world.now + 1,
    };
    [None, Some(&made_here)].map(|interaction| {
        let login = Login::new(&world.user, &world.session, interaction);
        match world.proceed_with(checked, Some(&login)) {
            Ok(Step::Login) => "login".to_owned(),
            Ok(_) => "on".to_owned(),
            Err(refused) => no(&refused),
        }
    })
}

//= https://openid.net/specs/openid-connect-core-1_0.html#section-3.1.2.2
//= type=test
//# The Authorization Server MUST NOT reply with an ID Token or Access Token for a different user,
//# even if they have an active session with the Authorization Server.
#[test]
fn only_the_user_of_the_hint_is_answered() {
    let world = World::new();
    let meant = hinted(&world, "user-1", "").unwrap();
    assert_eq!(verdicts(&world, &meant), ["on", "on"]);
    let other = hinted(&world, "user-2", "").unwrap();
    assert_eq!(verdicts(&world, &other), ["login", "login_required login_required"]);
    let silent = hinted(&world, "user-2", "prompt=none").unwrap();
    assert_eq!(verdicts(&world, &silent)[0], "login_required login_required");
}

#[test]
fn only_the_user_of_the_sub_claim_is_answered() {
    let world = World::new();
    for (json, expected) in [
        (r#"{"id_token":{"sub":{"value":"user-1"}}}"#, "on"),
        (r#"{"id_token":{"sub":{"values":["user-0","user-1"]}}}"#, "on"),
        (r#"{"id_token":{"sub":{"essential":true}}}"#, "on"),
        (r#"{"id_token":{"sub":{"value":"user-2"}}}"#, "login"),
        (r#"{"userinfo":{"sub":{"value":"user-2"}}}"#, "login"),
        (r#"{"id_token":{"sub":{"value":7}}}"#, "login"),
    ] {
        let checked = world.check(&format!("scope=openid&{}", claims(json))).unwrap();
        assert_eq!(verdicts(&world, &checked)[0], expected, "{json}");
    }
    // Hint and claim must both be right.
    let both = claims(r#"{"id_token":{"sub":{"value":"user-1"}}}"#);
    assert_eq!(verdicts(&world, &hinted(&world, "user-1", &both).unwrap())[0], "on");
    assert_eq!(verdicts(&world, &hinted(&world, "user-2", &both).unwrap())[0], "login");
}

#[test]
fn a_hint_speaks_of_users_as_its_client_knows_them() {
    let mut world = World::new();
    world.client.openid.subject_type = SubjectType::Pairwise;
    let told = subject::told(&world.tenant, &world.client, &world.user.subject);
    let meant = hinted(&world, told.as_str(), "").unwrap();
    assert_eq!(verdicts(&world, &meant)[0], "on");
    let other = hinted(&world, "user-1", "").unwrap();
    assert_eq!(verdicts(&world, &other)[0], "login");
}

#[test]
fn a_hint_of_another_client_is_refused() {
    let world = World::new();
    let mut hint = crate::fixture::id_token(&world);
    hint.aud = bailiwick_oauth::ClientId::parse("other").unwrap();
    let refused = world.check_hinted("scope=openid", Some(&hint)).unwrap_err();
    assert_eq!(no(&refused), "invalid_request other_client");
}

//= https://openid.net/specs/openid-connect-core-1_0.html#section-5.5.1.1
//= type=test
//# If this is an Essential Claim and the requirement cannot be met, then the Authorization Server
//# MUST treat that outcome as a failed authentication attempt.
#[test]
fn an_essential_acr_is_met_or_the_request_fails() {
    let mut world = World::new();
    let acr = |values: &str| {
        let json = format!(r#"{{"id_token":{{"acr":{{"essential":true,"values":{values}}}}}}}"#);
        format!("scope=openid&{}", claims(&json))
    };
    let refused = world.check(&acr(r#"["gold"]"#)).unwrap_err();
    assert_eq!(no(&refused), "unmet_authentication_requirements authentication_too_weak");
    let checked = world.check(&acr(r#"["gold","pwd"]"#)).unwrap();
    assert_eq!(verdicts(&world, &checked), ["on", "on"]);
    // A session of the time before the server was told its `acr`.
    world.session.acr = None;
    let expected = "unmet_authentication_requirements authentication_too_weak";
    assert_eq!(verdicts(&world, &checked), ["login", expected]);
}

//= https://openid.net/specs/openid-connect-core-1_0.html#section-3.1.2.1
//= type=test
//# The acr Claim is requested as a Voluntary Claim by this parameter.
#[test]
fn a_wish_for_an_acr_never_fails() {
    let mut world = World::new();
    let json = claims(r#"{"id_token":{"acr":{"values":["gold"]}}}"#);
    for query in ["acr_values=gold", "acr_values=gold+pwd", &json] {
        let checked = world.check(&format!("scope=openid&{query}")).unwrap();
        assert_eq!(verdicts(&world, &checked), ["on", "on"], "{query}");
    }
    // Signing in again would fulfil this one, and would not fulfil the other.
    world.session.acr = None;
    let checked = world.check("scope=openid&acr_values=gold+pwd").unwrap();
    assert_eq!(verdicts(&world, &checked), ["login", "on"]);
    let checked = world.check("scope=openid&acr_values=gold").unwrap();
    assert_eq!(verdicts(&world, &checked), ["on", "on"]);
    world.client.openid.default_acr_values = vec!["pwd".to_owned()];
    let checked = world.check("scope=openid").unwrap();
    assert_eq!(verdicts(&world, &checked), ["login", "on"]);
}

#[test]
fn a_client_s_own_greatest_age_counts_where_the_request_names_none() {
    let mut world = World::new(); // signed in 100 seconds ago
    world.client.openid.default_max_age = Some(60);
    for (query, expected) in [("", "login"), ("max_age=200", "on"), ("max_age=50", "login")] {
        let checked = world.check(&format!("scope=openid&{query}")).unwrap();
        assert_eq!(verdicts(&world, &checked)[0], expected, "{query}");
    }
}
