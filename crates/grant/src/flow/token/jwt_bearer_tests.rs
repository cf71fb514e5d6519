use bailiwick_oauth::jwt_bearer::GRANT_TYPE;
use bailiwick_oauth::{Form, Issuer};

use super::*;
use crate::fixture::{API, BOTH, OTHER, World, machine, resource as id, scopes as names, told};
use crate::rule::client_auth::Spent;
use crate::state::{GrantKind, Reach, RoleAccess};
use crate::{AssertionProfile, Named};

struct Scene {
    world: World,
    trusted: TrustedIssuer,
    asserted: Asserted,
}

impl Scene {
    /// An assertion for these resources and scopes.
    fn new(resources: &[&str], scope: Option<&str>) -> Self {
        let mut world = World::new();
        world.client = machine();
        world.client.grant_types = [GrantKind::JwtBearer].into();
        let trusted = TrustedIssuer {
            issuer: Issuer::parse("https://idp.example.com").unwrap(),
            jwks_uri: None,
            profile: AssertionProfile::IdJag,
            clients: [world.client.id.clone()].into(),
            resources: [id(API), id(OTHER)].into(),
            claim: "sub".to_owned(),
            names: Named::Username,
        };
        let asserted = Asserted {
            user: "alice".to_owned(),
            resources: resources.iter().map(|&one| one.to_owned()).collect(),
            scope: scope.map(names),
            auth_time: 7,
            spent: Spent { key: "k".to_owned(), until: 0 },
        };
        Self { world, trusted, asserted }
    }

    fn token(&mut self, more: &str) -> Result<Tokens, Refused> {
        let body = format!("grant_type={GRANT_TYPE}&assertion=a&{more}");
        let request = Request::read(&Form::parse(&body).unwrap()).unwrap();
        let world = &mut self.world;
        let directory = world.directory();
        let (tenant, client, sender) = (&world.tenant, &world.client, &world.sender);
        let context = Context { tenant, client, directory: &directory, sender, now: world.now };
        let (trusted, asserted) = (&self.trusted, &self.asserted);
        let (user, entropy) = (Some(&world.user), &mut world.entropy);
        let decision = jwt_bearer(&context, &request, trusted, asserted, user, entropy);
        world.commit(&decision.changes).unwrap();
        decision.outcome
    }

    fn verdict(&mut self, more: &str) -> String {
        told(&self.token(more))
    }
}

#[test]
fn the_assertion_bounds_resource_and_scope() {
    let on = |resource: &str| format!("resource={resource}");
    let read = "https://api.example.com = read";
    type Case<'a> = (&'a [&'a str], Option<&'a str>, String, &'a str);
    let cases: [Case<'_>; 13] = [
        (&[API], Some("read"), String::new(), read),
        (&[API], Some("read"), on(API), read),
        (&[API], Some("read"), format!("audience={API}"), read),
        (&[API], Some("read write"), "scope=read".to_owned(), read),
        (&[API], Some("read"), "scope=read write".to_owned(), read),
        (&[API], Some("read"), "scope=write".to_owned(), "invalid_scope not_granted"),
        (&[API], None, "scope=read".to_owned(), read),
        (&[API], Some("read"), on(OTHER), "invalid_target resource_not_granted"),
        (&[API, OTHER], Some("read"), String::new(), "invalid_target several_resources"),
        (&[API, OTHER], Some("read"), on(API), read),
        (&[API, OTHER], Some("read"), BOTH.to_owned(), "invalid_target several_resources"),
        (&[], Some("read"), on(API), read),
        (&[], Some("read"), String::new(), "invalid_target resource_ambiguous"),
    ];
    for (resources, scope, more, expected) in cases {
        let verdict = Scene::new(resources, scope).verdict(&more);
        assert_eq!(verdict, expected, "{resources:?} {scope:?} {more}");
    }
    let unknown = Scene::new(&["https://nobody.example"], Some("read")).verdict("");
    assert_eq!(unknown, "invalid_target resource_unknown");
    let malformed = Scene::new(&["relative"], Some("read")).verdict("");
    assert_eq!(malformed, "invalid_target resource_malformed");
    let global = Scene::new(&[API], Some("openid")).verdict("");
    assert_eq!(global, "invalid_scope nothing_left");
}

#[test]
fn issuer_client_and_user_bound_it_too() {
    let mut scene = Scene::new(&[API], Some("read"));
    scene.trusted.resources = [id(OTHER)].into();
    assert_eq!(scene.verdict(""), "invalid_target resource_not_open");
    let mut scene = Scene::new(&[API], Some("read write"));
    scene.world.client.ceiling.resources = [(id(API), Reach::Only(names("read")))].into();
    assert_eq!(scene.verdict(""), "https://api.example.com = read");
    scene.world.client.strict = true;
    assert_eq!(scene.verdict(""), "invalid_scope client_ceiling");
    let mut scene = Scene::new(&[API], Some("read"));
    scene.world.server(API).access = RoleAccess::Roles([].into());
    assert_eq!(scene.verdict(""), "invalid_scope nothing_left");
    let mut scene = Scene::new(&[API], Some("read"));
    scene.world.user.enabled = false;
    assert_eq!(scene.verdict(""), "invalid_grant subject_disabled");
    let mut scene = Scene::new(&[API], Some("read"));
    scene.world.client.grant_types.clear();
    assert_eq!(scene.verdict(""), "unauthorized_client grant_type_not_allowed");
    let mut scene = Scene::new(&[API], Some("read"));
    scene.world.client.authentication = crate::state::Authentication::None;
    assert_eq!(scene.verdict(""), "unauthorized_client grant_type_not_allowed");
}

#[test]
fn it_leaves_a_grant_that_can_be_revoked_and_no_refresh_token() {
    let mut scene = Scene::new(&[API], Some("read"));
    scene.world.client.grant_types.insert(GrantKind::RefreshToken);
    let tokens = scene.token("").unwrap();
    assert!(tokens.refresh.is_none() && tokens.id.is_none());
    let grant = scene.world.grant().value;
    assert_eq!(GrantId::of_token(&tokens.access.claims.jti), Some(grant.id));
    assert_eq!((grant.expires_at, grant.auth_time), (tokens.access.claims.exp, 7));
    assert_eq!(tokens.access.claims.sub.as_str(), "user-1");
    assert_eq!(tokens.access.claims.auth_time, Some(7));
}
