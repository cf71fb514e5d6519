use bailiwick_oauth::Secret;

use crate::fixture::{API, BOTH, Conflict, OTHER, World, resource as id, scope, scopes, told};
use crate::state::{Reach, RoleAccess, Status};

/// Worked example 2, with a refresh token.
fn everything(world: &mut World) -> Secret {
    let query = format!("scope=openid+profile+email+offline_access+read+write+delete&{BOTH}");
    world.authorize(&query).unwrap()
}

/// A refresh token for worked example 2.
fn refreshable(world: &mut World) -> Secret {
    let code = everything(world);
    world.redeem(&code, "").unwrap().refresh.unwrap()
}

/// One refresh: the token after it, and what was told.
fn next(world: &mut World, token: &mut Secret, more: &str) -> String {
    let outcome = world.refresh(token, more);
    let said = told(&outcome);
    if let Ok(tokens) = outcome {
        *token = tokens.refresh.unwrap();
    }
    said
}

const ON_API: &str = "resource=https://api.example.com";
const ON_OTHER: &str = "resource=https://api.another.com";

#[test]
fn a_refused_resource_rotates_nothing() {
    let mut world = World::new();
    let token = refreshable(&mut world);
    let before = world.grant();
    for more in
        ["resource=x", BOTH, "scope=nobody", "scope=delete&resource=https://api.example.com"]
    {
        assert!(world.refresh(&token, more).is_err(), "{more}");
    }
    assert_eq!(world.grant().version, before.version);
    assert_eq!(told(&world.refresh(&token, ON_API)), "https://api.example.com = read write");
}

//= https://www.rfc-editor.org/rfc/rfc6749#section-6
//= type=test
//# If a
//# new refresh token is issued, the refresh token scope MUST be
//# identical to that of the refresh token included by the client in the
//# request.
#[test]
fn the_scope_narrows_one_token_and_the_next_has_all_again() {
    let mut world = World::new();
    let mut token = refreshable(&mut world);
    let steps = [
        ("scope=read&resource=https://api.example.com", "https://api.example.com = read"),
        ("resource=https://api.example.com", "https://api.example.com = read write"),
        ("scope=read+delete&resource=https://api.example.com", "https://api.example.com = read"),
        ("scope=delete&resource=https://api.example.com", "invalid_scope nothing_left"),
        ("scope=nobody", "invalid_scope not_granted"),
        ("scope=email", "https://id.example.com = email"),
        ("scope=openid+read&resource=https://api.another.com", "https://api.another.com = read"),
        ("resource=https://api.another.com", "https://api.another.com = read delete"),
    ];
    for (more, expected) in steps {
        assert_eq!(next(&mut world, &mut token, more), expected, "{more}");
    }
}

#[test]
fn what_is_taken_away_between_two_steps_is_gone_from_the_next_token() {
    let roles = || RoleAccess::Roles([("clerk".to_owned(), scopes("read"))].into());
    type Take = Box<dyn Fn(&mut World)>;
    let cases: [(&str, Take, &str); 7] = [
        (
            "scope",
            Box::new(|world| world.server(API).scopes.retain(|one| one.name == scope("read"))),
            "https://api.example.com = read",
        ),
        (
            "server",
            Box::new(|world| world.servers.retain(|one| one.identifier != id(API))),
            "invalid_target resource_unknown",
        ),
        (
            "disabled",
            Box::new(|world| world.server(API).enabled = false),
            "invalid_target resource_disabled",
        ),
        (
            "ceiling",
            Box::new(|world| {
                world.client.ceiling.resources.insert(id(API), Reach::Only(scopes("read")));
            }),
            "https://api.example.com = read",
        ),
        (
            "closed",
            Box::new(|world| {
                world.client.ceiling.resources.insert(id(API), Reach::Nothing);
            }),
            "invalid_target resource_not_open",
        ),
        (
            "permission",
            Box::new(move |world| world.server(API).access = roles()),
            "https://api.example.com = read",
        ),
        (
            "role",
            Box::new(|world| {
                world.server(API).access = RoleAccess::Roles([].into());
            }),
            "invalid_scope nothing_left",
        ),
    ];
    for (what, take, expected) in &cases {
        let mut world = World::new();
        let code = everything(&mut world);
        take(&mut world);
        assert_eq!(told(&world.redeem(&code, ON_API)), *expected, "{what} before the code");

        let mut world = World::new();
        let mut token = refreshable(&mut world);
        next(&mut world, &mut token, ON_API);
        take(&mut world);
        assert_eq!(next(&mut world, &mut token, ON_API), *expected, "{what} before the refresh");
        assert_eq!(next(&mut world, &mut token, ON_OTHER), "https://api.another.com = read delete");
    }
}

#[test]
fn revoking_one_resource_of_a_grant_leaves_the_others() {
    let mut world = World::new();
    let mut token = refreshable(&mut world);
    let changes = crate::flow::revoke::take_back(
        &world.grant(),
        crate::flow::revoke::Back::Resource(&id(API)),
        &world.directory(),
        world.now,
    );
    world.commit(&changes).unwrap();
    assert_eq!(next(&mut world, &mut token, ON_API), "invalid_target resource_not_granted");
    assert_eq!(next(&mut world, &mut token, ON_OTHER), "https://api.another.com = read delete");
}

#[test]
fn a_rotated_token_gets_siblings_within_its_grace_period_only() {
    let mut world = World::new();
    let first = refreshable(&mut world);
    let a = world.refresh(&first, ON_API).unwrap().refresh.unwrap();
    world.now += 10;
    let sibling = world.refresh(&first, ON_OTHER).unwrap().refresh.unwrap();
    // The sibling did not renew the grace period, and reuse after it revokes the grant.
    world.now += 1;
    assert_eq!(told(&world.refresh(&first, ON_API)), "invalid_grant refresh_replayed");
    assert_eq!(world.grant().value.status, Status::Revoked);
    for token in [a, sibling] {
        assert_eq!(told(&world.refresh(&token, "")), "invalid_grant revoked");
    }
}

#[test]
fn the_first_use_of_a_sibling_retires_the_others() {
    let mut world = World::new();
    let first = refreshable(&mut world);
    let a = world.refresh(&first, "").unwrap().refresh.unwrap();
    let b = world.refresh(&first, "").unwrap().refresh.unwrap();
    assert_eq!(world.grant().value.rotation.generation, 1);
    let after = world.refresh(&a, "").unwrap().refresh.unwrap();
    assert_eq!(world.grant().value.rotation.generation, 2);
    world.now += 11;
    assert_eq!(told(&world.refresh(&b, "")), "invalid_grant refresh_replayed");
    assert_eq!(told(&world.refresh(&after, "")), "invalid_grant revoked");
}

#[test]
fn two_refreshes_at_once_both_work() {
    let mut world = World::new();
    let token = refreshable(&mut world);
    let body =
        |more: &str| format!("grant_type=refresh_token&refresh_token={}&{more}", token.expose());
    let (first, second) = (world.decide(&body(ON_API)), world.decide(&body(ON_OTHER)));
    assert_eq!(world.commit(&first.changes), Ok(()));
    assert_eq!(world.commit(&second.changes), Err(Conflict), "load and decide again");
    assert_eq!(told(&world.token(&body(ON_OTHER))), "https://api.another.com = read delete");
    assert_eq!(world.grant().value.rotation.generation, 1);
}

#[test]
fn a_revocation_meanwhile_is_a_conflict() {
    let mut world = World::new();
    let token = refreshable(&mut world);
    let body = format!("grant_type=refresh_token&refresh_token={}", token.expose());
    world.token(&body).unwrap();
    let sibling = world.decide(&body);
    let grant = world.grant();
    world.commit(&[grant.update(grant.value.clone().revoke())]).unwrap();
    assert_eq!(world.commit(&sibling.changes), Err(Conflict));
}

#[test]
fn the_audience_dialect_serves_code_and_refresh() {
    let mut world = World::new();
    let code = world
        .authorize(&format!("scope=openid+offline_access+read&audience={API}&audience={OTHER}"))
        .unwrap();
    let outcome = world.redeem(&code, "audience=https://api.another.com");
    assert_eq!(told(&outcome), "https://api.another.com = read");
    let token = outcome.unwrap().refresh.unwrap();
    let differ = "audience=https://api.another.com&resource=https://api.example.com";
    assert_eq!(told(&world.refresh(&token, differ)), "invalid_target audience_differs");
    assert_eq!(
        told(&world.refresh(&token, "audience=https://api.example.com")),
        "https://api.example.com = read"
    );
}

#[test]
fn offline_access_is_in_no_access_token() {
    let mut world = World::new();
    let mut token = refreshable(&mut world);
    for more in ["", ON_API, "scope=openid+offline_access"] {
        assert!(!next(&mut world, &mut token, more).contains("offline_access"));
    }
    let refused = "invalid_scope nothing_left";
    assert_eq!(next(&mut world, &mut token, "scope=offline_access"), refused);
}
