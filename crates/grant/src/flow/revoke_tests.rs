use bailiwick_oauth::ClientId;

use super::*;
use crate::fixture::{World, no, shown, told};
use crate::flow::introspect::Found;
use crate::flow::token::Tokens;
use crate::state::{Holding, Receiver, Status, TokenFormat};
use crate::{Record, Stored};

const ON_API: &str = "resource=https://api.example.com";

fn issued(format: TokenFormat) -> (World, Tokens) {
    let mut world = World::new();
    world.server("https://api.example.com").format = format;
    let code = world.authorize(&format!("scope=openid+offline_access+read&{ON_API}")).unwrap();
    let tokens = world.redeem(&code, ON_API).unwrap();
    (world, tokens)
}

fn access(world: &World, tokens: &Tokens) -> Presented {
    match world.found(tokens) {
        Found::Opaque(token) => Presented::Opaque(token),
        Found::Jwt(claims) => Presented::Jwt(claims),
        Found::Nothing => Presented::Nothing,
    }
}

fn refresh(world: &World, tokens: &Tokens) -> Presented {
    let digest = tokens.refresh.as_ref().unwrap().digest();
    Presented::Refresh(world.load::<RefreshToken>(digest.as_str()).unwrap().value)
}

//= https://www.rfc-editor.org/rfc/rfc7009#section-2.1
//= type=test
//# If the particular
//# token is a refresh token and the authorization server supports the
//# revocation of access tokens, then the authorization server SHOULD
//# also invalidate all access tokens based on the same authorization
//# grant
#[test]
fn with_a_refresh_token_goes_the_whole_grant() {
    let (mut world, tokens) = issued(TokenFormat::Jwt);
    let token = refresh(&world, &tokens);
    let decision = world.give_back(&token, &[]);
    world.commit(&decision.changes).unwrap();
    assert_eq!(decision.outcome, Ok(()));
    assert_eq!(world.grant().value.status, Status::Revoked);
    let token = tokens.refresh.as_ref().unwrap();
    assert_eq!(told(&world.refresh(token, ON_API)), "invalid_grant revoked");
    let found = world.found(&tokens);
    world.with_known(&found, |known| {
        assert!(found.live(&world.tenant, known, world.now).is_none(), "its access tokens too");
    });
}

#[test]
fn an_access_token_goes_alone() {
    for format in [TokenFormat::Jwt, TokenFormat::Opaque] {
        let (mut world, tokens) = issued(format);
        let token = access(&world, &tokens);
        let decision = world.give_back(&token, &[]);
        world.commit(&decision.changes).unwrap();
        let found = world.found(&tokens);
        world.with_known(&found, |known| {
            assert!(found.live(&world.tenant, known, world.now).is_none());
        });
        assert_eq!(world.grant().value.status, Status::Live);
        // Twice is as once.
        assert!(world.give_back(&token, &[]).outcome.is_ok());
        assert!(world.commit(&decision.changes).is_ok());
    }
}

//= https://www.rfc-editor.org/rfc/rfc7009#section-2.2
//= type=test
//# Note: invalid tokens do not cause an error response since the client
//# cannot handle such an error in a reasonable way.
#[test]
fn an_unknown_token_is_no_error() {
    let decision = World::new().give_back(&Presented::Nothing, &[]);
    assert!(decision.changes.is_empty());
    assert_eq!(decision.outcome, Ok(()));
}

//= https://www.rfc-editor.org/rfc/rfc7009#section-2.1
//= type=test
//# The authorization server first validates the client credentials (in
//# case of a confidential client) and then verifies whether the token
//# was issued to the client making the revocation request.
#[test]
fn another_client_revokes_nothing() {
    for format in [TokenFormat::Jwt, TokenFormat::Opaque] {
        let (mut world, tokens) = issued(format);
        let presented = [access(&world, &tokens), refresh(&world, &tokens)];
        world.client.id = ClientId::parse("thief").unwrap();
        for token in &presented {
            let decision = world.give_back(token, &[]);
            assert!(decision.changes.is_empty());
            assert_eq!(no(&decision.outcome.unwrap_err()), "invalid_grant other_client");
        }
    }
}

#[test]
fn one_resource_is_given_back_and_the_rest_stays() {
    let mut world = World::new();
    let both = "scope=openid+offline_access+read&resource=https://api.example.com\
                &resource=https://api.another.com";
    let code = world.authorize(both).unwrap();
    let tokens = world.redeem(&code, ON_API).unwrap();
    let other = "resource=https://api.another.com";
    let at_other = world.refresh(tokens.refresh.as_ref().unwrap(), other).unwrap();
    let next = Tokens { refresh: at_other.refresh, ..tokens };
    let token = refresh(&world, &next);

    for unknown in ["https://unknown.example", "no uri", "https://api.example.com/x"] {
        let decision = world.give_back(&token, &[unknown]);
        assert!(decision.changes.is_empty());
        assert_eq!(no(&decision.outcome.unwrap_err()), "invalid_target resource_not_granted");
    }
    // As a client may spell it.
    let decision = world.give_back(&token, &["HTTPS://api.example.com:443/"]);
    world.commit(&decision.changes).unwrap();
    assert_eq!(decision.outcome, Ok(()));
    assert_eq!(shown(&world.grant().value.grant), "openid offline_access | api.another.com: read");
    let kept = next.refresh.as_ref().unwrap();
    assert_eq!(told(&world.refresh(kept, ON_API)), "invalid_target resource_not_granted");
    assert_eq!(told(&world.refresh(kept, other)), "https://api.another.com = read");
}

#[test]
fn the_last_resource_takes_the_grant_with_it() {
    let mut world = World::new();
    world.client.refresh_tokens = crate::state::RefreshTokens::Always;
    let code = world.authorize(&format!("scope=read&{ON_API}")).unwrap();
    let tokens = world.redeem(&code, ON_API).unwrap();
    let token = refresh(&world, &tokens);
    let decision = world.give_back(&token, &["https://api.example.com"]);
    world.commit(&decision.changes).unwrap();
    assert_eq!(world.grant().value.status, Status::Revoked);
}

#[test]
fn the_apis_that_take_events_are_told_in_the_same_commit() {
    let receiver = Receiver { url: "https://api.example.com/events".into(), authorization: None };
    let told = |world: &World, changes: &[Change]| -> Vec<(String, Revoked)> {
        let notices = changes.iter().filter_map(|change| match change {
            Change::Put(Record::Notice(notice)) => Some(notice),
            _ => None,
        });
        let told = notices.map(|notice| {
            assert_eq!((notice.at, notice.due_at, notice.attempts), (world.now, world.now, 0));
            (notice.resource.to_string(), notice.revoked.clone())
        });
        told.collect()
    };
    let (mut world, tokens) = issued(TokenFormat::Jwt);
    let (access, refresh) = (access(&world, &tokens), refresh(&world, &tokens));
    assert_eq!(told(&world, &world.give_back(&access, &[]).changes), []);
    world.server("https://api.example.com").events = Some(receiver);
    let api = "https://api.example.com".to_owned();
    let grant = Revoked::Grant(world.grant().value.id.clone());
    let jti = Revoked::Token(tokens.access.claims.jti.clone());
    assert_eq!(told(&world, &world.give_back(&access, &[]).changes), [(api.clone(), jti)]);
    let whole = world.give_back(&refresh, &[]).changes;
    assert_eq!(told(&world, &whole), [(api.clone(), grant.clone())]);
    let one = world.give_back(&refresh, &[&api]).changes;
    assert_eq!(told(&world, &one), [(api.clone(), grant.clone())]);
    // Whoever uses a retired refresh token again ends the grant, and that is told too.
    let old = tokens.refresh.as_ref().unwrap();
    world.refresh(old, ON_API).unwrap();
    world.now += 60;
    let body = format!("grant_type=refresh_token&refresh_token={}&{ON_API}", old.expose());
    let replayed = world.decide(&body);
    assert!(replayed.outcome.is_err());
    assert_eq!(told(&world, &replayed.changes), [(api, grant)]);
}

#[test]
fn a_grant_is_listed_with_its_user_for_as_long_as_it_holds() {
    let (mut world, tokens) = issued(TokenFormat::Jwt);
    let listed = |world: &World| {
        let all = world.all::<Holding>();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].grant, world.grant().value.id);
        assert!(all[0].key().starts_with(&Holding::prefix(&world.user.subject)));
        assert!(all[0].expires_at >= world.grant().value.expires_at);
        world.load::<Holding>(&all[0].key()).unwrap().version.0
    };
    let month = world.tenant.lifetimes.refresh_token;
    assert_eq!(listed(&world), 1);
    let mut token = tokens.refresh.unwrap();
    for (pause, writes) in [(60, 1), (month / 2, 1), (month / 2 + 1, 2), (60, 2)] {
        world.now += pause;
        token = world.refresh(&token, ON_API).unwrap().refresh.unwrap();
        assert_eq!(listed(&world), writes, "seldom written anew");
    }
}
