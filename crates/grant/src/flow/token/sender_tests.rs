//! Tokens and those who send for them (RFC 9449 §5, RFC 8705 §3, §4; rules §5.6, §6.4).

use bailiwick_oauth::{Confirmation, Secret};

use super::*;
use crate::fixture::{API, World, machine, no, told};
use crate::rule::sender::Sender;
use crate::state::{
    Authentication, Code, OpaqueToken, RefreshToken, SenderConstraint, Standing, TokenFormat,
};

const QUERY: &str = "scope=openid+offline_access+read+delete&resource=https://api.example.com\
                     &resource=https://api.another.com";
const ON_API: &str = "resource=https://api.example.com";
const ON_OTHER: &str = "resource=https://api.another.com";
const READ: &str = "https://api.example.com = read";

fn key(jkt: &str) -> Sender {
    Sender { jkt: Some(jkt.to_owned()), certificate: None }
}

fn certificate(byte: u8) -> Sender {
    Sender { jkt: None, certificate: Some([byte; 32]) }
}

fn confidential(world: &mut World) {
    let secrets = vec![Secret::new("s").digest()];
    world.client.authentication = Authentication::Basic { secrets };
}

/// The confirmation of the answer's access token.
fn cnf(tokens: &Tokens) -> Option<&Confirmation> {
    tokens.access.claims.cnf.as_ref()
}

//= https://www.rfc-editor.org/rfc/rfc9449#section-5
//= type=test
//# When an authorization server supporting DPoP issues a refresh token
//# to a public client that presents a valid DPoP proof at the token
//# endpoint, the refresh token MUST be bound to the respective public
//# key.
#[test]
fn a_public_clients_refresh_token_is_bound_to_its_key() {
    let mut world = World::new();
    let code = world.authorize(QUERY).unwrap();
    world.sender = key("a");
    let tokens = world.redeem(&code, ON_API).unwrap();
    assert_eq!(cnf(&tokens).unwrap().jkt.as_deref(), Some("a"));
    let refresh = tokens.refresh.unwrap();

    world.sender = Sender::default();
    let outcome = world.refresh(&refresh, ON_API);
    assert_eq!(told(&outcome), "invalid_dpop_proof sender_unproved");
    world.sender = key("b");
    assert_eq!(told(&world.refresh(&refresh, ON_API)), "invalid_grant sender_differs");
    world.sender = key("a");
    let tokens = world.refresh(&refresh, ON_API).unwrap();
    assert_eq!(cnf(&tokens).unwrap().jkt.as_deref(), Some("a"), "nothing was revoked");
    let bound = world
        .all::<RefreshToken>()
        .iter()
        .all(|token| token.cnf.as_ref().is_some_and(|cnf| cnf.jkt.as_deref() == Some("a")));
    assert!(bound, "each of the generation");
}

//= https://www.rfc-editor.org/rfc/rfc9449#section-5
//= type=test
//# Refresh tokens issued to confidential clients (those having
//# established authentication credentials with the authorization server)
//# are not bound to the DPoP proof public key
#[test]
fn a_confidential_clients_refresh_token_takes_any_key_after_the_grace() {
    let mut world = World::new();
    confidential(&mut world);
    let code = world.authorize(QUERY).unwrap();
    world.sender = key("a");
    let first = world.redeem(&code, ON_API).unwrap().refresh.unwrap();
    world.sender = key("b");
    let outcome = world.refresh(&first, ON_API).unwrap();
    assert_eq!(cnf(&outcome).unwrap().jkt.as_deref(), Some("b"));
    // rules §6.4: within the grace period a sibling has the same sender key.
    world.sender = key("a");
    assert_eq!(told(&world.refresh(&first, ON_OTHER)), "invalid_grant sender_differs");
    world.sender = Sender::default();
    assert_eq!(told(&world.refresh(&first, ON_OTHER)), "invalid_grant sender_differs");
    world.sender = key("b");
    let sibling = world.refresh(&first, ON_OTHER);
    assert_eq!(told(&sibling), "https://api.another.com = read delete");
    // The next generation begins with whichever key.
    world.sender = key("c");
    assert!(world.refresh(&outcome.refresh.unwrap(), ON_API).is_ok());
}

// FAPI 2.0 Security Profile §5.3.2.1, item 11.
#[test]
fn under_fapi_a_refresh_token_is_not_rotated() {
    let mut world = World::new();
    let code = world.authorize(QUERY).unwrap();
    confidential(&mut world);
    let first = world.redeem(&code, ON_API).unwrap().refresh.unwrap();
    world.client.profile = crate::state::Profile::Fapi2;
    for jkt in ["a", "b", "a"] {
        world.sender = key(jkt);
        world.now += 100;
        let tokens = world.refresh(&first, ON_API).unwrap();
        assert!(tokens.refresh.is_none(), "the client keeps the one it has");
        assert_eq!(cnf(&tokens).unwrap().jkt.as_deref(), Some(jkt));
    }
    assert_eq!(world.grant().value.rotation.generation, 0);
}

#[test]
fn a_code_named_for_a_key_is_redeemed_with_it_alone() {
    let mut world = World::new();
    let thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    let code = world.authorize(&format!("{QUERY}&dpop_jkt={thumbprint}")).unwrap();
    assert_eq!(told(&world.redeem(&code, ON_API)), "invalid_dpop_proof sender_unproved");
    world.sender = key("another");
    assert_eq!(told(&world.redeem(&code, ON_API)), "invalid_grant sender_differs");
    // A wrong resource is not spoken of before the sender is known (rules §5.6).
    let outcome = world.redeem(&code, "resource=https://nowhere.example");
    assert_eq!(told(&outcome), "invalid_grant sender_differs");
    assert_eq!(world.all::<Code>()[0].standing, Standing::Live { refusals: 0 });
    world.sender = key(thumbprint);
    assert_eq!(told(&world.redeem(&code, ON_API)), READ);
}

#[test]
fn what_an_api_demands_is_proved_before_the_code_is_spent() {
    let mut world = World::new();
    world.server(API).sender_constraint = SenderConstraint::Dpop;
    let code = world.authorize(QUERY).unwrap();
    assert_eq!(told(&world.redeem(&code, ON_API)), "invalid_dpop_proof sender_unproved");
    world.sender = key("a");
    let tokens = world.redeem(&code, ON_API).unwrap();
    assert!(cnf(&tokens).is_some());
}

#[test]
fn a_bound_refresh_token_stays_bound_for_a_resource_that_asks_for_less() {
    let mut world = World::new();
    world.server(API).sender_constraint = SenderConstraint::Mtls;
    let code = world.authorize(QUERY).unwrap();
    world.sender = certificate(1);
    let tokens = world.redeem(&code, ON_API).unwrap();
    assert_eq!(cnf(&tokens).unwrap().x5t_s256, Some([1; 32]));
    let tokens = world.refresh(&tokens.refresh.unwrap(), ON_OTHER).unwrap();
    assert_eq!(cnf(&tokens), None);
    let refresh = tokens.refresh.unwrap();
    world.sender = certificate(2);
    assert_eq!(told(&world.refresh(&refresh, ON_OTHER)), "invalid_grant sender_differs");
    world.sender = certificate(1);
    assert_eq!(told(&world.refresh(&refresh, ON_API)), READ);
}

#[test]
fn a_clients_own_token_is_bound_too() {
    let mut world = World::new();
    world.client = machine();
    world.client.sender.constraint = SenderConstraint::Dpop;
    let body = "grant_type=client_credentials&scope=read&resource=https://api.example.com";
    assert_eq!(told(&world.token(body)), "invalid_dpop_proof sender_unproved");
    world.sender = key("a");
    assert_eq!(cnf(&world.token(body).unwrap()).unwrap().jkt.as_deref(), Some("a"));
}

#[test]
fn introspection_says_what_a_token_is_bound_to() {
    for (format, sender, token_type) in [
        (TokenFormat::Opaque, key("a"), "DPoP"),
        (TokenFormat::Jwt, key("a"), "DPoP"),
        (TokenFormat::Opaque, certificate(1), "Bearer"),
    ] {
        let mut world = World::new();
        world.server(API).format = format;
        world.server(API).sender_constraint = SenderConstraint::Any;
        let code = world.authorize(QUERY).unwrap();
        world.sender = sender;
        let tokens = world.redeem(&code, ON_API).unwrap();
        let found = world.found(&tokens);
        let asker = world.server(API).clone();
        let answer = world.with_known(&found, |known| {
            crate::flow::introspect::introspect(&world.tenant, &asker, &found, known, world.now)
        });
        let bailiwick_oauth::introspect::Response::Active(active) = answer else {
            panic!("inactive")
        };
        assert_eq!((active.token_type.as_str(), active.cnf.as_ref()), (token_type, cnf(&tokens)));
        assert_eq!(world.all::<OpaqueToken>().len(), usize::from(format == TokenFormat::Opaque));
    }
}

#[test]
fn userinfo_takes_a_bound_token_from_its_sender_alone() {
    use crate::flow::userinfo::userinfo;
    use crate::rule::sender::{Scheme, Sent};
    let mut world = World::new();
    let code = world.authorize("scope=openid").unwrap();
    world.sender = key("a");
    let tokens = world.redeem(&code, "").unwrap();
    let found = world.found(&tokens);
    let verdict = |scheme, sender: Sender| {
        let sent = Sent { scheme, sender: &sender };
        let user = Some(&world.user);
        world
            .with_known(&found, |known| {
                userinfo(&world.tenant, &found, known, user, sent, world.now)
            })
            .map_or_else(|refused| no(&refused), |_| "passed".to_owned())
    };
    assert_eq!(verdict(Scheme::Dpop, key("a")), "passed");
    assert_eq!(verdict(Scheme::Dpop, key("b")), "invalid_token sender_differs");
    assert_eq!(verdict(Scheme::Bearer, key("a")), "invalid_token sender_differs");
    assert_eq!(verdict(Scheme::Bearer, Sender::default()), "invalid_token sender_differs");
}
