use bailiwick_oauth::ClientId;

use super::*;
use crate::fixture::{World, no, told};
use crate::flow::introspect::Found;
use crate::flow::token::Tokens;
use crate::state::{Status, TokenFormat};

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
    let decision = revoke(&world.client, &token, Some(&world.grant()));
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
        let decision = revoke(&world.client, &token, Some(&world.grant()));
        world.commit(&decision.changes).unwrap();
        let found = world.found(&tokens);
        world.with_known(&found, |known| {
            assert!(found.live(&world.tenant, known, world.now).is_none());
        });
        assert_eq!(world.grant().value.status, Status::Live);
        // Twice is as once.
        assert!(revoke(&world.client, &token, Some(&world.grant())).outcome.is_ok());
        assert!(world.commit(&decision.changes).is_ok());
    }
}

//= https://www.rfc-editor.org/rfc/rfc7009#section-2.2
//= type=test
//# Note: invalid tokens do not cause an error response since the client
//# cannot handle such an error in a reasonable way.
#[test]
fn an_unknown_token_is_no_error() {
    let decision = revoke(&World::new().client, &Presented::Nothing, None);
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
            let decision = revoke(&world.client, token, Some(&world.grant()));
            assert!(decision.changes.is_empty());
            assert_eq!(no(&decision.outcome.unwrap_err()), "invalid_grant other_client");
        }
    }
}
