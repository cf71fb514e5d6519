use bailiwick_oauth::Grant;

use super::*;
use crate::fixture::{
    API, BOTH, OTHER, World, grant, no, resource as id, scope, scopes, server, shown, user,
};

const ORDERS: &str = "https://api.example.com/orders";

/// The worked examples' APIs, and one below the first.
fn world() -> World {
    let mut world = World::new();
    world.servers.push(server(ORDERS, "read list* admin!"));
    world
}

/// What a request comes to before the user is known.
fn verdict(world: &World, query: &str) -> String {
    match world.check(query) {
        Ok(checked) => shown(checked.asked()),
        Err(refused) => no(&refused),
    }
}

/// What became of one scope of a request.
fn why(world: &World, query: &str, resource: Option<&str>, name: &str) -> Vec<Reason> {
    let resource = resource.map(id);
    let checked = world.check(query).unwrap();
    let verdicts = checked.explanation().verdicts().iter();
    verdicts
        .filter(|one| one.resource == resource && one.scope == scope(name))
        .map(|one| one.reason)
        .collect()
}

//= https://www.rfc-editor.org/rfc/rfc8707#section-2.2
//= type=test
//# Effectively, the
//# requested access rights of the token are the cartesian product of all
//# the scopes at all the target services.
#[test]
fn scopes_and_resources_multiply_where_the_resource_defines_the_scope() {
    let world = world();
    let one = format!("resource={API}");
    let cases = [
        // Worked examples 1 and 2.
        (
            format!("scope=openid+profile+email+read&{one}"),
            "openid profile email | api.example.com: read",
        ),
        (
            format!("scope=openid+profile+email+read+write+delete&{BOTH}"),
            "openid profile email | api.another.com: read delete | api.example.com: read write",
        ),
        (format!("scope=read&{BOTH}"), "api.another.com: read | api.example.com: read"),
        (format!("scope=write&{BOTH}"), "api.example.com: write"),
        (format!("scope=nothing&{BOTH}"), "invalid_scope nothing_left"),
        (format!("scope=read+nothing&{one}"), "api.example.com: read"),
        ("scope=openid+read".to_owned(), "openid"),
        ("scope=read".to_owned(), "invalid_scope nothing_left"),
        (String::new(), "invalid_scope nothing_left"),
        ("scope=openid".to_owned(), "openid"),
    ];
    for (query, expected) in cases {
        assert_eq!(verdict(&world, &query), expected, "{query}");
    }
}

#[test]
fn a_request_for_four_or_seven_is_granted_four_or_seven() {
    let world = world();
    let count = |query: &str| {
        let checked = world.check(query).unwrap();
        checked.asked().global.len() + checked.asked().permissions().count()
    };
    assert_eq!(count(&format!("scope=openid+profile+email+read&resource={API}")), 4);
    assert_eq!(count(&format!("scope=openid+profile+email+read+write+delete&{BOTH}")), 7);
}

#[test]
fn without_a_scope_of_its_own_each_resource_gives_its_defaults() {
    let mut world = world();
    world.servers.push(server("https://mail.example.com", "send* read* purge"));
    let cases = [
        (format!("resource={ORDERS}"), "api.example.com/orders: list"),
        (format!("scope=openid&resource={ORDERS}"), "openid | api.example.com/orders: list"),
        (
            format!("resource={ORDERS}&resource=https://mail.example.com"),
            "api.example.com/orders: list | mail.example.com: send read",
        ),
        (
            format!("scope=send&resource={ORDERS}&resource=https://mail.example.com"),
            "mail.example.com: send",
        ),
        (format!("resource={API}"), "invalid_scope nothing_left"),
    ];
    for (query, expected) in cases {
        assert_eq!(verdict(&world, &query), expected, "{query}");
    }
}

//= https://www.rfc-editor.org/rfc/rfc8707#section-2.1
//= type=test
//# If the client omits the "resource" parameter when requesting
//# authorization, the authorization server MAY process the request with
//# no specific resource or by using a predefined default resource value.
#[test]
fn a_request_without_a_resource_gets_the_default_one() {
    let mut world = world();
    world.tenant.default_resource = Some(id(API));
    assert_eq!(verdict(&world, "scope=openid+read"), "openid | api.example.com: read");
    assert_eq!(verdict(&world, &format!("scope=read&resource={OTHER}")), "api.another.com: read");
    let qualified = format!("scope=openid+read+{ORDERS}:read");
    assert_eq!(verdict(&world, &qualified), "openid | api.example.com/orders: read");
    world.client.default_resource = Some(id(ORDERS));
    assert_eq!(verdict(&world, "scope=read"), "api.example.com/orders: read");
    assert_eq!(verdict(&world, ""), "api.example.com/orders: list");
    world.server(ORDERS).explicit = true;
    assert_eq!(verdict(&world, "scope=openid+read"), "openid");
}

//= https://www.rfc-editor.org/rfc/rfc6749#section-3.3
//= type=test
//# The authorization server MAY fully or partially ignore the scope
//# requested by the client, based on the authorization server policy or
//# the resource owner's instructions.
#[test]
fn what_is_beyond_the_clients_ceiling_falls_out() {
    let mut world = world();
    world.client.ceiling.global = Reach::Only(scopes("openid"));
    world.client.ceiling.resources.insert(id(API), Reach::Only(scopes("read nothing")));
    let query = format!("scope=openid+email+read+write&{BOTH}");
    assert_eq!(verdict(&world, &query), "openid | api.another.com: read | api.example.com: read");
    assert_eq!(why(&world, &query, Some(API), "write"), [Reason::ClientCeiling]);
    assert_eq!(why(&world, &query, Some(API), "read"), [Reason::Kept]);
    assert_eq!(why(&world, &query, Some(OTHER), "write"), [Reason::NotDefined]);
    assert_eq!(why(&world, &query, None, "email"), [Reason::ClientCeiling]);
    let query = format!("scope=openid+nothing&{BOTH}");
    assert_eq!(why(&world, &query, None, "nothing"), [Reason::ScopeUnknown]);
    assert_eq!(
        verdict(&world, &format!("scope=write&resource={API}")),
        "invalid_scope nothing_left"
    );
    world.client.ceiling.others = Reach::Nothing;
    assert_eq!(verdict(&world, &query), "invalid_target resource_not_open");
}

#[test]
fn strict_refuses_what_falls_out_and_says_which_rule_it_was() {
    let mut world = world();
    world.servers.push(server("https://mail.example.com", "send* read* purge"));
    world.client.ceiling.resources.insert(id(API), Reach::Only(scopes("read")));
    let mail = Reach::Only(scopes("send purge"));
    world.client.ceiling.resources.insert(id("https://mail.example.com"), mail);
    let cases = [
        (
            format!("scope=read+delete&{BOTH}"),
            "api.another.com: read delete | api.example.com: read",
        ),
        (format!("scope=read+nothing&{BOTH}"), "invalid_scope scope_unknown"),
        ("scope=openid+read".to_owned(), "invalid_scope scope_unknown"),
        (format!("scope=read+write&resource={API}"), "invalid_scope client_ceiling"),
        (format!("scope={API}:write"), "invalid_scope client_ceiling"),
        // Nobody asked for the defaults by name.
        ("resource=https://mail.example.com".to_owned(), "mail.example.com: send"),
        ("scope=https://mail.example.com/.default".to_owned(), "mail.example.com: send purge"),
    ];
    for of_tenant in [true, false] {
        (world.tenant.strict, world.client.strict) = (of_tenant, !of_tenant);
        for (query, expected) in &cases {
            assert_eq!(verdict(&world, query), *expected, "{query}");
        }
    }
    world.client.ceiling.global = Reach::Only(scopes("openid"));
    world.client.strict = true;
    assert_eq!(verdict(&world, "scope=openid+email"), "invalid_scope client_ceiling");
}

#[test]
fn a_resource_without_a_scope_is_kept_only_where_it_is_allowed() {
    let mut world = world();
    let query = format!("scope=openid+nothing&resource={API}");
    assert_eq!(verdict(&world, &query), "openid");
    assert_eq!(
        verdict(&world, &format!("scope=nothing&resource={API}")),
        "invalid_scope nothing_left"
    );
    world.server(API).allow_empty_scope = true;
    assert_eq!(verdict(&world, &query), "openid | api.example.com: ");
    assert_eq!(verdict(&world, &format!("resource={API}")), "api.example.com: ");
    // A qualified name adds a pair or nothing.
    world.client.ceiling.resources.insert(id(API), Reach::Only(scopes("read")));
    assert_eq!(verdict(&world, &format!("scope=openid+{API}:write")), "openid");
}

fn permitted(world: &World, asked: &Grant) -> String {
    match permit(&world.tenant, &world.client, &world.directory(), &world.user, asked) {
        Ok(resolved) => shown(&resolved.asked),
        Err(refused) => no(&refused),
    }
}

#[test]
fn a_user_holds_the_scopes_of_its_roles_where_roles_count() {
    let mut world = world();
    let asked = grant("openid", &[(API, "read write"), (OTHER, "read delete")]);
    let all = "openid | api.another.com: read delete | api.example.com: read write";
    assert_eq!(permitted(&world, &asked), all);
    let roles = [("clerk", "read"), ("boss", "read write")];
    let roles = roles.map(|(role, names)| (role.to_owned(), scopes(names)));
    world.server(API).access = RoleAccess::Roles(roles.into());
    let some = "openid | api.another.com: read delete | api.example.com: read";
    assert_eq!(permitted(&world, &asked), some);
    world.user.roles.insert("boss".to_owned());
    assert_eq!(permitted(&world, &asked), all);
    world.user.roles.clear();
    assert_eq!(permitted(&world, &asked), "openid | api.another.com: read delete");
    assert_eq!(permitted(&world, &grant("", &[(API, "read")])), "invalid_scope nothing_left");
    world.client.strict = true;
    assert_eq!(permitted(&world, &asked), "invalid_scope subject_permission");
}

#[test]
fn what_was_taken_away_while_the_user_signed_in_falls_out() {
    let asked = grant("openid email", &[(API, "read write"), (OTHER, "read delete")]);
    let verdict = |change: fn(&mut World)| {
        let mut world = world();
        change(&mut world);
        permitted(&world, &asked)
    };
    let other = "openid email | api.another.com: read delete";
    type Change = fn(&mut World);
    let cases: [(Change, String); 6] = [
        (|world| world.servers.retain(|one| one.identifier != id(API)), other.to_owned()),
        (|world| world.server(API).enabled = false, other.to_owned()),
        (
            |world| drop(world.client.ceiling.resources.insert(id(API), Reach::Nothing)),
            other.to_owned(),
        ),
        (
            |world| world.server(API).scopes.retain(|one| one.name != scope("read")),
            format!("{other} | api.example.com: write"),
        ),
        (
            |world| {
                let reach = Reach::Only(scopes("read"));
                world.client.ceiling.resources.insert(id(API), reach);
            },
            format!("{other} | api.example.com: read"),
        ),
        (
            |world| world.client.ceiling.global = Reach::Only(scopes("openid")),
            "openid | api.another.com: read delete | api.example.com: read write".to_owned(),
        ),
    ];
    for (change, expected) in cases {
        assert_eq!(verdict(change), expected);
    }
}

/// What a refresh of a grant gets: `on` a resource, or the global scopes.
fn narrowed(world: &World, held: &Grant, on: Option<&str>, asked: Option<&str>) -> String {
    let directory = world.directory();
    let asked = asked.map(scopes);
    let (tenant, client) = (&world.tenant, &world.client);
    let narrowed = match on {
        None => narrow_global(tenant, client, &directory, held, asked.as_ref()),
        Some(on) => {
            let server = directory.find(&id(on)).unwrap();
            let of = Holder::User(&world.user);
            narrow(tenant, client, &directory, server, of, held, asked.as_ref())
        }
    };
    narrowed.map_or_else(|refused| no(&refused), |narrowed| narrowed.scopes.to_string())
}

//= https://www.rfc-editor.org/rfc/rfc6749#section-6
//= type=test
//# The requested scope MUST NOT include any scope
//# not originally granted by the resource owner, and if omitted is
//# treated as equal to the scope originally granted by the
//# resource owner.
#[test]
fn the_scope_of_a_refresh_narrows_and_never_crosses() {
    let mut world = world();
    world.server(OTHER).aliases = vec![id("https://alias.example.com")];
    let held = grant("openid email offline_access", &[(API, "read write"), (OTHER, "read delete")]);
    let (nothing, never) = ("invalid_scope nothing_left", "invalid_scope not_granted");
    let alias = Some("https://alias.example.com:delete");
    let cases = [
        (Some(API), None, "read write"),
        (Some(API), Some(""), "read write"),
        (Some(API), Some("write"), "write"),
        (Some(API), Some("write delete"), "write"),
        (Some(API), Some("openid write"), "write"),
        (Some(API), Some("delete"), nothing),
        (Some(API), Some("openid"), nothing),
        (Some(API), Some("read nobody"), never),
        (Some(API), Some("read phone"), never),
        (Some(API), Some("https://api.example.com:read"), "read"),
        (Some(API), Some("https://api.another.com:read"), nothing),
        (Some(API), Some("https://api.example.com:delete"), never),
        (Some(API), Some("https://api.example.com/.default"), "read write"),
        (Some(API), Some("https://api.another.com/.default"), nothing),
        (Some(API), Some("https://api.example.com/orders/.default"), never),
        (Some(OTHER), alias, "delete"),
        (None, None, "openid email"),
        (None, Some("email"), "email"),
        (None, Some("email read"), "email"),
        (None, Some("offline_access"), nothing),
        (None, Some("read"), nothing),
        (None, Some("profile"), never),
    ];
    for (on, asked, expected) in cases {
        assert_eq!(narrowed(&world, &held, on, asked), expected, "{on:?} {asked:?}");
    }
}

#[test]
fn a_qualified_name_of_a_refresh_has_one_reading_too() {
    let mut world = world();
    world.servers.push(server("https://two.example.com", "a:read"));
    world.servers.push(server("https://two.example.com/a", "read"));
    let both = [("https://two.example.com", "a:read"), ("https://two.example.com/a", "read")];
    let asked = Some("https://two.example.com/a:read");
    let on = Some("https://two.example.com/a");
    assert_eq!(narrowed(&world, &grant("", &both), on, asked), "invalid_scope not_granted");
    assert_eq!(narrowed(&world, &grant("", &both[1..]), on, asked), "read");
}

#[test]
fn a_grant_is_narrowed_anew_to_what_can_be_had_now() {
    let mut world = world();
    let held = grant("openid email", &[(API, "read write")]);
    world.server(API).scopes.retain(|one| one.name != scope("write"));
    assert_eq!(narrowed(&world, &held, Some(API), None), "read");
    assert_eq!(narrowed(&world, &held, Some(API), Some("write")), "invalid_scope nothing_left");
    world.client.ceiling.resources.insert(id(API), Reach::Only(scopes("write")));
    assert_eq!(narrowed(&world, &held, Some(API), None), "invalid_scope nothing_left");
    world.server(API).allow_empty_scope = true;
    assert_eq!(narrowed(&world, &held, Some(API), None), "");
    world.client.ceiling.global = Reach::Only(scopes("email"));
    assert_eq!(narrowed(&world, &held, None, None), "email");
    world.tenant.global_scopes.retain(|one| *one != scope("email"));
    assert_eq!(narrowed(&world, &held, None, None), "invalid_scope nothing_left");
}

#[test]
fn a_pair_on_one_resource_says_nothing_about_the_same_name_on_another() {
    let held = grant("", &[(API, "read")]);
    let world = world();
    let asked = Some(scopes("read"));
    let directory = world.directory();
    let server = directory.find(&id(OTHER)).unwrap();
    let (tenant, client) = (&world.tenant, &world.client);
    let user = user();
    let of = Holder::User(&user);
    let refused = narrow(tenant, client, &directory, server, of, &held, asked.as_ref());
    assert_eq!(refused.unwrap_err().reason, Reason::NothingLeft);
}
