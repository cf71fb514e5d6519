use bailiwick_oauth::{ClientId, Form, RedirectUri};

use super::*;
use crate::fixture::{API, BACK, NOW, World, grant, no};
use crate::state::{Authentication, Pkce, Session};

const READ: &str = "scope=openid+read&resource=https://api.example.com";

/// What comes next when the user signed in before.
fn verdict(world: &World, query: &str) -> String {
    let checked = world.check(query).unwrap();
    step(world.proceed(&checked))
}

fn step(next: Result<Step, Refused>) -> String {
    match next {
        Ok(Step::Confirm(_)) => "confirm".to_owned(),
        Ok(Step::Login) => "login".to_owned(),
        Ok(Step::Consent(_)) => "consent".to_owned(),
        Ok(Step::Ready(_)) => "ready".to_owned(),
        Err(refused) => no(&refused),
    }
}

fn all(world: &World, key: &str) -> Answer {
    let interaction: Loaded<Interaction> = world.load(key).unwrap();
    Answer::Accept(interaction.value.request.asked().clone())
}

#[test]
fn the_redirect_uri_is_checked_before_everything() {
    let world = World::new();
    let verdict = |query: &str| {
        let form = Form::parse(&format!("response_type=code&client_id=shop&{query}")).unwrap();
        world.check_form(&form).map(drop).map_err(|refused| refused.reason)
    };
    let other = "redirect_uri=https://evil.example/cb";
    assert_eq!(verdict(&format!("{other}&resource=x")), Err(Reason::RedirectUri));
    assert_eq!(verdict(&format!("{other}&resource=x&scope=x")), Err(Reason::RedirectUri));
    assert_eq!(verdict(&format!("redirect_uri={BACK}&resource=x")), Err(Reason::ChallengeMissing));
    assert_eq!(verdict("resource=x"), Err(Reason::ChallengeMissing));
}

#[test]
fn the_client_must_be_registered_for_the_code() {
    let mut world = World::new();
    world.client.grant_types = [GrantKind::RefreshToken].into();
    let refused = world.check(READ).unwrap_err();
    assert_eq!(no(&refused), "unauthorized_client grant_type_not_allowed");
}

//= https://www.rfc-editor.org/rfc/rfc7636#section-4.4.1
//= type=test
//# If the server requires Proof Key for Code Exchange (PKCE) by OAuth
//# public clients and the client does not send the "code_challenge" in
//# the request, the authorization endpoint MUST return the authorization
//# error response with the "error" value set to "invalid_request".
#[test]
fn a_public_client_sends_a_challenge() {
    let mut world = World::new();
    let form = format!("client_id=shop&redirect_uri={BACK}&response_type=code&{READ}");
    let form = Form::parse(&form).unwrap();
    let refused = world.check_form(&form).unwrap_err();
    assert_eq!(no(&refused), "invalid_request challenge_missing");
    world.client.pkce = Pkce::Optional;
    assert!(world.check_form(&form).is_err());
    world.client.authentication = Authentication::Basic { secrets: vec![] };
    assert!(world.check_form(&form).is_ok());
}

#[test]
fn nothing_left_is_refused_before_the_user_is_asked() {
    let world = World::new();
    let refused = world.check(&format!("scope=nothing&resource={API}")).unwrap_err();
    assert_eq!(no(&refused), "invalid_scope nothing_left");
    assert!(world.all::<Interaction>().is_empty());
}

#[test]
fn prompt_and_max_age_say_whether_the_login_will_do() {
    let mut world = World::new();
    world.authorize(READ).unwrap();
    let cases = [
        ("", "ready"),
        ("prompt=login", "login"),
        ("prompt=select_account", "login"),
        ("prompt=consent", "consent"),
        ("prompt=login+consent", "login"),
        ("prompt=none", "ready"),
        ("max_age=100", "ready"),
        ("max_age=99", "login"),
        ("max_age=0", "login"),
        ("max_age=99&prompt=none", "login_required login_required"),
        ("max_age=100&prompt=none", "ready"),
    ];
    for (more, expected) in cases {
        assert_eq!(verdict(&world, &format!("{READ}&{more}")), expected, "{more}");
    }
}

#[test]
fn a_login_made_for_the_request_will_do() {
    let mut world = World::new();
    for more in ["prompt=login", "prompt=select_account", "max_age=0", "max_age=99"] {
        let checked = world.check(&format!("{READ}&{more}")).unwrap();
        let key = world.begin(checked.clone());
        let interaction: Loaded<Interaction> = world.load(&key).unwrap();
        let login = Login::new(&world.user, &world.session, Some(&interaction.value));
        assert_eq!(step(world.proceed_with(&checked, Some(&login))), "consent", "{more}");
        // Another browser's login is none for this request.
        let other = Session { digest: Secret::new("other").digest(), ..world.session.clone() };
        let login = Login::new(&world.user, &other, Some(&interaction.value));
        assert_eq!(step(world.proceed_with(&checked, Some(&login))), "login", "{more}");
    }
}

#[test]
fn a_login_that_does_not_hold_is_none() {
    let mut world = World::new();
    let next = |world: &World, login: bool, query: &str| {
        let checked = world.check(query).unwrap();
        let held = Login::new(&world.user, &world.session, None);
        step(world.proceed_with(&checked, login.then_some(&held)))
    };
    let silent = format!("{READ}&prompt=none");
    assert_eq!(next(&world, false, READ), "login");
    assert_eq!(next(&world, false, &silent), "login_required login_required");
    assert_eq!(next(&world, true, READ), "consent");
    world.user.enabled = false;
    assert_eq!(next(&world, true, READ), "login");
    world.user.enabled = true;
    world.session.expires_at = NOW;
    assert_eq!(next(&world, true, READ), "login");
    world.session.expires_at = NOW + 1;
    world.session.subject = bailiwick_oauth::Subject::parse("user-2").unwrap();
    assert_eq!(next(&world, true, READ), "login");
}

#[test]
fn an_interaction_is_answered_once() {
    let mut world = World::new();
    let checked = world.check(READ).unwrap();
    let key = world.begin(checked);
    let yes = all(&world, &key);
    assert!(world.answer(&key, &yes).is_ok());
    for again in [&yes, &Answer::Deny] {
        assert_eq!(no(&world.answer(&key, again).unwrap_err()), "access_denied expired");
    }
    let checked = world.check(&format!("{READ}&prompt=consent")).unwrap();
    let key = world.begin(checked);
    world.answer(&key, &Answer::Deny).unwrap_err();
    assert_eq!(no(&world.answer(&key, &yes).unwrap_err()), "access_denied expired");
    assert_eq!(world.all::<Code>().len(), 1);
}

#[test]
fn an_answered_interaction_issues_nothing_without_a_question_either() {
    let mut world = World::new();
    world.authorize(READ).unwrap();
    let checked = world.check(READ).unwrap();
    let key = world.begin(checked);
    let issue_it = |world: &mut World| {
        let interaction: Loaded<Interaction> = world.load(&key).unwrap();
        let request = &interaction.value.request;
        let login = Login::new(&world.user, &world.session, Some(&interaction.value));
        let grant = request.asked().clone();
        let entropy = &mut world.entropy;
        issue(
            &world.tenant,
            &world.client,
            request,
            Some(&interaction),
            &login,
            grant,
            world.now,
            entropy,
        )
    };
    let (first, second) = (issue_it(&mut world), issue_it(&mut world));
    assert!(world.commit(&first.changes).is_ok() && first.outcome.is_ok());
    assert!(world.commit(&second.changes).is_err(), "a race is a conflict");
    let third = issue_it(&mut world);
    assert_eq!(no(&third.outcome.unwrap_err()), "access_denied expired");
    assert!(third.changes.is_empty());
    assert_eq!(world.all::<Code>().len(), 2);
}

#[test]
fn two_answers_at_once_are_a_conflict_and_forget_nothing() {
    let mut world = World::new();
    let decide = |world: &mut World, key: &str| {
        let interaction: Loaded<Interaction> = world.load(key).unwrap();
        let memory = world.consent(&interaction.value.request);
        let login = Login::new(&world.user, &world.session, Some(&interaction.value));
        let (client, directory, yes) = (&world.client, world.directory(), all(world, key));
        let (memory, entropy) = (memory.as_ref(), &mut world.entropy);
        let (tenant, page) = (&world.tenant, &interaction);
        answer(tenant, client, &directory, page, &login, memory, &yes, NOW, entropy)
    };
    // First nothing is remembered, then something is.
    for pages in [["read", "write"], ["openid+read", "email+read"]] {
        let [first, second] = pages.map(|scope| {
            let checked = world.check(&format!("scope={scope}&resource={API}")).unwrap();
            world.begin(checked)
        });
        let (won, lost) = (decide(&mut world, &first), decide(&mut world, &second));
        assert!(world.commit(&won.changes).is_ok());
        assert!(world.commit(&lost.changes).is_err(), "{pages:?}: decided on an old memory");
        let again = decide(&mut world, &second);
        assert!(world.commit(&again.changes).is_ok() && again.outcome.is_ok());
    }
    let everything = format!("scope=openid+email+read+write&resource={API}");
    assert_eq!(verdict(&world, &everything), "ready");
}

#[test]
fn an_interaction_is_given_up_in_time() {
    let mut world = World::new();
    let checked = world.check(READ).unwrap();
    let key = world.begin(checked);
    let yes = all(&world, &key);
    world.now += world.tenant.lifetimes.interaction;
    assert_eq!(no(&world.answer(&key, &yes).unwrap_err()), "access_denied expired");
    world.now -= 1;
    assert!(world.answer(&key, &yes).is_ok());
}

#[test]
fn a_redirect_uri_that_was_taken_back_in_the_meantime_gets_no_code() {
    let mut world = World::new();
    let checked = world.check(READ).unwrap();
    let key = world.begin(checked);
    world.client.redirect_uris.clear();
    let yes = all(&world, &key);
    assert_eq!(no(&world.answer(&key, &yes).unwrap_err()), "invalid_request redirect_uri");
    assert!(world.all::<Code>().is_empty());
}

#[test]
fn a_browser_whose_login_does_not_suffice_decides_nothing() {
    let mut world = World::new();
    let checked = world.check(READ).unwrap();
    let key = world.begin(checked);
    let yes = all(&world, &key);
    world.user.enabled = false;
    assert_eq!(no(&world.answer(&key, &yes).unwrap_err()), "login_required login_required");
    world.user.enabled = true;
    assert!(world.answer(&key, &yes).is_ok(), "nothing was consumed");
}

#[test]
fn what_a_user_refused_is_explained() {
    let mut world = World::new();
    let checked = world.check(&format!("scope=openid+email+read+write&resource={API}")).unwrap();
    let key = world.begin(checked);
    let interaction: Loaded<Interaction> = world.load(&key).unwrap();
    let login = Login::new(&world.user, &world.session, Some(&interaction.value));
    let some = Answer::Accept(grant("openid", &[(API, "read")]));
    let decision = answer(
        &world.tenant,
        &world.client,
        &world.directory(),
        &interaction,
        &login,
        None,
        &some,
        NOW,
        &mut crate::fixture::Seeded::default(),
    );
    let dropped: Vec<(&str, Reason)> =
        decision.explanation.dropped().map(|one| (one.scope.as_str(), one.reason)).collect();
    assert_eq!(dropped, [("write", Reason::Refused), ("email", Reason::Refused)]);
    assert_eq!(decision.explanation.verdicts().len(), 4);
}

#[test]
fn a_code_lives_shortly_and_is_stored_as_its_digest() {
    let mut world = World::new();
    let code = world.authorize(READ).unwrap();
    assert_eq!(code.expose().len(), 43);
    let stored = &world.all::<Code>()[0];
    assert_eq!(stored.digest, code.digest());
    assert_eq!(stored.expires_at, NOW + 60);
    assert_eq!(stored.client, ClientId::parse("shop").unwrap());
    assert!(!serde_json::to_string(stored).unwrap().contains(code.expose()));
}

#[test]
fn an_app_with_a_scheme_of_its_own_is_posted_nothing() {
    let mut world = World::new();
    let app = "com.example.shop:/cb";
    world.client.redirect_uris = vec![RedirectUri::parse(app).unwrap()];
    let mode = |asked: &str| {
        let form = format!("client_id=shop&redirect_uri={app}&response_mode={asked}");
        let form = Form::parse(&form).unwrap();
        let asker = Asker::read(&form).unwrap();
        destination(&world.client, &asker, Reply::read(&form).0).unwrap().mode()
    };
    assert_eq!(mode("form_post"), ResponseMode::Query);
    assert_eq!(mode("form_post.jwt"), ResponseMode::QueryJwt);
    assert_eq!(mode("fragment"), ResponseMode::Fragment);
}
