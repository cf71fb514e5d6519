use super::*;
use crate::fixture::{API, OTHER, World, no, resource as id, scope, scopes, server, shown};
use crate::state::Reach;

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

#[test]
fn a_qualified_name_adds_its_one_pair_and_never_multiplies() {
    let mut world = world();
    world.server(OTHER).aliases = vec![id("https://alias.example.com")];
    let reading = "invalid_scope scope_reading";
    let cases = [
        // Worked example 4.
        (
            format!("scope=openid+profile+email+{ORDERS}:read"),
            "openid profile email | api.example.com/orders: read",
        ),
        (format!("scope={ORDERS}/read"), "api.example.com/orders: read"),
        (
            "scope=HTTPS://API.example.com:443/orders:read".to_owned(),
            "api.example.com/orders: read",
        ),
        (format!("scope={API}:write&resource={OTHER}"), "api.example.com: write"),
        (
            format!("scope=read+{API}:write&resource={OTHER}"),
            "api.another.com: read | api.example.com: write",
        ),
        (
            format!("scope=read+{API}:write&resource={OTHER}&resource={API}"),
            "api.another.com: read | api.example.com: read write",
        ),
        ("scope=https://alias.example.com:delete".to_owned(), "api.another.com: delete"),
        ("scope=https://alias.example.com/delete".to_owned(), "api.another.com: delete"),
        ("scope=https://alias.example.com//delete".to_owned(), "api.another.com: delete"),
        (format!("scope={API}:delete"), reading),
        (format!("scope={API}"), reading),
        (format!("scope=openid+{API}:delete"), reading),
        ("scope=openid+https://nobody.example:read".to_owned(), reading),
        ("scope=openid+urn:nobody:read".to_owned(), reading),
        (
            format!("scope=openid+read:orders+orders:read+api:read+api+https&resource={API}"),
            "openid",
        ),
    ];
    for (query, expected) in cases {
        assert_eq!(verdict(&world, &query), expected, "{query}");
    }
}

#[test]
fn ordinary_names_with_a_colon_are_ordinary() {
    let mut world = world();
    world.servers.push(server("https://mail.example.com", "read:orders orders:read api:read"));
    let all = "resource=https://mail.example.com";
    let query = format!("scope=read:orders+orders:read+api:read&{all}");
    assert_eq!(verdict(&world, &query), "mail.example.com: read:orders orders:read api:read");
    let query = "scope=https://mail.example.com:read:orders";
    assert_eq!(verdict(&world, query), "mail.example.com: read:orders");
}

#[test]
fn a_name_with_two_readings_is_refused() {
    let mut world = world();
    world.servers.push(server("https://two.example.com", "a:read a/read"));
    world.servers.push(server("https://two.example.com/a", "read"));
    let reading = "invalid_scope scope_reading";
    assert_eq!(verdict(&world, "scope=openid+https://two.example.com/a:read"), reading);
    assert_eq!(verdict(&world, "scope=openid+https://two.example.com/a/read"), reading);
    assert_eq!(verdict(&world, "scope=https://two.example.com:a:read"), "two.example.com: a:read");
    world.servers.pop();
    assert_eq!(verdict(&world, "scope=https://two.example.com/a:read"), "two.example.com: a:read");
    assert_eq!(verdict(&world, "scope=https://two.example.com/a/read"), "two.example.com: a/read");
}

#[test]
fn a_name_with_more_separators_than_are_looked_at_is_refused() {
    let mut world = world();
    let deep = format!("https://deep.example.com{}", "/a".repeat(14));
    world.servers.push(server(&deep, "read"));
    assert_eq!(
        verdict(&world, &format!("scope=openid+{deep}:read")),
        "invalid_scope scope_reading"
    );
    let deep = format!("https://deep.example.com{}", "/a".repeat(12));
    world.servers.push(server(&deep, "read"));
    assert!(world.check(&format!("scope={deep}:read")).is_ok());
}

#[test]
fn an_identifier_that_ends_in_a_slash_can_be_a_qualifier() {
    let mut world = world();
    world.servers.push(server("https://slash.example.com/v1/", "read"));
    for query in
        ["scope=https://slash.example.com/v1//read", "scope=https://slash.example.com/v1/:read"]
    {
        assert_eq!(verdict(&world, query), "slash.example.com/v1/: read");
    }
    assert_eq!(
        verdict(&world, "scope=https://slash.example.com/v1/read"),
        "invalid_scope scope_reading"
    );
}

#[test]
fn a_literal_scope_of_that_name_wins() {
    let mut world = world();
    let name = format!("{ORDERS}:read");
    world.servers.push(server("https://mail.example.com", &name));
    let query = format!("scope={name}&resource=https://mail.example.com");
    assert_eq!(verdict(&world, &query), format!("mail.example.com: {name}"));
    assert_eq!(verdict(&world, &format!("scope={name}")), "api.example.com/orders: read");
    world.client.default_resource = Some(id("https://mail.example.com"));
    assert_eq!(verdict(&world, &format!("scope={name}")), format!("mail.example.com: {name}"));
    world.tenant.global_scopes.insert(scope(&name));
    assert_eq!(verdict(&world, &query), name);
}

#[test]
fn a_qualified_name_tells_nothing_of_what_is_hidden_from_the_client() {
    let mut world = world();
    let name = "https://hidden.example.com";
    let query = format!("scope=openid+{name}:read");
    let unknown = world.check(&query).unwrap_err();
    world.servers.push(server(name, "read"));
    world.server(name).enabled = false;
    let disabled = world.check(&query).unwrap_err();
    world.server(name).enabled = true;
    world.server(name).explicit = true;
    world.client.ceiling.resources.insert(id(name), Reach::Nothing);
    let closed = world.check(&query).unwrap_err();
    assert_eq!(unknown.reason, Reason::ScopeReading);
    assert_eq!(disabled.reason, Reason::ResourceDisabled);
    assert_eq!(closed.reason, Reason::ResourceNotOpen);
    assert_eq!(disabled.answer(), unknown.answer());
    assert_eq!(closed.answer(), unknown.answer());
}

#[test]
fn dot_default_means_what_the_client_is_configured_for_there() {
    let mut world = world();
    let query = format!("scope=openid+{ORDERS}/.default");
    assert_eq!(verdict(&world, &query), "openid", "everything is nothing explicit");
    world.client.ceiling.others = Reach::Only(scopes("read"));
    assert_eq!(verdict(&world, &query), "openid", "elsewhere is not there");
    let reach = Reach::Only(scopes("read list admin gone"));
    world.client.ceiling.resources.insert(id(ORDERS), reach);
    let expanded = "openid | api.example.com/orders: read list";
    assert_eq!(verdict(&world, &query), expanded, "never what is sensitive");
    assert_eq!(verdict(&world, &format!("scope=openid+{ORDERS}:.default")), expanded);
    let query = format!("scope={ORDERS}/.default&resource={API}");
    assert_eq!(verdict(&world, &query), "api.example.com/orders: read list");
    assert_eq!(
        verdict(&world, &format!("scope={ORDERS}/.default+{ORDERS}:admin")),
        "api.example.com/orders: read list admin"
    );
    assert_eq!(
        verdict(&world, "scope=https://nobody.example/.default"),
        "invalid_scope scope_reading"
    );
}

#[test]
fn more_qualified_names_than_are_taken_are_refused() {
    let mut world = world();
    let names: Vec<String> = (0..33).map(|n| format!("s{n}")).collect();
    world.servers.push(server("urn:many", &names.join(" ")));
    let query = |most: usize| {
        let names: Vec<String> =
            names[..most].iter().map(|name| format!("urn:many:{name}")).collect();
        format!("scope={}", names.join("+"))
    };
    assert!(world.check(&query(MOST_QUALIFIED)).is_ok());
    assert_eq!(verdict(&world, &query(MOST_QUALIFIED + 1)), "invalid_scope scope_reading");
}

#[test]
fn a_resource_server_may_want_to_be_named_with_resource() {
    let mut world = world();
    world.server(ORDERS).explicit = true;
    let refused = "invalid_target resource_not_explicit";
    assert_eq!(verdict(&world, &format!("scope=openid+{ORDERS}:read")), refused);
    assert_eq!(
        verdict(&world, &format!("scope={ORDERS}:read&resource={ORDERS}")),
        "api.example.com/orders: read"
    );
}
