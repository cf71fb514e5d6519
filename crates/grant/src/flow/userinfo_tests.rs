use bailiwick_oauth::Issuer;

use super::*;
use crate::fixture::{API, World, no};
use crate::state::{RevokedToken, TokenFormat};
use crate::{Change, Loaded};

const QUERY: &str = "scope=openid+email+read&resource=https://api.example.com";

/// The claims that are answered, or the refusal.
fn verdict(world: &World, found: &Found) -> String {
    let user = Some(&world.user);
    let sent = Sent { scheme: world.scheme, sender: &world.sender };
    let answer = world
        .with_known(found, |known| userinfo(&world.tenant, found, known, user, sent, world.now));
    match answer {
        Ok(answer) => serde_json::to_string(&answer.claims).unwrap(),
        Err(refused) => no(&refused),
    }
}

fn issued(query: &str, more: &str) -> (World, Found) {
    let mut world = World::new();
    let code = world.authorize(query).unwrap();
    let tokens = world.redeem(&code, more).unwrap();
    let found = world.found(&tokens);
    (world, found)
}

#[test]
fn the_scopes_open_their_claims_and_no_others() {
    let (mut world, found) = issued(QUERY, "");
    assert_eq!(verdict(&world, &found), r#"{"email":"alice@example.com","sub":"user-1"}"#);
    world.user.claims.insert("role".to_owned(), "boss".into());
    world.user.claims.insert("sub".to_owned(), "forged".into());
    world.user.claims.remove("email");
    assert_eq!(verdict(&world, &found), r#"{"sub":"user-1"}"#);
    let (world, found) = issued("scope=openid+profile", "");
    assert_eq!(verdict(&world, &found), r#"{"name":"Alice","sub":"user-1"}"#);
    let (world, found) = issued("scope=email", "");
    assert_eq!(verdict(&world, &found), "insufficient_scope not_granted");
}

#[test]
fn a_token_for_a_resource_is_refused() {
    let (world, found) = issued(QUERY, "resource=https://api.example.com");
    assert_eq!(verdict(&world, &found), "invalid_token other_audience");
    let mut world = World::new();
    world.server(API).format = TokenFormat::Opaque;
    let code = world.authorize(QUERY).unwrap();
    let tokens = world.redeem(&code, "resource=https://api.example.com").unwrap();
    assert_eq!(verdict(&world, &world.found(&tokens)), "invalid_token other_audience");
    // Even if its audience were the issuer's own name.
    let Found::Opaque(mut token) = world.found(&tokens) else { panic!("not opaque") };
    token.claims.aud = world.tenant.issuer.as_str().to_owned();
    assert_eq!(verdict(&world, &Found::Opaque(token)), "invalid_token other_audience");
}

#[test]
fn a_token_that_does_not_hold_is_refused() {
    let (mut world, found) = issued(QUERY, "");
    assert!(verdict(&world, &found).contains("user-1"));
    assert_eq!(verdict(&world, &Found::Nothing), "invalid_token expired");
    let claims = found.claims().unwrap().clone();
    world.now = claims.exp;
    assert_eq!(verdict(&world, &found), "invalid_token expired");
    world.now -= 1;
    let mut foreign = claims.clone();
    foreign.iss = Issuer::parse("https://id.example.org").unwrap();
    assert_eq!(verdict(&world, &Found::Jwt(foreign)), "invalid_token expired");
    world.user.enabled = false;
    assert_eq!(verdict(&world, &found), "invalid_token subject_disabled");
    world.user.enabled = true;
    let revoked = RevokedToken { jti: claims.jti, expires_at: claims.exp };
    world.commit(&[Change::put(revoked)]).unwrap();
    assert_eq!(verdict(&world, &found), "invalid_token expired");

    let (mut world, found) = issued(QUERY, "");
    let grant: Loaded<crate::state::GrantRecord> = world.grant();
    world.commit(&[grant.update(grant.value.clone().revoke())]).unwrap();
    assert_eq!(verdict(&world, &found), "invalid_token expired");
}

#[test]
fn another_users_claims_are_never_told() {
    let (mut world, found) = issued(QUERY, "");
    world.user.subject = bailiwick_oauth::Subject::parse("user-2").unwrap();
    assert_eq!(verdict(&world, &found), "invalid_token subject_disabled");
}

//= https://openid.net/specs/openid-connect-core-1_0.html#section-5.3.2
//= type=test
//# If signed, the UserInfo Response MUST contain the Claims iss (issuer) and aud (audience) as
//# members.
#[test]
fn a_signed_answer_names_issuer_and_client() {
    let (mut world, found) = issued("scope=openid", "");
    world.client.openid.userinfo_signed_response_alg = Some(Algorithm::Es256);
    let expected = r#"{"aud":"shop","iss":"https://id.example.com","sub":"user-1"}"#;
    assert_eq!(verdict(&world, &found), expected);
}

//= https://openid.net/specs/openid-connect-core-1_0.html#section-5.3.2
//= type=test
//# The sub (subject) Claim MUST always be returned in the UserInfo Response.
#[test]
fn a_pairwise_client_reads_the_same_subject_everywhere() {
    let mut world = World::new();
    world.client.openid.subject_type = crate::state::SubjectType::Pairwise;
    let code = world.authorize(QUERY).unwrap();
    let tokens = world.redeem(&code, "").unwrap();
    let sub = tokens.id.as_ref().unwrap().claims.sub.clone();
    assert_ne!(sub, world.user.subject);
    assert_eq!(tokens.access.claims.sub, sub);
    let found = world.found(&tokens);
    assert!(verdict(&world, &found).contains(&format!(r#""sub":"{sub}""#)));
    assert_eq!(world.grant().value.subject, world.user.subject, "records keep the user's own name");
}
