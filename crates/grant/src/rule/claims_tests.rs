use super::*;
use crate::Loaded;
use crate::fixture::{World, no, scopes};
use crate::flow::authorize::{Answer, Step};
use crate::flow::token::Tokens;
use crate::state::Reach;

/// `claims` for a query.
fn claims(json: &str) -> String {
    format!("claims={}", bailiwick_oauth::form::encode([("", json)]).trim_start_matches('='))
}

const EMAIL: &str = r#"{"userinfo":{"email":{"essential":true},"shoe_size":null}}"#;

fn world() -> World {
    let mut world = World::new();
    world.user.claims.insert("phone_number".to_owned(), "+44 20".into());
    world
}

/// What the user is asked beside the scopes.
fn own_questions(world: &World, query: &str) -> Vec<String> {
    let checked = world.check(query).unwrap();
    let Step::Consent(ask) = world.proceed(&checked).unwrap() else { panic!("nothing is asked") };
    let own = ask.global.iter().filter(|scope| named(&scope.name).is_some());
    own.map(|scope| format!("{}: {}", scope.name, scope.description)).collect()
}

/// What userinfo tells for the token that a grant's code gives.
fn at_userinfo_of(world: &World, tokens: &Tokens) -> String {
    let record: Loaded<GrantRecord> = world.grant();
    let scopes = &tokens.access.claims.scope;
    let told = at_userinfo(&world.tenant, &world.client, &world.user, &record.value, scopes);
    serde_json::to_string(&told).unwrap()
}

fn in_id_token_of(tokens: &Tokens) -> String {
    serde_json::to_string(&tokens.id.as_ref().unwrap().claims.claims).unwrap()
}

#[test]
fn a_claim_by_name_is_asked_of_the_user_unless_a_scope_opens_it() {
    let world = world();
    let query = format!("scope=openid&{}", claims(EMAIL));
    assert_eq!(own_questions(&world, &query), ["claim#email: See your e-mail address"]);
    let query = format!("scope=openid+email&{}", claims(EMAIL));
    assert!(own_questions(&world, &query).is_empty());
    // Without `openid` there is no such request (OpenID Connect Core §5.5).
    let query = format!("scope=profile&{}", claims(EMAIL));
    assert!(own_questions(&world, &query).is_empty());
}

#[test]
fn a_claim_by_name_stays_under_the_client_s_ceiling() {
    let mut world = world();
    world.client.ceiling.global = Reach::Only(scopes("openid profile"));
    let query = format!("scope=openid&{}", claims(EMAIL));
    assert!(own_questions(&world, &query).is_empty());
    let code = world.authorize(&query).unwrap();
    let tokens = world.redeem(&code, "").unwrap();
    assert_eq!(at_userinfo_of(&world, &tokens), "{}");
}

#[test]
fn a_claim_by_name_goes_where_it_was_asked_and_never_into_a_scope() {
    let mut world = world();
    let both = r#"{"userinfo":{"email":null},"id_token":{"phone_number":null,"name":null}}"#;
    let code = world.authorize(&format!("scope=openid&{}", claims(both))).unwrap();
    let tokens = world.redeem(&code, "").unwrap();
    assert_eq!(tokens.access.claims.scope.to_string(), "openid");
    assert_eq!(at_userinfo_of(&world, &tokens), r#"{"email":"alice@example.com"}"#);
    assert_eq!(in_id_token_of(&tokens), r#"{"name":"Alice","phone_number":"+44 20"}"#);
    // Nor can it be asked for as one.
    let code = world.authorize("scope=openid+claim%23email").unwrap();
    assert!(world.redeem(&code, "").is_ok());
    let refused = world.check("scope=claim%23email").map(drop).unwrap_err();
    assert_eq!(no(&refused), "invalid_scope nothing_left");
}

#[test]
fn a_claim_that_the_user_refused_or_that_was_taken_away_is_not_told() {
    let mut world = world();
    let checked = world.check(&format!("scope=openid&{}", claims(EMAIL))).unwrap();
    let key = world.begin(checked);
    let openid = Grant { global: scopes("openid"), ..Grant::default() };
    let code = world.answer(&key, &Answer::Accept(openid)).unwrap();
    let tokens = world.redeem(&code, "").unwrap();
    assert_eq!(at_userinfo_of(&world, &tokens), "{}");

    let mut world = self::world();
    let code = world.authorize(&format!("scope=openid&{}", claims(EMAIL))).unwrap();
    let tokens = world.redeem(&code, "").unwrap();
    assert_ne!(at_userinfo_of(&world, &tokens), "{}");
    world.client.ceiling.global = Reach::Only(scopes("openid"));
    assert_eq!(at_userinfo_of(&world, &tokens), "{}", "the ceiling is looked at anew");
}

#[test]
fn a_value_that_was_asked_for_is_told_only_if_it_is_that() {
    for (value, expected) in
        [("alice@example.com", r#"{"email":"alice@example.com"}"#), ("bob@example.com", "{}")]
    {
        let mut world = world();
        let json = format!(r#"{{"userinfo":{{"email":{{"value":"{value}"}}}}}}"#);
        let code = world.authorize(&format!("scope=openid&{}", claims(&json))).unwrap();
        let tokens = world.redeem(&code, "").unwrap();
        assert_eq!(at_userinfo_of(&world, &tokens), expected);
    }
}

#[test]
fn what_the_user_accepted_by_name_is_remembered() {
    let mut world = world();
    let query = format!("scope=openid&{}", claims(EMAIL));
    world.authorize(&query).unwrap();
    let checked = world.check(&query).unwrap();
    assert!(matches!(world.proceed(&checked), Ok(Step::Ready(_))));
    let more = r#"{"userinfo":{"email":null,"phone_number":null}}"#;
    let query = format!("scope=openid&{}", claims(more));
    assert_eq!(own_questions(&world, &query).len(), 2, "one of them is new");
}

#[test]
fn every_claim_that_can_be_told_is_published_and_described() {
    let all: Vec<&str> = supported().collect();
    assert_eq!(all.len(), 19);
    assert!(all.contains(&"email") && all.contains(&"phone_number"));
    for claim in all {
        assert!(description(claim).starts_with("See "), "{claim}");
        assert!(!description(claim).contains('_'), "{claim}");
    }
}
