use bailiwick_oauth::{ErrorCode, Secret};

use super::*;
use crate::Reason;
use crate::fixture::{NOW, World};
use crate::state::Checked;

const READ: &str = "scope=openid+read&resource=https://api.example.com";

fn asked(world: &World, more: &str) -> Checked {
    world.check(&format!("{READ}&{more}")).unwrap()
}

fn code(world: &World, checked: &Checked) -> AuthorizationResponse {
    let issued = Secret::new("secret");
    let (tenant, client) = (&world.tenant, &world.client);
    AuthorizationResponse::of_code(tenant, client, checked.destination(), &issued, NOW)
}

fn error(world: &World, checked: &Checked, text: &str) -> AuthorizationResponse {
    let refused = Refused::new(ErrorCode::InvalidTarget, Reason::ResourceUnknown, text);
    let (tenant, client) = (&world.tenant, &world.client);
    AuthorizationResponse::of_error(tenant, client, checked.destination(), &refused, NOW)
}

/// The parameters as text, or the claims.
fn said(response: &AuthorizationResponse) -> String {
    match &response.content {
        Content::Plain(parameters) => {
            let one = |(name, value): &(&str, String)| format!("{name}={value}");
            parameters.iter().map(one).collect::<Vec<_>>().join("&")
        }
        Content::Signed { claims, algorithm } => {
            format!("{algorithm} {}", serde_json::to_string(claims).unwrap())
        }
    }
}

//= https://www.rfc-editor.org/rfc/rfc9207#section-2
//= type=test
//# In authorization responses to the client, including error responses,
//# an authorization server supporting this specification MUST indicate
//# its identity by including the iss parameter in the response.
//= https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2
//= type=test
//# REQUIRED if the "state" parameter was present in the client
//# authorization request.  The exact value received from the
//# client.
#[test]
fn each_answer_carries_state_and_issuer() {
    let world = World::new();
    let checked = asked(&world, "state=a%26b+c");
    let issuer = "iss=https://id.example.com";
    assert_eq!(said(&code(&world, &checked)), format!("code=secret&state=a&b c&{issuer}"));
    let expected = format!("error=invalid_target&error_description=no 'x'&state=a&b c&{issuer}");
    assert_eq!(said(&error(&world, &checked, "no \"x\"")), expected);
    let checked = asked(&world, "");
    assert_eq!(said(&error(&world, &checked, "")), format!("error=invalid_target&{issuer}"));
}

#[test]
fn a_client_or_tenant_that_breaks_on_iss_gets_none() {
    let mut world = World::new();
    let checked = asked(&world, "");
    world.client.openid.response_iss = ResponseIss::Omit;
    assert_eq!(said(&code(&world, &checked)), "code=secret");
    assert_eq!(said(&error(&world, &checked, "")), "error=invalid_target");
    world.client.openid.response_iss = ResponseIss::Send;
    world.tenant.response_iss = ResponseIss::Omit;
    assert_eq!(said(&code(&world, &checked)), "code=secret");
}

#[test]
fn the_answer_travels_as_it_was_asked() {
    let world = World::new();
    for (more, mode) in [
        ("", ResponseMode::Query),
        ("response_mode=fragment", ResponseMode::Fragment),
        ("response_mode=form_post", ResponseMode::FormPost),
        ("response_mode=jwt", ResponseMode::QueryJwt),
        ("response_mode=form_post.jwt", ResponseMode::FormPostJwt),
    ] {
        let checked = asked(&world, more);
        assert_eq!(code(&world, &checked).mode, mode, "{more}");
        assert_eq!(error(&world, &checked, "").mode, mode, "{more}");
    }
}

#[test]
fn a_signed_answer_names_its_issuer_its_client_and_its_end() {
    let mut world = World::new();
    world.client.openid.response_iss = ResponseIss::Omit;
    let checked = asked(&world, "state=s&response_mode=query.jwt");
    let said_of = |response: &AuthorizationResponse| {
        let Content::Signed { claims, .. } = &response.content else { panic!("not signed") };
        let sorted: std::collections::BTreeMap<_, _> = claims.iter().collect();
        serde_json::to_string(&sorted).unwrap()
    };
    let expected = r#"{"aud":"shop","code":"secret","#.to_owned()
        + &format!(r#""exp":{},"iss":"https://id.example.com","state":"s"}}"#, NOW + 600);
    assert_eq!(said_of(&code(&world, &checked)), expected);
    assert!(said(&code(&world, &checked)).starts_with("RS256 "));
    world.client.openid.authorization_signed_response_alg = Algorithm::Es256;
    assert!(said(&code(&world, &checked)).starts_with("ES256 "));
    let expected = format!(r#"{{"aud":"shop","error":"invalid_target","exp":{}"#, NOW + 600);
    assert!(said_of(&error(&world, &checked, "")).starts_with(&expected));
}

#[test]
fn a_code_is_never_printed() {
    let world = World::new();
    let checked = asked(&world, "");
    assert!(!format!("{:?}", code(&world, &checked)).contains("secret"));
}
