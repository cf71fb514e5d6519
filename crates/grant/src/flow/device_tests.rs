use bailiwick_oauth::{Grant, UserCode};

use crate::Reason;
use crate::fixture::{API, BOTH, OTHER, World, no, shown};
use crate::flow::authorize::{Answer, Login, Step};
use crate::state::{GrantKind, GrantRecord, Pending, PollAnswer, Said, UserCodeRecord};

fn device() -> World {
    let mut world = World::new();
    world.client.grant_types = [GrantKind::DeviceCode, GrantKind::RefreshToken].into();
    world.client.redirect_uris.clear();
    world
}

fn verdict(world: &mut World, body: &str) -> String {
    match world.begin_device(body) {
        Ok(begun) => shown(world.enter(&begun.user_code).unwrap().asked()),
        Err(refused) => no(&refused),
    }
}

#[test]
fn a_request_is_checked_as_an_authorization_request_is() {
    let cases = [
        ("scope=openid read&resource=https://api.example.com", "openid | api.example.com: read"),
        ("scope=https://api.example.com/read", "api.example.com: read"),
        ("scope=openid", "openid"),
        ("scope=read", "invalid_scope nothing_left"),
        ("", "invalid_scope nothing_left"),
        ("scope=read&resource=https://nobody.example", "invalid_target resource_unknown"),
        ("scope=read&resource=relative", "invalid_target resource_malformed"),
        (
            "scope=read&resource=https://api.example.com&audience=https://api.another.com",
            "invalid_target audience_differs",
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(verdict(&mut device(), body), expected, "{body}");
    }
    let two = format!("scope=read write delete&{BOTH}");
    assert_eq!(
        verdict(&mut device(), &two),
        "api.another.com: read delete | api.example.com: read write"
    );
    let mut world = device();
    world.client.grant_types.remove(&GrantKind::DeviceCode);
    assert_eq!(verdict(&mut world, "scope=openid"), "unauthorized_client grant_type_not_allowed");
    assert!(world.all::<Pending>().is_empty(), "nothing is remembered of a refused request");
}

#[test]
fn secrets_are_not_in_the_records() {
    let mut world = device();
    let begun = world.begin_device("scope=openid").unwrap();
    for record in [
        serde_json::to_string(&world.all::<Pending>()).unwrap(),
        serde_json::to_string(&world.all::<UserCodeRecord>()).unwrap(),
    ] {
        assert!(!record.contains(begun.device_code.expose()), "{record}");
        let letters = begun.user_code.to_string().replace('-', "");
        assert!(!record.contains(&letters), "{record}");
    }
}

// threats.md: device-code approval by a stranger's session.
#[test]
fn nothing_is_asked_or_given_before_the_codes_were_compared() {
    let mut world = device();
    world.client.first_party = true;
    let asked = format!("scope=openid read&resource={API}");
    let begun = world.begin_device(&asked).unwrap();
    let checked = world.enter(&begun.user_code).unwrap();
    // Signed in or not, remembered or not: the codes come first, with all that is asked.
    for login in [None, Some(Login::new(&world.user, &world.session, None))] {
        let Step::Confirm(ask) = world.proceed_with(&checked, login.as_ref()).unwrap() else {
            panic!("a step was skipped")
        };
        assert_eq!((ask.servers.len(), ask.global.len()), (1, 1));
    }
    let key = world.begin(checked);
    let refused = world.answer(&key, &Answer::Accept(Grant::default())).unwrap_err();
    assert_eq!(refused.reason, Reason::ConfirmationRequired);
    assert!(world.all::<PollAnswer>().is_empty() && world.all::<GrantRecord>().is_empty());
}

#[test]
fn consent_to_a_device_is_asked_each_time() {
    let mut world = device();
    let asked = format!("scope=read&resource={API}");
    let begun = world.begin_device(&asked).unwrap();
    let all = world.enter(&begun.user_code).unwrap().asked().clone();
    world.answer_device(&begun.user_code, &Answer::Accept(all)).unwrap();
    let step = |world: &mut World| {
        let begun = world.begin_device(&asked).unwrap();
        let checked = world.enter(&begun.user_code).unwrap().confirm();
        world.proceed(&checked).unwrap()
    };
    assert!(matches!(step(&mut world), Step::Consent(_)), "anybody may own the device");
    world.client.first_party = true;
    assert!(matches!(step(&mut world), Step::Ready(_)), "the operator vouches for it");
}

#[test]
fn a_code_is_found_until_it_is_answered_or_old() {
    let mut world = device();
    let begun = world.begin_device("scope=openid").unwrap();
    assert!(world.enter(&UserCode::parse("BBBB-BBBB").unwrap()).is_none());
    let checked = world.enter(&begun.user_code).unwrap().confirm();
    world.answer_device(&begun.user_code, &Answer::Deny).unwrap_err();
    assert!(world.enter(&begun.user_code).is_none(), "it was answered");
    // A page that was open meanwhile cannot answer again.
    let key = world.begin(checked);
    let interaction = world.load(&key).unwrap();
    let login = Login::new(&world.user, &world.session, Some(&interaction.value));
    let directory = world.directory();
    let late = crate::flow::authorize::answer(
        &world.tenant,
        &world.client,
        &directory,
        &interaction,
        &login,
        None,
        &Answer::Accept(interaction.value.request.asked().clone()),
        world.now,
        &mut crate::fixture::Seeded::default(),
    );
    assert!(world.commit(&late.changes).is_err(), "a second answer is a conflict");

    let begun = world.begin_device("scope=openid").unwrap();
    world.now += world.tenant.lifetimes.device_code;
    assert!(world.enter(&begun.user_code).is_none(), "it is old");
}

#[test]
fn an_answer_is_remembered_with_its_grant() {
    let mut world = device();
    let asked = format!("scope=openid read delete&{BOTH}");
    let begun = world.begin_device(&asked).unwrap();
    let mut ticked = world.enter(&begun.user_code).unwrap().asked().clone();
    ticked.resources.remove(&crate::fixture::resource(OTHER));
    world.answer_device(&begun.user_code, &Answer::Accept(ticked)).unwrap();
    let grant = world.grant().value;
    assert_eq!(shown(&grant.grant), "openid | api.example.com: read");
    let [answer] = world.all::<PollAnswer>().try_into().unwrap();
    assert!(matches!(&answer.said, Said::Yes { grant: id, .. } if *id == grant.id));
    assert_eq!(answer.pending, begun.device_code.digest());
}

#[test]
fn what_this_user_cannot_give_is_a_no() {
    let mut world = device();
    world.server(API).access = crate::state::RoleAccess::Roles([].into());
    let begun = world.begin_device(&format!("scope=read&resource={API}")).unwrap();
    let all = world.enter(&begun.user_code).unwrap().asked().clone();
    let refused = world.answer_device(&begun.user_code, &Answer::Accept(all)).unwrap_err();
    assert_eq!(no(&refused), "invalid_scope nothing_left");
    let refused = world.poll(&begun.device_code, "").unwrap_err();
    assert_eq!(no(&refused), "access_denied denied");
}
