use bailiwick_oauth::introspect::Response;
use bailiwick_oauth::{ClientId, Form};

use super::*;
use crate::fixture::{API, OTHER, World, machine, resource as id, scopes, told};
use crate::flow::introspect::introspect;
use crate::state::{Client, GrantKind, GrantRecord, RevokedToken, RoleAccess};
use crate::{Change, Loaded, Stored};

/// A shop with a token for the API, and the API itself, a client too.
struct Scene {
    world: World,
    shop: Client,
    found: Found,
}

fn api() -> Client {
    let mut client = machine();
    client.id = ClientId::parse("the-api").unwrap();
    client.grant_types = [GrantKind::TokenExchange].into();
    client.exchange.acts_for = [id(API)].into();
    client
}

impl Scene {
    fn new() -> Self {
        let mut world = World::new();
        let code = world.authorize(&format!("scope=openid read write&resource={API}")).unwrap();
        let tokens = world.redeem(&code, &format!("resource={API}")).unwrap();
        let found = world.found(&tokens);
        let shop = std::mem::replace(&mut world.client, api());
        world.server(API).may_call = [(id(OTHER), scopes("read"))].into();
        Self { world, shop, found }
    }

    fn exchange(&mut self, more: &str) -> Result<Tokens, Refused> {
        self.decide(more, None)
    }

    fn decide(&mut self, more: &str, actor: Option<&Found>) -> Result<Tokens, Refused> {
        let kind = bailiwick_oauth::exchange::GRANT_TYPE;
        let access = TokenType::AccessToken.as_str();
        let body = format!("grant_type={kind}&subject_token=s&subject_token_type={access}&{more}");
        let request = Request::read(&Form::parse(&body).unwrap()).unwrap();
        let world = &mut self.world;
        let directory = world.directory();
        let claims = self.found.claims().unwrap();
        let grant: Option<Loaded<GrantRecord>> =
            GrantId::of_token(&claims.jti).and_then(|id| world.load(id.as_str()));
        let revoked: Option<Loaded<RevokedToken>> = world.load(&claims.jti);
        let client = if claims.client_id == self.shop.id { &self.shop } else { &world.client };
        let known = Known {
            grant: grant.as_ref().map(|loaded| &loaded.value),
            client: Some(client),
            user: Some(&world.user),
            revoked: revoked.as_ref().map(|loaded| &loaded.value),
        };
        let (tenant, client, now) = (&world.tenant, &world.client, world.now);
        let sender = &world.sender;
        let context = Context { tenant, client, directory: &directory, sender, now };
        let own = Known { client: Some(client), ..Known::default() };
        let actor = actor.map(|found| Presented { found, known: own });
        let subject = Presented { found: &self.found, known };
        let decision = token_exchange(&context, &request, subject, actor, &mut world.entropy);
        world.commit(&decision.changes).unwrap();
        decision.outcome
    }

    fn verdict(&mut self, more: &str) -> String {
        told(&self.exchange(more))
    }

    /// The exchanged token is the next one that is presented.
    fn pass_on(&mut self, more: &str) {
        let tokens = self.exchange(more).unwrap();
        self.found = self.world.found(&tokens);
    }

    fn claims(&self) -> &Claims {
        self.found.claims().unwrap()
    }

    /// Whether a resource server is told that the token is active.
    fn is_active_at(&mut self, server: &str) -> bool {
        let asker = self.world.server(server).clone();
        self.world.with_known(&self.found, |known| {
            let answer = introspect(&self.world.tenant, &asker, &self.found, known, self.world.now);
            matches!(answer, Response::Active(_))
        })
    }
}

fn to(resource: &str) -> String {
    format!("resource={resource}")
}

#[test]
fn a_token_is_exchanged_within_itself_or_the_policy() {
    let cases = [
        (to(API), "https://api.example.com = read write"),
        (format!("{}&scope=read", to(API)), "https://api.example.com = read"),
        (to(OTHER), "https://api.another.com = read"),
        (format!("audience={OTHER}"), "https://api.another.com = read"),
        (format!("{}&scope=delete", to(OTHER)), "invalid_scope not_granted"),
        (format!("{}&scope=openid", to(API)), "invalid_scope not_granted"),
        (String::new(), "invalid_target resource_required"),
        (format!("{}&{}", to(API), to(OTHER)), "invalid_target several_resources"),
        (format!("{}&audience={API}", to(OTHER)), "invalid_target audience_differs"),
        (to("https://nobody.example"), "invalid_target resource_unknown"),
        (to("relative"), "invalid_target resource_malformed"),
    ];
    for (more, expected) in cases {
        assert_eq!(Scene::new().verdict(&more), expected, "{more}");
    }
}

#[test]
fn without_a_policy_one_api_calls_no_other() {
    let mut scene = Scene::new();
    scene.world.server(API).may_call.clear();
    assert_eq!(scene.verdict(&to(OTHER)), "invalid_target may_not_call");
}

#[test]
fn neither_the_user_nor_the_client_gets_more_than_it_has() {
    let mut scene = Scene::new();
    scene.world.client.ceiling.resources =
        [(id(OTHER), crate::state::Reach::Only(scopes("delete")))].into();
    assert_eq!(scene.verdict(&to(OTHER)), "invalid_scope nothing_left");
    let mut scene = Scene::new();
    scene.world.client.ceiling.others = crate::state::Reach::Nothing;
    assert_eq!(scene.verdict(&to(OTHER)), "invalid_target resource_not_open");
    let mut scene = Scene::new();
    scene.world.server(OTHER).access = RoleAccess::Roles([].into());
    assert_eq!(scene.verdict(&to(OTHER)), "invalid_scope nothing_left");
    let mut scene = Scene::new();
    scene.world.server(OTHER).enabled = false;
    assert_eq!(scene.verdict(&to(OTHER)), "invalid_target resource_disabled");
}

//= https://www.rfc-editor.org/rfc/rfc8693#section-2.2.2
//= type=test
//# If the request itself is not valid or if either the subject_token or
//# actor_token are invalid for any reason, or are unacceptable based on
//# policy, the authorization server MUST construct an error response, as
//# specified in Section 5.2 of [RFC6749].  The value of the "error"
//# parameter MUST be the "invalid_request" error code.
#[test]
fn only_who_the_token_was_sent_to_exchanges_it() {
    let foreign = "invalid_request other_audience";
    let mut scene = Scene::new();
    scene.world.client.exchange.acts_for = [id(OTHER)].into();
    assert_eq!(scene.verdict(&to(OTHER)), foreign);
    scene.world.client.exchange.acts_for.clear();
    assert_eq!(scene.verdict(&to(OTHER)), foreign);
    let mut scene = Scene::new();
    scene.found = Found::Jwt(Claims {
        aud: scene.world.tenant.issuer.as_str().to_owned(),
        ..scene.claims().clone()
    });
    assert_eq!(scene.verdict(&to(OTHER)), foreign, "a userinfo token");
    scene.found = Found::Jwt(Claims { exp: scene.world.now, ..Scene::new().claims().clone() });
    assert_eq!(scene.verdict(&to(OTHER)), foreign, "an expired one");
    let mut scene = Scene::new();
    scene.world.client.grant_types.clear();
    assert_eq!(scene.verdict(&to(OTHER)), "unauthorized_client grant_type_not_allowed");
    let mut scene = Scene::new();
    scene.world.client.authentication = crate::state::Authentication::None;
    assert_eq!(scene.verdict(&to(OTHER)), "unauthorized_client grant_type_not_allowed");
}

#[test]
fn what_was_revoked_is_not_exchanged() {
    let revoked = "invalid_request other_audience";
    let mut scene = Scene::new();
    let jti = scene.claims().jti.clone();
    scene.world.commit(&[Change::put(RevokedToken { jti, expires_at: i64::MAX })]).unwrap();
    assert_eq!(scene.verdict(&to(OTHER)), revoked, "the token");
    let mut scene = Scene::new();
    let grant = scene.world.grant();
    scene.world.commit(&[grant.update(grant.value.clone().revoke())]).unwrap();
    assert_eq!(scene.verdict(&to(OTHER)), revoked, "the grant");
    let mut scene = Scene::new();
    let grant = scene.world.grant();
    scene.world.commit(&[grant.update(grant.value.clone().without(&id(API)))]).unwrap();
    assert_eq!(scene.verdict(&to(OTHER)), revoked, "the API in the grant");
    let mut scene = Scene::new();
    scene.world.user.enabled = false;
    assert_eq!(scene.verdict(&to(OTHER)), revoked, "the user");
}

#[test]
fn an_exchanged_token_dies_with_the_grant_of_the_first() {
    let mut scene = Scene::new();
    scene.pass_on(&to(OTHER));
    assert!(scene.is_active_at(OTHER), "though the grant holds nothing there");
    assert!(!scene.is_active_at(API));
    let grant = scene.world.grant();
    assert!(!grant.value.grant.resources.contains_key(&id(OTHER)));
    scene.world.commit(&[grant.update(grant.value.clone().without(&id(API)))]).unwrap();
    assert!(!scene.is_active_at(OTHER), "what it came of is gone");
}

#[test]
fn it_never_lives_longer() {
    let mut scene = Scene::new();
    let exp = scene.claims().exp;
    scene.world.server(OTHER).lifetime = 1_000_000;
    scene.world.now = exp - 10;
    scene.pass_on(&to(OTHER));
    assert_eq!(scene.claims().exp, exp);
    let mut scene = Scene::new();
    scene.world.server(OTHER).lifetime = 5;
    scene.pass_on(&to(OTHER));
    assert_eq!(scene.claims().exp, scene.world.now + 5);
}

//= https://www.rfc-editor.org/rfc/rfc8693#section-4.1
//= type=test
//# A chain of delegation can be expressed by nesting one "act" claim
//# within another.  The outermost "act" claim represents the current
//# actor while nested "act" claims represent prior actors.
#[test]
fn who_acts_is_said_and_the_chain_ends() {
    let mut scene = Scene::new();
    scene.world.client.exchange.acts_for.insert(id(OTHER));
    scene.world.server(OTHER).may_call = [(id(API), scopes("read"))].into();
    scene.pass_on(&to(OTHER));
    let act = scene.claims().act.clone().unwrap();
    assert_eq!((act.sub.as_str(), act.act), ("the-api", None));
    assert_eq!(scene.claims().sub.as_str(), "user-1");
    let own = scene.world.client.clone();
    scene.world.client.id = ClientId::parse("next").unwrap();
    // The token is the API's, which is another client than the one that exchanges it now.
    scene.shop = own.clone();
    scene.pass_on(&to(API));
    let act = scene.claims().act.clone().unwrap();
    assert_eq!(act.sub.as_str(), "next");
    assert_eq!(act.act.as_ref().unwrap().sub.as_str(), "the-api");
    assert_eq!(act.depth(), 2);
    scene.pass_on(&to(OTHER));
    scene.pass_on(&to(API));
    assert_eq!(scene.verdict(&to(OTHER)), "invalid_request too_many_actors");
}

#[test]
fn impersonation_is_the_operators_word() {
    let mut scene = Scene::new();
    scene.world.client.exchange.impersonates = true;
    assert_eq!(scene.exchange(&to(OTHER)).unwrap().access.claims.act, None);
    let mut scene = Scene::new();
    assert!(scene.exchange(&to(OTHER)).unwrap().access.claims.act.is_some());
}

#[test]
fn an_actor_token_is_the_clients_own() {
    let mut scene = Scene::new();
    let actor = format!("{}&actor_token=a&actor_token_type={}", to(OTHER), TokenType::Jwt.as_str());
    let own = Claims {
        sub: Subject::of_client(&scene.world.client.id),
        client_id: scene.world.client.id.clone(),
        jti: "own".to_owned(),
        ..scene.claims().clone()
    };
    scene.world.client.exchange.impersonates = true;
    let tokens = scene.decide(&actor, Some(&Found::Jwt(own.clone()))).unwrap();
    assert!(tokens.access.claims.act.is_some(), "who brings an actor token delegates");
    let foreign = [
        Found::Nothing,
        Found::Jwt(scene.claims().clone()),
        Found::Jwt(Claims { exp: scene.world.now, ..own.clone() }),
        Found::Jwt(Claims { sub: scene.world.user.subject.clone(), ..own }),
    ];
    for found in foreign {
        let refused = scene.decide(&actor, Some(&found));
        assert_eq!(told(&refused), "invalid_request other_client");
    }
}

#[test]
fn a_clients_own_token_stays_under_its_own_ceiling_and_is_exchanged_once() {
    let mut scene = Scene::new();
    scene.found = Found::Jwt(Claims {
        sub: Subject::of_client(&scene.shop.id),
        jti: "own".to_owned(),
        auth_time: None,
        ..scene.claims().clone()
    });
    assert_eq!(scene.verdict(&to(OTHER)), "https://api.another.com = read");
    scene.world.client.exchange.acts_for.insert(id(OTHER));
    scene.world.server(OTHER).may_call = [(id(API), scopes("read"))].into();
    let before = scene.found.claims().cloned().unwrap();
    scene.pass_on(&to(OTHER));
    assert_eq!(scene.verdict(&to(API)), "invalid_request too_many_actors");
    scene.found = Found::Jwt(before);
    scene.shop.ceiling.others = crate::state::Reach::Nothing;
    assert_eq!(scene.verdict(&to(OTHER)), "invalid_scope nothing_left");
}

#[test]
fn a_jwt_is_given_only_where_there_are_jwts() {
    let jwt = format!("{}&requested_token_type={}", to(OTHER), TokenType::Jwt.as_str());
    let mut scene = Scene::new();
    assert_eq!(scene.verdict(&jwt), "https://api.another.com = read");
    scene.world.server(OTHER).format = TokenFormat::Opaque;
    assert_eq!(scene.verdict(&jwt), "invalid_request malformed");
    let tokens = scene.exchange(&to(OTHER)).unwrap();
    let found = scene.world.found(&tokens);
    assert_eq!(found.claims().unwrap().exp, tokens.access.claims.exp, "the one of the record too");
    assert!(matches!(found, Found::Opaque(_)));
}

// A record of an older release has none of the settings: such a client exchanges nothing.
#[test]
fn nobody_acts_for_an_api_by_default() {
    let mut old = serde_json::to_value(api()).unwrap();
    old.as_object_mut().unwrap().remove("exchange");
    let old: Client = serde_json::from_value(old).unwrap();
    assert!(old.exchange.acts_for.is_empty() && !old.exchange.impersonates);
    let mut old = serde_json::to_value(crate::fixture::server(API, "read")).unwrap();
    old.as_object_mut().unwrap().remove("may_call");
    let old: ResourceServer = serde_json::from_value(old).unwrap();
    assert!(old.may_call.is_empty() && old.key() == API);
}
