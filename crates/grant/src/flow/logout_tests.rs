use bailiwick_oauth::{Form, Subject};

use super::*;
use crate::fixture::{World, id_token, no};
use crate::state::{GrantId, Status, SubjectType};

const AFTER: &str = "https://shop.example/bye";

fn world() -> World {
    let mut world = World::new();
    let uri = |text| RedirectUri::parse(text).unwrap();
    world.client.openid.post_logout_redirect_uris = vec![uri(AFTER)];
    let notify = WebUrl::parse("https://shop.example/backchannel").unwrap();
    world.client.openid.backchannel_logout_uri = Some(notify);
    world
}

fn request(query: &str) -> Request {
    Request::read(&Form::parse(query).unwrap()).unwrap()
}

/// An ID token of the session of the world.
fn hint(world: &World) -> IdToken {
    let mut hint = id_token(world);
    hint.sid = world.session.sid.clone();
    hint.sub = subject::told(&world.tenant, &world.client, &world.user.subject);
    hint
}

//= https://openid.net/specs/openid-connect-rpinitiated-1_0.html#section-2
//= type=test
//# When both client_id and id_token_hint are present, the OP MUST verify that the Client Identifier
//# matches the one used when issuing the ID Token.
#[test]
fn hint_and_client_id_name_the_same_client() {
    let world = world();
    let hint = hint(&world);
    let shop = Some(world.client.id.clone());
    assert_eq!(asker(&request(""), Some(&hint)), Ok(shop.clone()));
    assert_eq!(asker(&request("client_id=shop"), Some(&hint)), Ok(shop.clone()));
    assert_eq!(asker(&request("client_id=shop"), None), Ok(shop));
    assert_eq!(asker(&request(""), None), Ok(None));
    let refused = asker(&request("client_id=other"), Some(&hint)).unwrap_err();
    assert_eq!(no(&refused), "invalid_request other_client");
}

//= https://openid.net/specs/openid-connect-rpinitiated-1_0.html#section-3
//= type=test
//# The OP MUST NOT perform post-logout redirection if the post_logout_redirect_uri value supplied
//# does not exactly match one of the previously registered post_logout_redirect_uris values.
#[test]
fn only_a_registered_place_is_gone_to() {
    let world = world();
    let client = Some(&world.client);
    let verdict = |uri: &str, client| {
        let request = request(&format!("post_logout_redirect_uri={uri}&state=a%26b"));
        place(&request, client).map(|place| place.unwrap().url()).map_err(|r| no(&r))
    };
    assert_eq!(verdict(AFTER, client), Ok(format!("{AFTER}?state=a%26b")));
    for bad in [
        "https://shop.example/bye/",
        "https://shop.example/bye?x=1",
        "https://evil.example/bye",
        "https://shop.example/cb",
    ] {
        let expected = Err("invalid_request redirect_uri".to_owned());
        assert_eq!(verdict(bad, client), expected, "{bad}");
    }
    assert_eq!(verdict(AFTER, None), Err("invalid_request unknown_client".to_owned()));
    assert_eq!(place(&request("state=s"), client), Ok(None));
}

//= https://openid.net/specs/openid-connect-rpinitiated-1_0.html#section-6
//= type=test
//# Logout requests without a valid id_token_hint value are a potential means of denial of service;
//# therefore, OPs should obtain explicit confirmation from the End-User before acting upon them.
#[test]
fn only_a_hint_of_this_very_session_spares_the_question() {
    let mut world = world();
    for subject_type in [SubjectType::Public, SubjectType::Pairwise] {
        world.client.openid.subject_type = subject_type;
        let good = hint(&world);
        let asks = |client, hint: Option<&IdToken>| {
            must_confirm(&world.tenant, client, hint, &world.session)
        };
        let client = Some(&world.client);
        assert!(!asks(client, Some(&good)));
        assert!(asks(client, None) && asks(None, None) && asks(None, Some(&good)));
        let other = Subject::parse("user-2").unwrap();
        for bad in [
            IdToken { sid: None, ..good.clone() },
            IdToken { sid: Some("session-0".to_owned()), ..good.clone() },
            IdToken { sub: other, ..good.clone() },
            IdToken { aud: ClientId::parse("other").unwrap(), ..good.clone() },
        ] {
            assert!(asks(client, Some(&bad)), "{bad:?}");
        }
    }
}

/// The grants of the session, as the product loads them.
fn held(world: &World) -> Vec<Held> {
    let given = world.all::<SessionGrant>();
    let held = given.into_iter().map(|given| Held {
        grant: world.load(given.grant.as_str()),
        client: Some(world.client.clone()),
        given,
    });
    held.collect()
}

fn ended(world: &mut World) -> Vec<Notice> {
    let held = held(world);
    let (tenant, session) = (world.tenant.clone(), world.session.clone());
    let decision = end(&tenant, &session, &held, world.now, &mut world.entropy);
    world.commit(&decision.changes).unwrap();
    decision.outcome
}

//= https://openid.net/specs/openid-connect-backchannel-1_0.html#section-2.7
//= type=test
//# Refresh tokens issued without the offline_access property to a session being logged out SHOULD
//# be revoked. Refresh tokens issued with the offline_access property normally SHOULD NOT be
//# revoked.
#[test]
fn what_was_not_given_for_later_ends_with_the_session() {
    let mut world = world();
    world.client.refresh_tokens = crate::state::RefreshTokens::Always;
    let codes =
        ["scope=openid", "scope=openid+offline_access"].map(|q| world.authorize(q).unwrap());
    let tokens = codes.map(|code| world.redeem(&code, "").unwrap().refresh.unwrap());
    assert_eq!(world.all::<SessionGrant>().len(), 2);
    ended(&mut world);
    assert!(world.all::<SessionGrant>().is_empty());
    let of = |world: &World, offline: bool| {
        let all = world.all::<GrantRecord>();
        let one = all.into_iter().find(|g| g.grant.global.has("offline_access") == offline);
        one.unwrap().status
    };
    assert_eq!((of(&world, false), of(&world, true)), (Status::Revoked, Status::Live));
    let [refused, kept] = tokens.map(|token| world.refresh(&token, ""));
    assert_eq!(no(&refused.unwrap_err()), "invalid_grant revoked");
    assert!(kept.is_ok());
}

//= https://openid.net/specs/openid-connect-backchannel-1_0.html#section-2.4
//= type=test
//# A Logout Token MUST contain either a sub or a sid Claim, and MAY contain both.
//= https://openid.net/specs/openid-connect-backchannel-1_0.html#section-2.4
//= type=test
//# A nonce Claim MUST NOT be present.
#[test]
fn each_client_of_the_session_is_told_once() {
    let mut world = world();
    world.authorize("scope=openid&nonce=n").unwrap();
    world.authorize("scope=openid&nonce=m").unwrap();
    let notices = ended(&mut world);
    assert_eq!(notices.len(), 1);
    let token = serde_json::to_value(&notices[0].token).unwrap();
    let expected = serde_json::json!({
        "iss": "https://id.example.com", "aud": "shop", "sub": "user-1", "sid": "session-1",
        "iat": world.now, "exp": world.now + 120, "jti": token["jti"],
        "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
    });
    assert_eq!(token, expected);
    assert_eq!(notices[0].to.as_str(), "https://shop.example/backchannel");

    let mut silent = self::world();
    silent.client.openid.backchannel_logout_uri = None;
    silent.authorize("scope=openid").unwrap();
    assert!(ended(&mut silent).is_empty());
    let mut pairwise = self::world();
    pairwise.client.openid.subject_type = SubjectType::Pairwise;
    pairwise.authorize("scope=openid").unwrap();
    assert_ne!(ended(&mut pairwise)[0].token.sub, pairwise.user.subject);
}

#[test]
fn what_is_gone_already_hinders_nothing() {
    let mut world = world();
    world.authorize("scope=openid").unwrap();
    let grant = world.grant();
    world.commit(&[grant.update(grant.value.clone().revoke())]).unwrap();
    assert_eq!(ended(&mut world).len(), 1);
    let given = SessionGrant {
        sid: "session-1".to_owned(),
        grant: GrantId::draw(&mut world.entropy),
        client: world.client.id.clone(),
        expires_at: 0,
    };
    let held = [Held { given, grant: None, client: None }];
    let decision = end(&world.tenant, &world.session, &held, world.now, &mut world.entropy);
    assert!(decision.outcome.is_empty());
    world.commit(&decision.changes).unwrap();
}
