use super::*;
use crate::Reason;
use crate::fixture::{API, OTHER, World, no, resource as id, scopes, shown};
use crate::state::{Reach, RoleAccess};

/// A world in which each rule drops something.
fn world() -> World {
    let mut world = World::new();
    world.client.ceiling.resources.insert(id(OTHER), Reach::Only(scopes("read")));
    let clerk = [("clerk".to_owned(), scopes("read"))];
    world.server(API).access = RoleAccess::Roles(clerk.into());
    world
}

#[test]
fn every_pair_has_kept_or_the_one_rule_that_dropped_it() {
    let world = world();
    let sent = [API.to_owned(), OTHER.to_owned()];
    let asked = scopes("openid read write delete nothing");
    let explained =
        explain(&world.tenant, &world.client, Some(&world.user), &world.directory(), &sent, &asked)
            .unwrap();
    assert_eq!(shown(&explained.grant), "openid | api.another.com: read | api.example.com: read");
    let why = |resource: Option<&str>, name: &str| {
        let resource = resource.map(id);
        let verdicts = explained.explanation.verdicts().iter();
        let found: Vec<Reason> = verdicts
            .filter(|one| one.resource == resource && one.scope.as_str() == name)
            .map(|one| one.reason)
            .collect();
        found
    };
    assert_eq!(why(None, "openid"), [Reason::Kept]);
    assert_eq!(why(None, "nothing"), [Reason::ScopeUnknown]);
    assert_eq!(why(Some(API), "read"), [Reason::Kept]);
    assert_eq!(why(Some(API), "write"), [Reason::SubjectPermission]);
    assert_eq!(why(Some(API), "delete"), [Reason::NotDefined]);
    assert_eq!(why(Some(OTHER), "delete"), [Reason::ClientCeiling]);
    assert_eq!(why(Some(OTHER), "write"), [Reason::NotDefined]);
}

#[test]
fn an_explanation_is_what_the_flow_itself_decides() {
    let world = world();
    let (tenant, client, directory) = (&world.tenant, &world.client, &world.directory());
    let cases = [
        ("resource=https://api.example.com", "read write"),
        ("resource=https://api.another.com", "delete"),
        ("resource=https://nobody.example", "read"),
        ("resource=x", "read"),
        ("", "openid https://api.another.com:read"),
        ("", "https://nobody.example:read"),
        ("", ""),
    ];
    for (sent, asked) in cases {
        let query = format!("{sent}&scope={}", asked.replace(' ', "+"));
        let decided = world.check(&query).map(|checked| shown(checked.asked()));
        let sent: Vec<String> =
            sent.strip_prefix("resource=").into_iter().map(str::to_owned).collect();
        let explained = explain(tenant, client, None, directory, &sent, &scopes(asked));
        let explained = explained.map(|explained| shown(&explained.grant));
        let text = |outcome: Result<String, Refused>| outcome.unwrap_or_else(|why| no(&why));
        assert_eq!(text(explained), text(decided), "{query}");
    }
}
