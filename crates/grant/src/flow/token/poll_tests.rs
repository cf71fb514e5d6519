use bailiwick_oauth::{ClientId, Secret};

use super::*;
use crate::fixture::{API, BOTH, Conflict, OTHER, World, no, told};
use crate::flow::authorize::Answer;
use crate::flow::device::Begun;
use crate::state::{GrantKind, RoleAccess, Status};

const KIND: &str = bailiwick_oauth::device::GRANT_TYPE;

fn begun(asked: &str) -> (World, Begun) {
    let mut world = World::new();
    world.client.grant_types = [GrantKind::DeviceCode, GrantKind::RefreshToken].into();
    let begun = world.begin_device(asked).unwrap();
    (world, begun)
}

/// A device whose user gave all that it asked for.
fn allowed(asked: &str) -> (World, Secret) {
    let (mut world, begun) = begun(asked);
    let all = world.enter(&begun.user_code).unwrap().asked().clone();
    world.answer_device(&begun.user_code, &Answer::Accept(all)).unwrap();
    (world, begun.device_code)
}

fn polled(world: &mut World, code: &Secret) -> String {
    told(&world.poll(code, ""))
}

//= https://www.rfc-editor.org/rfc/rfc8628#section-3.5
//= type=test
//# the interval MUST be increased by 5 seconds for this and all
//# subsequent requests.
#[test]
fn polls_that_come_too_fast_must_wait_longer_each_time() {
    let (mut world, begun) = begun("scope=openid");
    let code = begun.device_code;
    let (wait, slower) = ("authorization_pending pending", "slow_down polled_too_fast");
    // Seconds since the poll before, and what is said: the interval is 5, then 10, then 15.
    let polls = [(0, wait), (5, wait), (2, slower), (9, wait), (8, slower), (15, wait), (4, wait)];
    for (at, (seconds, expected)) in polls.into_iter().enumerate().take(6) {
        world.now += seconds;
        assert_eq!(polled(&mut world, &code), expected, "poll {at}");
    }
    for _ in 0..100 {
        world.poll(&code, "").unwrap_err();
    }
    let pending: Loaded<Pending> = world.load(code.digest().as_str()).unwrap();
    assert_eq!(pending.value.interval, SLOWEST, "nobody is told to wait for ever");
}

#[test]
fn a_poll_never_stands_in_the_way_of_the_answer() {
    let (mut world, begun) = begun("scope=openid");
    let body = format!("grant_type={KIND}&device_code={}", begun.device_code.expose());
    let poll = world.decide(&body);
    let all = world.enter(&begun.user_code).unwrap().asked().clone();
    world.answer_device(&begun.user_code, &Answer::Accept(all)).unwrap();
    world.commit(&poll.changes).unwrap();
    assert_eq!(polled(&mut world, &begun.device_code), "https://id.example.com = openid");
}

#[test]
fn a_refusal_and_the_end_are_told() {
    let (mut world, denied) = begun("scope=openid");
    world.answer_device(&denied.user_code, &Answer::Deny).unwrap_err();
    assert_eq!(polled(&mut world, &denied.device_code), "access_denied denied");
    let old = world.begin_device("scope=openid").unwrap();
    world.now += 600;
    assert_eq!(polled(&mut world, &old.device_code), "expired_token expired");
    let (mut world, code) = allowed("scope=openid");
    world.now += 600;
    assert_eq!(polled(&mut world, &code), "expired_token expired");
}

//= https://www.rfc-editor.org/rfc/rfc8707#section-2.2
//= type=test
//# the "resource" parameter can be used in the
//# access token request to indicate the target service or protected
//# resource where the client intends to use the requested access token.
#[test]
fn a_token_is_for_one_resource_of_the_grant() {
    let cases = [
        ("resource=https://api.example.com", "https://api.example.com = read write"),
        ("resource=https://api.another.com", "https://api.another.com = read delete"),
        ("audience=https://api.another.com", "https://api.another.com = read delete"),
        ("", "https://id.example.com = openid"),
        (BOTH, "invalid_target several_resources"),
        ("resource=https://nobody.example", "invalid_target resource_unknown"),
        ("resource=relative", "invalid_target resource_malformed"),
    ];
    for (more, expected) in cases {
        let (mut world, code) = allowed(&format!("scope=openid read write delete&{BOTH}"));
        assert_eq!(told(&world.poll(&code, more)), expected, "{more}");
    }
}

#[test]
fn a_refused_resource_consumes_nothing_five_times() {
    let wrong = format!("resource={OTHER}");
    let (mut world, code) = allowed(&format!("scope=read&resource={API}"));
    for _ in 0..4 {
        let refused = world.poll(&code, &wrong).unwrap_err();
        assert_eq!(no(&refused), "invalid_target resource_not_granted");
    }
    assert_eq!(polled(&mut world, &code), "https://api.example.com = read");

    let (mut world, code) = allowed(&format!("scope=read&resource={API}"));
    for _ in 0..5 {
        world.poll(&code, &wrong).unwrap_err();
    }
    assert_eq!(polled(&mut world, &code), "invalid_grant code_replayed");
}

#[test]
fn a_code_is_redeemed_once() {
    let (mut world, code) = allowed("scope=openid offline_access");
    let body = format!("grant_type={KIND}&device_code={}", code.expose());
    let (first, second) = (world.decide(&body), world.decide(&body));
    world.commit(&first.changes).unwrap();
    assert_eq!(world.commit(&second.changes), Err(Conflict));
    let tokens = first.outcome.unwrap();
    assert!(tokens.id.is_some() && tokens.refresh.is_some());
    assert_eq!(polled(&mut world, &code), "invalid_grant code_replayed");
    assert_eq!(world.grant().value.status, Status::Revoked);
    assert!(world.refresh(&tokens.refresh.unwrap(), "").is_err());
}

#[test]
fn another_client_gets_and_changes_nothing() {
    let (mut world, code) = allowed("scope=openid");
    let own = world.client.clone();
    world.client.id = ClientId::parse("thief").unwrap();
    assert_eq!(polled(&mut world, &code), "invalid_grant other_client");
    world.client = own;
    assert_eq!(polled(&mut world, &code), "https://id.example.com = openid");
    world.client.id = ClientId::parse("thief").unwrap();
    assert_eq!(polled(&mut world, &code), "invalid_grant other_client");
    assert_eq!(world.grant().value.status, Status::Live);
}

#[test]
fn a_code_is_good_for_its_own_grant_type_alone() {
    let (mut world, code) = allowed("scope=openid");
    world.client.grant_types.insert(GrantKind::AuthorizationCode);
    let as_code = format!("grant_type=authorization_code&code={}", code.expose());
    assert_eq!(told(&world.token(&as_code)), "invalid_grant unknown");
    let other = world.authorize("scope=openid").unwrap();
    assert_eq!(polled(&mut world, &other), "invalid_grant unknown");
    assert_eq!(polled(&mut world, &Secret::new("x")), "invalid_grant unknown");
    world.client.grant_types.remove(&GrantKind::DeviceCode);
    assert_eq!(polled(&mut world, &code), "unauthorized_client grant_type_not_allowed");
}

#[test]
fn what_was_taken_away_meanwhile_is_gone() {
    let asked = format!("scope=openid read write&resource={API}");
    let (mut world, code) = allowed(&asked);
    world.server(API).scopes.retain(|scope| scope.name.as_str() == "read");
    let more = format!("resource={API}");
    assert_eq!(told(&world.poll(&code, &more)), "https://api.example.com = read");
    let (mut world, code) = allowed(&asked);
    world.server(API).access = RoleAccess::Roles([].into());
    assert_eq!(told(&world.poll(&code, &more)), "invalid_scope nothing_left");
    let (mut world, code) = allowed(&asked);
    world.user.enabled = false;
    assert_eq!(told(&world.poll(&code, &more)), "invalid_grant subject_disabled");
    let (mut world, code) = allowed(&asked);
    let grant = world.grant();
    world.commit(&[grant.update(grant.value.clone().revoke())]).unwrap();
    assert_eq!(told(&world.poll(&code, &more)), "invalid_grant revoked");
}
