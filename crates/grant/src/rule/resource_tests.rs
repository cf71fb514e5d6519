use bailiwick_oauth::ErrorCode;

use super::*;
use crate::fixture::{API, OTHER, World, directory, grant, no, resource as id, server, tenant};
use crate::state::Reach;

fn world() -> World {
    let mut world = World::new();
    world.servers.push(server("https://api.example.com/orders", "read"));
    world.servers.push(server("urn:example:api", "read"));
    world.server(API).aliases = vec![id("https://old.example.com")];
    world
}

fn verdict(world: &World, sent: &[&str], audience: &[&str]) -> String {
    world.requested(sent, audience).unwrap_or_else(|refused| no(&refused))
}

//= https://www.rfc-editor.org/rfc/rfc8707#section-2.1
//= type=test
//# If the authorization server fails to parse the provided value(s) or
//# does not consider the resource(s) acceptable, it should reject the
//# request with an error response using the error code "invalid_target"
#[test]
fn each_value_must_name_a_registered_resource() {
    let world = world();
    let unknown = "invalid_target resource_unknown";
    let malformed = "invalid_target resource_malformed";
    let long = format!("https://api.example.com/{}", "a".repeat(489));
    let cases: [(&str, &str); 35] = [
        (API, API),
        ("HTTPS://API.EXAMPLE.COM:443/", API),
        ("https://api.example.com/a/..", API),
        ("https://api.example.com/%6Frders", "https://api.example.com/orders"),
        ("https://api.example.com/orders/", unknown),
        ("https://api.example.com/order", unknown),
        ("https://api.example.com/orders/1", unknown),
        ("https://api.example.com/?a=1", unknown),
        ("https://api.example.com:8443", unknown),
        ("https://old.example.com", API),
        ("urn:example:api", "urn:example:api"),
        ("urn:example", unknown),
        ("urn:example:api:x", unknown),
        ("https://[2001:db8::1]/x", unknown),
        ("https://xn--bcher-kva.example", unknown),
        ("", ""),
        (" ", malformed),
        ("orders", malformed),
        ("/orders", malformed),
        ("__proto__", malformed),
        ("https://api.example.com#", malformed),
        ("https://api.example.com#x", malformed),
        ("https://api.example.com%23", malformed),
        ("https://api.example.com/%2", malformed),
        ("https://user@api.example.com", malformed),
        ("https://api.example.com:", malformed),
        ("https://api.example.com,https://api.another.com", malformed),
        ("https://api.example.com https://api.another.com", malformed),
        ("https://bücher.example", malformed),
        ("javascript:alert(1)", malformed),
        ("data:text/plain,x", malformed),
        ("file:///etc/passwd", malformed),
        ("http://api.example.com", malformed),
        ("https://api.example.com/\0", malformed),
        (&long, malformed),
    ];
    for (sent, expected) in cases {
        assert_eq!(verdict(&world, &[sent], &[]), expected, "{sent:?}");
    }
}

//= https://www.rfc-editor.org/rfc/rfc8707#section-2
//= type=test
//# The requested resource is invalid, missing, unknown, or
//# malformed.
#[test]
fn one_bad_value_fails_the_request() {
    let world = world();
    let unknown = "invalid_target resource_unknown";
    assert_eq!(verdict(&world, &[API, "https://nobody.example"], &[]), unknown);
    assert_eq!(verdict(&world, &["https://nobody.example", API], &[]), unknown);
    assert_eq!(verdict(&world, &[API, "x"], &[]), "invalid_target resource_malformed");
}

#[test]
fn empty_values_are_absent_and_duplicates_collapse() {
    let world = world();
    assert_eq!(verdict(&world, &["", ""], &[]), "");
    assert_eq!(verdict(&world, &["", API, ""], &[]), API);
    let same = [API, "https://API.example.com/", "https://old.example.com", API];
    assert_eq!(verdict(&world, &same, &[]), API);
    assert_eq!(verdict(&world, &[OTHER, API, OTHER], &[]), format!("{OTHER} {API}"));
}

#[test]
fn sixteen_resources_are_taken_and_seventeen_are_not() {
    let mut world = world();
    let names: Vec<String> = (0..17).map(|n| format!("https://api{n}.example.com")).collect();
    world.servers.extend(names.iter().map(|name| server(name, "read")));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(verdict(&world, &names[..16], &[]), names[..16].join(" "));
    assert_eq!(verdict(&world, &names, &[]), "invalid_target too_many_resources");
    assert_eq!(verdict(&world, &[API; 17], &[]), API);
    world.tenant.most_resources = 17;
    assert_eq!(verdict(&world, &names, &[]), names.join(" "));
}

#[test]
fn unknown_disabled_and_closed_are_the_same_to_the_client_and_apart_to_the_operator() {
    let mut world = world();
    let name = "https://hidden.example.com";
    let sent = [name.to_owned()];
    let refusal = |world: &World| {
        let directory = world.directory();
        requested(&world.tenant, &world.client, &directory, &sent, &[]).unwrap_err()
    };
    let unknown = refusal(&world);
    world.servers.push(server(name, "read"));
    world.server(name).enabled = false;
    let disabled = refusal(&world);
    world.server(name).enabled = true;
    world.client.ceiling.resources.insert(id(name), Reach::Nothing);
    let closed = refusal(&world);
    assert_eq!(unknown.reason, Reason::ResourceUnknown);
    assert_eq!(disabled.reason, Reason::ResourceDisabled);
    assert_eq!(closed.reason, Reason::ResourceNotOpen);
    for other in [disabled, closed] {
        assert_eq!(other.answer(), unknown.answer());
        assert_eq!(unknown.error, ErrorCode::InvalidTarget);
    }
    world.client.ceiling.resources.clear();
    assert_eq!(verdict(&world, &[name], &[]), name);
}

#[test]
fn the_nearest_identifier_is_suggested_among_the_open_ones_only() {
    let world = world();
    let hint = |open: &[&str], sent: &str| {
        let mut directory = world.directory();
        directory.insert(server("https://api.example.com/secret", "read"));
        directory.suggest_among(open.iter().map(|name| id(name)).collect());
        let sent = [sent.to_owned()];
        let refused = requested(&world.tenant, &world.client, &directory, &sent, &[]).unwrap_err();
        refused.description.split_once("did you mean ").map(|(_, hint)| hint.to_owned())
    };
    let open = ["https://api.example.com/ordxxs", "https://api.example.com/orders", OTHER];
    let nearest = Some("'https://api.example.com/orders'?".to_owned());
    assert_eq!(hint(&open, "https://api.example.com/order"), nearest);
    assert_eq!(hint(&open, "https://api.example.com/orderz"), nearest);
    assert_eq!(hint(&open, "https://api.example.com/orders/"), nearest);
    assert_eq!(hint(&open, "https://api.example.com/secre"), None);
    assert_eq!(hint(&open, "https://nobody.example"), None);
    assert_eq!(hint(&[], "https://api.example.com/order"), None);
}

#[test]
fn audience_means_resource() {
    let world = world();
    let differs = "invalid_target audience_differs";
    assert_eq!(verdict(&world, &[], &[API]), API);
    assert_eq!(verdict(&world, &[API], &["https://api.example.com/"]), API);
    assert_eq!(verdict(&world, &[API, OTHER], &[OTHER, API]), format!("{API} {OTHER}"));
    assert_eq!(verdict(&world, &[API], &[OTHER]), differs);
    assert_eq!(verdict(&world, &[API, OTHER], &[API]), differs);
    assert_eq!(verdict(&world, &[API], &["x"]), "invalid_target resource_malformed");
}

//= https://www.rfc-editor.org/rfc/rfc8707#section-2.1
//= type=test
//# Alternatively, the authorization server MAY
//# require clients to specify the resource(s) they intend to access and
//# MAY fail requests that omit the parameter with an "invalid_target"
//# error.
#[test]
fn a_client_may_be_set_to_ignore_or_require_the_parameter() {
    let mut world = world();
    world.client.parameter = Parameter::Require;
    assert_eq!(verdict(&world, &[], &[]), "invalid_target resource_required");
    assert_eq!(verdict(&world, &[""], &[]), "invalid_target resource_required");
    assert_eq!(verdict(&world, &[], &[API]), API);
    world.client.parameter = Parameter::Ignore;
    assert_eq!(verdict(&world, &["x", OTHER], &[API]), "");
}

#[test]
fn the_default_of_the_client_beats_that_of_the_tenant() {
    let mut world = world();
    let chosen = |world: &World| {
        let directory = world.directory();
        let found = default(&world.tenant, &world.client, &directory);
        found.map(|server| server.identifier.as_str().to_owned())
    };
    assert_eq!(chosen(&world), None);
    world.tenant.default_resource = Some(id(API));
    assert_eq!(chosen(&world).as_deref(), Some(API));
    world.client.default_resource = Some(id(OTHER));
    assert_eq!(chosen(&world).as_deref(), Some(OTHER));
    world.server(OTHER).explicit = true;
    assert_eq!(chosen(&world), None, "one that must be named is never a default");
    world.server(OTHER).explicit = false;
    world.server(OTHER).enabled = false;
    assert_eq!(chosen(&world), None);
    world.server(OTHER).enabled = true;
    world.client.ceiling.resources.insert(id(OTHER), Reach::Nothing);
    assert_eq!(chosen(&world), None);
}

#[test]
fn an_identifier_is_found_before_an_alias_of_the_same_name() {
    let mut thief = server("https://thief.example", "read");
    thief.aliases = vec![id(API)];
    let directory = directory(&[server(API, "read"), thief]);
    assert_eq!(directory.find(&id(API)).unwrap().identifier, id(API));
}

#[test]
fn everything_a_request_may_mean_is_looked_up() {
    let mut world = world();
    world.client.default_resource = Some(id(OTHER));
    let sent = ["https://API.example.com/".to_owned(), "x".to_owned()];
    let scopes = crate::fixture::scopes("read https://a.example/b:c api:read");
    let names = names(&tenant(), &world.client, &sent, &[API.to_owned()], &scopes);
    let names: Vec<&str> = names.iter().map(Resource::as_str).collect();
    assert_eq!(names, ["https://a.example", "https://a.example/b", OTHER, API]);
}

fn selected(world: &World, grant: &Grant, sent: &[&str]) -> String {
    let sent: Vec<String> = sent.iter().map(|&text| text.to_owned()).collect();
    let directory = world.directory();
    match select(&world.tenant, &world.client, &directory, grant, &sent, &[]) {
        Ok(Target::Resource(resource)) => resource.as_str().to_owned(),
        Ok(Target::Userinfo) => "userinfo".to_owned(),
        Err(refused) => no(&refused),
    }
}

#[test]
fn a_named_resource_must_be_in_the_grant() {
    let world = world();
    let both = grant("openid", &[(API, "read"), (OTHER, "read")]);
    assert_eq!(selected(&world, &both, &[API]), API);
    assert_eq!(selected(&world, &both, &["https://old.example.com", API]), API);
    assert_eq!(selected(&world, &both, &[API, OTHER]), "invalid_target several_resources");
    let not = "invalid_target resource_not_granted";
    assert_eq!(selected(&world, &both, &["urn:example:api"]), not);
    let unknown = "invalid_target resource_unknown";
    assert_eq!(selected(&world, &both, &["https://nobody.example"]), unknown);
    assert_eq!(selected(&world, &grant("openid", &[]), &[API]), not);
}

#[test]
fn without_a_resource_the_grant_says_what_is_meant() {
    let mut world = world();
    let ambiguous = "invalid_target resource_ambiguous";
    let cases = [
        (grant("openid", &[(API, "read")]), "userinfo"),
        (grant("openid offline_access", &[(API, "read"), (OTHER, "read")]), "userinfo"),
        (grant("offline_access", &[(API, "read")]), API),
        (grant("", &[(API, "read")]), API),
        (grant("offline_access", &[(API, "read"), (OTHER, "read")]), ambiguous),
        (grant("offline_access", &[]), ambiguous),
    ];
    for (grant, expected) in &cases {
        assert_eq!(selected(&world, grant, &[]), *expected, "{grant:?}");
    }
    let several = grant("", &[(API, "read"), (OTHER, "read")]);
    world.tenant.default_resource = Some(id(OTHER));
    assert_eq!(selected(&world, &several, &[]), OTHER);
    world.client.default_resource = Some(id("urn:example:api"));
    assert_eq!(selected(&world, &several, &[]), ambiguous, "the default is not in the grant");
    let directory = world.directory();
    let refused = select(&world.tenant, &world.client, &directory, &several, &[], &[]).unwrap_err();
    assert!(refused.description.contains(API) && refused.description.contains(OTHER));
}

#[test]
fn a_client_that_falls_back_to_the_granted_gets_the_sole_resource() {
    let mut world = world();
    world.client.fallback = Fallback::Granted;
    assert_eq!(selected(&world, &grant("openid", &[(API, "read")]), &[]), API);
    assert_eq!(selected(&world, &grant("openid", &[]), &[]), "userinfo");
    let several = grant("openid", &[(API, "read"), (OTHER, "read")]);
    assert_eq!(selected(&world, &several, &[]), "userinfo");
    world.server(API).explicit = true;
    let sole = grant("openid", &[(API, "read")]);
    assert_eq!(selected(&world, &sole, &[]), "invalid_target resource_not_explicit");
    assert_eq!(selected(&world, &sole, &[API]), API);
}

#[test]
fn a_granted_resource_that_was_closed_since_is_refused() {
    let mut world = world();
    let sole = grant("", &[(API, "read")]);
    world.server(API).enabled = false;
    for sent in [&[][..], &[API][..]] {
        assert_eq!(selected(&world, &sole, sent), "invalid_target resource_disabled");
    }
    world.server(API).enabled = true;
    world.client.ceiling.resources.insert(id(API), Reach::Nothing);
    for sent in [&[][..], &[API][..]] {
        assert_eq!(selected(&world, &sole, sent), "invalid_target resource_not_open");
    }
    world.servers.retain(|server| server.identifier != id(API));
    for sent in [&[][..], &[API][..]] {
        assert_eq!(selected(&world, &sole, sent), "invalid_target resource_unknown");
    }
}
