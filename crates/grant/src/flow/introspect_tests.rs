use bailiwick_oauth::Issuer;

use super::*;
use crate::fixture::{API, BOTH, NOW, OTHER, World, machine, resource as id};
use crate::flow::revoke::{self, Back};
use crate::flow::token::AccessForm;
use crate::flow::token::Tokens;
use crate::state::TokenFormat;
use crate::{Change, Loaded};

const ON_API: &str = "resource=https://api.example.com";

/// A token for the first API, of the given form.
fn issued(format: TokenFormat) -> (World, Tokens) {
    let mut world = World::new();
    world.server(API).format = format;
    let query = format!("scope=openid+offline_access+read+write+delete&{BOTH}");
    let code = world.authorize(&query).unwrap();
    let tokens = world.redeem(&code, ON_API).unwrap();
    (world, tokens)
}

/// The scope that a resource server is told, or that the token is inactive.
fn verdict(world: &mut World, asker: &str, tokens: &Tokens) -> Option<String> {
    let asker = world.server(asker).clone();
    let found = world.found(tokens);
    asked(world, &asker, &found)
}

fn asked(world: &World, asker: &ResourceServer, found: &Found) -> Option<String> {
    match world.with_known(found, |known| introspect(&world.tenant, asker, found, known, world.now))
    {
        Response::Active(active) => Some(active.scope.to_string()),
        inactive @ Response::Inactive { .. } => {
            assert_eq!(inactive, Response::INACTIVE);
            None
        }
    }
}

//= https://www.rfc-editor.org/rfc/rfc7662#section-2.2
//= type=test
//# If the introspection call is properly authorized but the token is not
//# active, does not exist on this server, or the protected resource is
//# not allowed to introspect this particular token, then the
//# authorization server MUST return an introspection response with the
//# "active" field set to "false".
#[test]
fn a_token_is_active_only_for_the_resource_server_it_is_for() {
    for format in [TokenFormat::Jwt, TokenFormat::Opaque] {
        let (mut world, tokens) = issued(format);
        assert_eq!(verdict(&mut world, API, &tokens).as_deref(), Some("read write"));
        assert_eq!(verdict(&mut world, OTHER, &tokens), None);
        let asker = world.server(API).clone();
        assert_eq!(asked(&world, &asker, &Found::Nothing), None);
        world.server(API).enabled = false;
        assert_eq!(verdict(&mut world, API, &tokens), None);
        world.server(API).enabled = true;
        world.now = tokens.access.claims.exp - 1;
        assert!(verdict(&mut world, API, &tokens).is_some());
        world.now += 1;
        assert_eq!(verdict(&mut world, API, &tokens), None);
    }
}

#[test]
fn an_opaque_token_of_another_resource_server_with_the_same_audience_is_inactive() {
    let (mut world, tokens) = issued(TokenFormat::Opaque);
    world.server(OTHER).audience_override = Some(API.to_owned());
    assert_eq!(verdict(&mut world, OTHER, &tokens), None);
}

#[test]
fn all_that_is_told_is_in_the_token() {
    let (mut world, tokens) = issued(TokenFormat::Jwt);
    let asker = world.server(API).clone();
    let found = world.found(&tokens);
    let answer =
        world.with_known(&found, |known| introspect(&world.tenant, &asker, &found, known, NOW));
    let claims = &tokens.access.claims;
    let expected = serde_json::json!({
        "active": true, "iss": "https://id.example.com", "aud": API, "sub": "user-1",
        "client_id": "shop", "scope": "read write", "token_type": "Bearer", "jti": claims.jti,
        "iat": NOW, "exp": NOW + 600, "auth_time": NOW - 100,
    });
    assert_eq!(serde_json::to_value(answer).unwrap(), expected);
}

#[test]
fn revocation_takes_effect_at_once() {
    for format in [TokenFormat::Jwt, TokenFormat::Opaque] {
        // The token itself.
        let (mut world, tokens) = issued(format);
        let presented = match world.found(&tokens) {
            Found::Opaque(token) => revoke::Presented::Opaque(token),
            Found::Jwt(claims) => revoke::Presented::Jwt(claims),
            Found::Nothing => unreachable!(),
        };
        let decision = world.give_back(&presented, &[]);
        world.commit(&decision.changes).unwrap();
        assert_eq!(verdict(&mut world, API, &tokens), None);
        assert!(world.refresh(&tokens.refresh.unwrap(), ON_API).is_ok(), "the grant stays");
        // Its grant.
        let (mut world, tokens) = issued(format);
        let grant = world.grant();
        world.commit(&[grant.update(grant.value.clone().revoke())]).unwrap();
        assert_eq!(verdict(&mut world, API, &tokens), None);
        // Its resource within the grant.
        let (mut world, tokens) = issued(format);
        let other =
            world.refresh(tokens.refresh.as_ref().unwrap(), "resource=https://api.another.com");
        let changes = revoke::take_back(
            &world.grant(),
            Back::Resource(&id(API)),
            &world.directory(),
            world.now,
        );
        world.commit(&changes).unwrap();
        assert_eq!(verdict(&mut world, API, &tokens), None);
        assert!(verdict(&mut world, OTHER, &other.unwrap()).is_some());
    }
}

#[test]
fn a_token_whose_client_grant_or_issuer_is_not_known_is_inactive() {
    let (mut world, tokens) = issued(TokenFormat::Jwt);
    let found = world.found(&tokens);
    let asker = world.server(API).clone();
    let tenant = world.tenant.clone();
    let grant = world.grant().value;
    let is_active = |tenant: &Tenant, known: &Known<'_>| {
        introspect(tenant, &asker, &found, known, NOW) != Response::INACTIVE
    };
    let user = world.user.clone();
    let all = Known {
        grant: Some(&grant),
        client: Some(&world.client),
        user: Some(&user),
        revoked: None,
    };
    assert!(is_active(&tenant, &all));
    assert!(!is_active(&tenant, &Known { user: None, ..all }));
    let disabled = User { enabled: false, ..user.clone() };
    assert!(!is_active(&tenant, &Known { user: Some(&disabled), ..all }));
    assert!(!is_active(&tenant, &Known { client: None, ..all }));
    assert!(!is_active(&tenant, &Known { grant: None, ..all }));
    let other = GrantRecord { id: GrantId::draw(&mut world.entropy), ..grant.clone() };
    assert!(!is_active(&tenant, &Known { grant: Some(&other), ..all }));
    let elsewhere = Tenant { issuer: Issuer::parse("https://id.example.org").unwrap(), ..tenant };
    assert!(!is_active(&elsewhere, &all));
}

#[test]
fn a_machines_token_needs_no_grant() {
    let mut world = World::new();
    world.client = machine();
    let body = "grant_type=client_credentials&scope=read&resource=https://api.example.com";
    let tokens = world.token(body).unwrap();
    assert_eq!(verdict(&mut world, API, &tokens).as_deref(), Some("read"));
    assert_eq!(verdict(&mut world, OTHER, &tokens), None);
}

#[test]
fn a_userinfo_token_is_inactive_for_every_resource_server() {
    let (mut world, tokens) = issued(TokenFormat::Jwt);
    let tokens = world.refresh(&tokens.refresh.unwrap(), "").unwrap();
    for asker in [API, OTHER] {
        assert_eq!(verdict(&mut world, asker, &tokens), None);
    }
}

#[test]
fn an_opaque_token_that_was_swept_is_not_found() {
    let (mut world, tokens) = issued(TokenFormat::Opaque);
    let AccessForm::Opaque(token) = &tokens.access.form else { panic!("not opaque") };
    let stored: Loaded<OpaqueToken> = world.load(token.digest().as_str()).unwrap();
    assert_eq!(crate::Stored::expires_at(&stored.value), Some(tokens.access.claims.exp));
    world.commit(&[Change::delete::<OpaqueToken>(token.digest().as_str())]).unwrap();
    assert_eq!(verdict(&mut world, API, &tokens), None);
}
