use bailiwick_oauth::{ErrorCode, RedirectUri, Scopes};

use super::*;
use crate::fixture::{API, BACK, BOTH, OTHER, World, grant, no, pair, scope, shown};
use crate::flow::authorize::{Answer, Step};
use crate::state::Authentication;

const READ: &str = "scope=openid+read&resource=https://api.example.com";

/// What would be asked: new pairs, with those shown but remembered in brackets.
fn verdict(world: &World, query: &str) -> String {
    let checked = world.check(query).unwrap();
    match world.proceed(&checked) {
        Ok(Step::Confirm(_)) => "confirm".to_owned(),
        Ok(Step::Ready(_)) => "nothing".to_owned(),
        Ok(Step::Login) => "login".to_owned(),
        Ok(Step::Consent(ask)) => page(&ask),
        Err(refused) => no(&refused),
    }
}

fn page(ask: &Ask) -> String {
    let names = |scopes: &[AskedScope]| {
        let name = |one: &AskedScope| {
            if one.remembered { format!("({})", one.name) } else { one.name.to_string() }
        };
        scopes.iter().map(name).collect::<Vec<_>>().join(" ")
    };
    let mut parts = vec![names(&ask.global)];
    parts.extend(ask.servers.iter().map(|server| {
        format!(
            "{}: {}",
            server.resource.as_str().trim_start_matches("https://"),
            names(&server.scopes)
        )
    }));
    parts.retain(|part| !part.is_empty());
    parts.join(" | ")
}

/// Answers a request whose page was shown.
fn answer(world: &mut World, query: &str, answer: &Answer) -> String {
    let checked = world.check(query).unwrap();
    let key = world.begin(checked);
    answer_page(world, &key, answer)
}

/// Answers a page that has been shown for a while.
fn answer_page(world: &mut World, key: &str, answer: &Answer) -> String {
    match world.answer(key, answer) {
        Err(refused) => no(&refused),
        Ok(code) => {
            let code: crate::Loaded<crate::state::Code> =
                world.load(code.digest().as_str()).unwrap();
            let record: crate::Loaded<crate::state::GrantRecord> =
                world.load(code.value.grant.as_str()).unwrap();
            shown(&record.value.grant)
        }
    }
}

fn accept(world: &mut World, query: &str) -> String {
    let all = world.check(query).unwrap().asked().clone();
    answer(world, query, &Answer::Accept(all))
}

#[test]
fn the_page_shows_each_resource_server_by_name_with_its_scopes() {
    let mut world = World::new();
    world.client.required.insert(pair(API, "read"));
    let checked = world.check(&format!("scope=openid+email+read&{BOTH}")).unwrap();
    let Ok(Step::Consent(ask)) = world.proceed(&checked) else { panic!("nothing is asked") };
    assert_eq!(page(&ask), "openid email | api.another.com: read | api.example.com: read");
    assert_eq!(ask.servers[1].name, "HTTPS://API.EXAMPLE.COM");
    assert_eq!(ask.servers[1].scopes[0].description, "Use read");
    assert!(ask.servers[1].scopes[0].required && !ask.servers[0].scopes[0].required);
    assert!(ask.global[0].required && !ask.global[1].required);
    assert_eq!(ask.global[1].description, "See your e-mail address");
}

#[test]
fn what_was_accepted_is_asked_once() {
    let mut world = World::new();
    assert_eq!(verdict(&world, READ), "openid | api.example.com: read");
    accept(&mut world, READ);
    assert_eq!(verdict(&world, READ), "nothing");
    let more = format!("scope=openid+read+write&{BOTH}");
    assert_eq!(
        verdict(&world, &more),
        "(openid) | api.another.com: read | api.example.com: (read) write"
    );
    accept(&mut world, &more);
    assert_eq!(verdict(&world, &more), "nothing");
    assert_eq!(verdict(&world, READ), "nothing");
}

#[test]
fn what_is_unticked_is_not_given_and_asked_again() {
    let mut world = World::new();
    let query = format!("scope=openid+email+read+write&resource={API}");
    let some = Answer::Accept(grant("", &[(API, "write")]));
    assert_eq!(answer(&mut world, &query, &some), "openid | api.example.com: write");
    assert_eq!(verdict(&world, &query), "(openid) email | api.example.com: read (write)");
    let memory = world.consent(&world.check(&query).unwrap()).unwrap().value;
    assert_eq!(shown(&memory.accepted), "openid | api.example.com: write");
    assert_eq!(shown(&memory.refused), "email | api.example.com: read");
    accept(&mut world, &query);
    assert_eq!(verdict(&world, &query), "nothing");
    let memory = world.consent(&world.check(&query).unwrap()).unwrap().value;
    assert_eq!(shown(&memory.refused), "");
}

#[test]
fn what_another_page_allowed_meanwhile_is_no_tick_of_this_page() {
    let both = format!("scope=openid+read+write&resource={API}");
    for query in [both.clone(), format!("scope=openid+email+read+write&resource={API}")] {
        let mut world = World::new();
        let checked = world.check(&query).unwrap();
        let unticked = world.begin(checked);
        accept(&mut world, &both);
        let some = Answer::Accept(grant("openid", &[(API, "read")]));
        let given = answer_page(&mut world, &unticked, &some);
        assert_eq!(given, "openid | api.example.com: read", "{query}");
        assert_eq!(verdict(&world, &both), "(openid) | api.example.com: (read) write", "{query}");
    }
}

#[test]
fn unticking_everything_that_another_page_allowed_is_access_denied() {
    let mut world = World::new();
    let query = format!("scope=read&resource={API}");
    let checked = world.check(&query).unwrap();
    let unticked = world.begin(checked);
    accept(&mut world, &query);
    let nothing = Answer::Accept(Grant::default());
    assert_eq!(answer_page(&mut world, &unticked, &nothing), "access_denied denied");
    assert_eq!(verdict(&world, &query), "api.example.com: read");
}

#[test]
fn a_resource_without_scopes_needs_its_own_tick_on_each_page() {
    let mut world = World::new();
    world.server(API).allow_empty_scope = true;
    let query = format!("scope=openid&resource={API}");
    let checked = world.check(&query).unwrap();
    let unticked = world.begin(checked);
    accept(&mut world, &query);
    let account = Answer::Accept(grant("openid", &[]));
    assert_eq!(answer_page(&mut world, &unticked, &account), "openid");
    assert_eq!(verdict(&world, &query), "(openid) | api.example.com: ");
}

#[test]
fn refusing_what_another_page_allowed_gives_nothing() {
    let mut world = World::new();
    let checked = world.check(READ).unwrap();
    let refused = world.begin(checked);
    accept(&mut world, READ);
    assert_eq!(answer_page(&mut world, &refused, &Answer::Deny), "access_denied denied");
}

#[test]
fn a_required_scope_cannot_be_unticked() {
    let mut world = World::new();
    world.client.required.insert(pair(API, "read"));
    let query = format!("scope=openid+read+write&resource={API}");
    let none = Answer::Accept(Grant::default());
    assert_eq!(answer(&mut world, &query, &none), "openid | api.example.com: read");
}

#[test]
fn more_than_was_asked_is_never_given() {
    let mut world = World::new();
    let forged = grant("openid email", &[(API, "read write"), (OTHER, "read delete")]);
    let given = answer(&mut world, READ, &Answer::Accept(forged));
    assert_eq!(given, "openid | api.example.com: read");
}

#[test]
fn refusing_everything_is_access_denied() {
    let mut world = World::new();
    let query = format!("scope=read&resource={API}");
    let nothing = Answer::Accept(Grant::default());
    assert_eq!(answer(&mut world, &query, &nothing), "access_denied denied");
    assert_eq!(answer(&mut world, &query, &Answer::Deny), "access_denied denied");
    assert_eq!(answer(&mut world, READ, &Answer::Deny), "access_denied denied");
    // Also where the resource could stand without a scope: its scopes were the question.
    world.server(API).allow_empty_scope = true;
    assert_eq!(answer(&mut world, &query, &nothing), "access_denied denied");
    assert_eq!(world.all::<crate::state::Code>().len(), 0);
}

#[test]
fn a_refusal_takes_back_what_was_accepted_before() {
    let mut world = World::new();
    accept(&mut world, READ);
    let again = format!("{READ}&prompt=consent");
    assert_eq!(answer(&mut world, &again, &Answer::Deny), "access_denied denied");
    assert_eq!(verdict(&world, READ), "openid | api.example.com: read");
    // What was not asked on the page stays.
    accept(&mut world, READ);
    let more = format!("scope=openid+read+write&resource={API}");
    assert_eq!(answer(&mut world, &more, &Answer::Deny), "access_denied denied");
    assert_eq!(verdict(&world, READ), "nothing");
    assert_eq!(verdict(&world, &more), "(openid) | api.example.com: (read) write");
}

#[test]
fn sensitive_scopes_are_always_asked() {
    let mut world = World::new();
    world.server(API).scopes[1].sensitive = true;
    let query = format!("scope=read+write&resource={API}");
    accept(&mut world, &query);
    assert_eq!(verdict(&world, &query), "api.example.com: (read) write");
    accept(&mut world, &query);
    assert_eq!(verdict(&world, &query), "api.example.com: (read) write");
    assert_eq!(verdict(&world, &format!("scope=read&resource={API}")), "nothing");
}

#[test]
fn prompt_consent_asks_what_is_remembered() {
    let mut world = World::new();
    accept(&mut world, READ);
    assert_eq!(
        verdict(&world, &format!("{READ}&prompt=consent")),
        "openid | api.example.com: read"
    );
    world.client.first_party = true;
    assert_ne!(verdict(&world, &format!("{READ}&prompt=consent")), "nothing");
}

#[test]
fn prompt_none_never_asks() {
    let mut world = World::new();
    let silent = format!("{READ}&prompt=none");
    assert_eq!(verdict(&world, &silent), "consent_required consent_required");
    accept(&mut world, READ);
    assert_eq!(verdict(&world, &silent), "nothing");
    let more = format!("scope=openid+read+write&resource={API}&prompt=none");
    assert_eq!(verdict(&world, &more), "consent_required consent_required");
}

//= https://www.rfc-editor.org/rfc/rfc8252#section-8.6
//= type=test
//# the authorization server SHOULD NOT process authorization requests
//# automatically without user consent or interaction, except when the
//# identity of the client can be assured.
#[test]
fn a_redirect_that_proves_nothing_never_spares_the_question() {
    let cases = [
        (BACK, false, true),
        ("http://127.0.0.1:5000/cb", false, false),
        ("http://[::1]:5000/cb", false, false),
        ("http://localhost:5000/cb", false, false),
        ("com.example.shop:/cb", false, false),
        ("http://127.0.0.1:5000/cb", true, true),
        ("com.example.shop:/cb", true, true),
    ];
    for (uri, first_party, spared) in cases {
        let mut world = World::new();
        world.client.first_party = first_party;
        world.client.redirect_uris = vec![RedirectUri::parse(uri).unwrap()];
        let challenge = World::verifier().challenge();
        let query = format!(
            "client_id=shop&redirect_uri={uri}&response_type=code&code_challenge={}\
             &code_challenge_method=S256&{READ}",
            challenge.as_str()
        );
        let checked = world.check_form(&bailiwick_oauth::Form::parse(&query).unwrap()).unwrap();
        let all = checked.asked().clone();
        let key = world.begin(checked.clone());
        world.answer(&key, &Answer::Accept(all)).unwrap();
        let is_spared = matches!(world.proceed(&checked), Ok(Step::Ready(_)));
        assert_eq!(is_spared, spared, "{uri} {first_party}");
    }
}

#[test]
fn consent_is_bound_to_the_client_as_it_was_and_to_its_redirect_uri() {
    let asked = "openid | api.example.com: read";
    let changed = |change: fn(&mut World)| {
        let mut world = World::new();
        accept(&mut world, READ);
        change(&mut world);
        verdict(&world, READ)
    };
    assert_eq!(changed(|_| {}), "nothing");
    assert_eq!(changed(|world| world.client.name = "The Bank".to_owned()), asked);
    assert_eq!(
        changed(|world| world.client.authentication = Authentication::Basic { secrets: vec![] }),
        asked
    );
    // Another URI of the same client, though the very record is handed in.
    let mut world = World::new();
    accept(&mut world, READ);
    let memory = world.consent(&world.check(READ).unwrap()).unwrap().value;
    let place = RedirectUri::parse("https://shop.example/other").unwrap();
    world.client.redirect_uris.push(place.clone());
    let mut checked = world.check(READ).unwrap();
    checked.destination.redirect_uri = place;
    let login = crate::flow::authorize::Login::new(&world.user, &world.session, None);
    let (tenant, client, directory) = (&world.tenant, &world.client, world.directory());
    let step = |checked: &Checked| {
        crate::flow::authorize::proceed(
            tenant,
            client,
            &directory,
            checked,
            Some(&login),
            Some(&memory),
            world.now,
        )
        .unwrap()
        .step
    };
    assert!(matches!(step(&checked), Step::Consent(_)));
    assert!(matches!(step(&world.check(READ).unwrap()), Step::Ready(_)));
}

#[test]
fn the_consent_of_another_user_counts_for_nothing() {
    let mut world = World::new();
    accept(&mut world, READ);
    world.user.subject = Subject::parse("user-2").unwrap();
    world.session.subject = world.user.subject.clone();
    assert_eq!(verdict(&world, READ), "openid | api.example.com: read");
}

#[test]
fn a_resource_without_scopes_is_a_question_of_its_own() {
    let mut world = World::new();
    world.server(API).allow_empty_scope = true;
    let query = format!("resource={API}");
    assert_eq!(verdict(&world, &query), "api.example.com: ");
    let nothing = Answer::Accept(Grant::default());
    assert_eq!(answer(&mut world, &query, &nothing), "access_denied denied");
    assert_eq!(verdict(&world, &query), "api.example.com: ");
    assert_eq!(accept(&mut world, &query), "api.example.com: ");
    assert_eq!(verdict(&world, &query), "nothing");
    assert_eq!(
        answer(&mut world, &format!("{query}&prompt=consent"), &Answer::Deny),
        "access_denied denied"
    );
    assert_eq!(verdict(&world, &query), "api.example.com: ");
}

#[test]
fn a_refused_scope_leaves_no_trace_of_its_resource() {
    let mut world = World::new();
    world.server(API).allow_empty_scope = true;
    let read = format!("scope=read&resource={API}");
    accept(&mut world, &read);
    answer(&mut world, &format!("{read}&prompt=consent"), &Answer::Deny);
    assert_eq!(verdict(&world, &format!("resource={API}")), "api.example.com: ");
}

#[test]
fn scopes_that_the_user_cannot_hold_are_not_asked() {
    let mut world = World::new();
    let clerk = [("clerk".to_owned(), Scopes::from_iter([scope("read")]))];
    world.server(API).access = crate::state::RoleAccess::Roles(clerk.into());
    let query = format!("scope=read+write&resource={API}");
    assert_eq!(verdict(&world, &query), "api.example.com: read");
    world.user.roles.clear();
    let checked = world.check(&query).unwrap();
    let refused = world.proceed(&checked).unwrap_err();
    assert_eq!(refused.error, ErrorCode::InvalidScope);
    assert!(!refused.description.contains("write"), "whose permission it was is not told");
}
