use bailiwick_jose::Algorithm;
use bailiwick_oauth::{ClientId, Secret, Subject};

use super::*;
use crate::fixture::{
    API, BACK, BOTH, Conflict, NOW, World, machine, no, resource as id, scopes, server, told,
};
use crate::flow::token::AccessForm;
use crate::state::{
    Authentication, GrantId, GrantKind, OpaqueToken, Reach, RefreshTokens, Status, TokenFormat,
};

/// Worked example 2, with a refresh token.
fn everything(world: &mut World) -> Secret {
    let query = format!("scope=openid+profile+email+offline_access+read+write+delete&{BOTH}");
    world.authorize(&query).unwrap()
}

/// A refresh token for worked example 2.
fn refreshable(world: &mut World) -> Secret {
    let code = everything(world);
    world.redeem(&code, "").unwrap().refresh.unwrap()
}

/// One refresh: the token after it, and what was told.
fn next(world: &mut World, token: &mut Secret, more: &str) -> String {
    let outcome = world.refresh(token, more);
    let said = told(&outcome);
    if let Ok(tokens) = outcome {
        *token = tokens.refresh.unwrap();
    }
    said
}

const ON_API: &str = "resource=https://api.example.com";
const ON_OTHER: &str = "resource=https://api.another.com";
const USERINFO: &str = "https://id.example.com = openid profile email";

//= https://www.rfc-editor.org/rfc/rfc8707#section-2.2
//= type=test
//# In the
//# "authorization_code" case where the requested resources are a subset
//# of the set of resources originally granted, the authorization server
//# will issue an access token based on that subset of requested
//# resources, whereas any refresh token that is returned is bound to the
//# full original grant.
#[test]
fn worked_example_three_one_grant_serves_each_of_its_resources() {
    let mut world = World::new();
    let code = everything(&mut world);
    let outcome = world.redeem(&code, ON_API);
    assert_eq!(told(&outcome), "https://api.example.com = read write");
    let mut token = outcome.unwrap().refresh.unwrap();
    let steps = [
        (ON_OTHER, "https://api.another.com = read delete"),
        ("", USERINFO),
        (ON_API, "https://api.example.com = read write"),
        (
            "resource=https://api.another.com/&resource=https://API.another.com",
            "https://api.another.com = read delete",
        ),
    ];
    for (more, expected) in steps {
        assert_eq!(next(&mut world, &mut token, more), expected, "{more}");
    }
}

#[test]
fn worked_examples_one_four_and_six_end_in_their_tokens() {
    let mut world = World::new();
    let code = world.authorize(&format!("scope=openid+profile+email+read&{ON_API}")).unwrap();
    assert_eq!(told(&world.redeem(&code, ON_API)), "https://api.example.com = read");

    let mut world = World::new();
    world.servers.push(server("https://api.example.com/orders", "read"));
    let query = "scope=openid+profile+email+https://api.example.com/orders:read";
    let on_orders = "resource=https://api.example.com/orders";
    let code = world.authorize(query).unwrap();
    assert_eq!(told(&world.redeem(&code, on_orders)), "https://api.example.com/orders = read");
    let code = world.authorize(query).unwrap();
    assert_eq!(told(&world.redeem(&code, "")), USERINFO);

    let mut world = World::new();
    world.servers.push(server("https://graph.example.com", "me* mail.read* admin"));
    world.client.fallback = crate::state::Fallback::Granted;
    let query = "resource=https://graph.example.com&scope=openid+profile";
    let code = world.authorize(query).unwrap();
    let outcome = world.redeem(&code, "");
    assert_eq!(told(&outcome), "https://graph.example.com = me mail.read");
    assert!(outcome.unwrap().id.is_some());
}

//= https://www.rfc-editor.org/rfc/rfc8707#section-2
//= type=test
//# The authorization server SHOULD audience-restrict issued access
//# tokens to the resource(s) indicated by the "resource" parameter.
#[test]
fn the_audience_is_the_registered_spelling_or_the_configured_one() {
    let mut world = World::new();
    world.server(API).aliases = vec![id("https://old.example.com")];
    let query = "scope=openid+offline_access+read&resource=https://old.example.com";
    let code = world.authorize(query).unwrap();
    let outcome = world.redeem(&code, "resource=HTTPS://Old.example.com:443/").unwrap();
    assert_eq!(outcome.access.claims.aud, API);
    assert_eq!(outcome.access.resource, Some(id(API)));
    world.server(API).audience_override = Some("orders".to_owned());
    let outcome = world.refresh(&outcome.refresh.unwrap(), ON_API).unwrap();
    assert_eq!(outcome.access.claims.aud, "orders");
    assert_eq!(outcome.access.resource, Some(id(API)));
}

#[test]
fn the_claims_are_those_of_the_resource_server() {
    let mut world = World::new();
    world.server(API).lifetime = 77;
    world.server(API).algorithm = Algorithm::EdDsa;
    let code = everything(&mut world);
    world.now += 5;
    let tokens = world.redeem(&code, ON_API).unwrap();
    let claims = &tokens.access.claims;
    assert_eq!((claims.iat, claims.exp), (NOW + 5, NOW + 82));
    assert_eq!(claims.sub, world.user.subject);
    assert_eq!(claims.client_id, world.client.id);
    assert_eq!(claims.auth_time, Some(world.session.auth_time));
    assert!(claims.jti.starts_with(world.grant().value.id.as_str()));
    assert!(matches!(tokens.access.form, AccessForm::Jwt(Algorithm::EdDsa)));
}

#[test]
fn an_opaque_token_is_stored_as_its_digest() {
    let mut world = World::new();
    world.server(API).format = TokenFormat::Opaque;
    let code = everything(&mut world);
    let tokens = world.redeem(&code, ON_API).unwrap();
    let AccessForm::Opaque(token) = &tokens.access.form else { panic!("not opaque") };
    let stored = &world.all::<OpaqueToken>()[0];
    assert_eq!((&stored.digest, &stored.resource), (&token.digest(), &id(API)));
    assert_eq!(stored.claims, tokens.access.claims);
}

#[test]
fn a_code_for_openid_always_yields_an_id_token_for_the_client() {
    for more in ["", ON_API] {
        let mut world = World::new();
        let query = format!("scope=openid+read&{ON_API}&nonce=n");
        let code = world.authorize(&query).unwrap();
        let token = world.redeem(&code, more).unwrap().id.unwrap();
        assert_eq!(token.claims.aud, world.client.id);
        assert_eq!(
            (token.claims.nonce.as_deref(), token.claims.sub),
            (Some("n"), world.user.subject)
        );
    }
    let mut world = World::new();
    let code = world.authorize(&format!("scope=read&{ON_API}")).unwrap();
    assert!(world.redeem(&code, "").unwrap().id.is_none());
    // Taken from the ceiling since, as any other scope.
    let code = world.authorize(&format!("scope=openid+read&{ON_API}")).unwrap();
    world.client.ceiling.global = Reach::Nothing;
    assert!(world.redeem(&code, ON_API).unwrap().id.is_none());
}

#[test]
fn a_refresh_token_needs_offline_access_or_the_clients_registration() {
    let gets = |scope: &str, change: fn(&mut World)| {
        let mut world = World::new();
        let code = world.authorize(&format!("scope={scope}&{ON_API}")).unwrap();
        change(&mut world);
        world.redeem(&code, ON_API).unwrap().refresh.is_some()
    };
    assert!(gets("offline_access+read", |_| {}));
    assert!(!gets("openid+read", |_| {}));
    assert!(gets("read", |world| world.client.refresh_tokens = RefreshTokens::Always));
    assert!(!gets("offline_access+read", |world| {
        world.client.grant_types.remove(&GrantKind::RefreshToken);
    }));
    assert!(!gets("offline_access+read", |world| {
        world.client.ceiling.global = Reach::Only(scopes("openid"));
    }));
}

#[test]
fn a_refused_resource_consumes_nothing_until_the_fifth() {
    let mut world = World::new();
    let refusals = [
        "resource=https://nobody.example",
        "resource=x",
        BOTH,
        "resource=https://api.example.com/orders",
    ];
    let code = everything(&mut world);
    for more in refusals {
        assert!(told(&world.redeem(&code, more)).starts_with("invalid_target"), "{more}");
    }
    assert_eq!(told(&world.redeem(&code, ON_API)), "https://api.example.com = read write");

    let mut world = World::new();
    let code = everything(&mut world);
    for _ in 0..5 {
        let refused = told(&world.redeem(&code, "resource=x"));
        assert_eq!(refused, "invalid_target resource_malformed");
    }
    assert_eq!(told(&world.redeem(&code, ON_API)), "invalid_grant code_replayed");
}

//= https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3
//= type=test
//# ensure that the "redirect_uri" parameter is present if the
//# "redirect_uri" parameter was included in the initial authorization
//# request as described in Section 4.1.1, and if included ensure that
//# their values are identical.
//= https://www.rfc-editor.org/rfc/rfc7636#section-4.6
//= type=test
//# If the values are not equal, an error response indicating
//# "invalid_grant" as described in Section 5.2 of [RFC6749] MUST be
//# returned.
#[test]
fn a_thief_learns_nothing_about_the_resource() {
    let right = format!("redirect_uri={BACK}&code_verifier={}", "v".repeat(43));
    let wrong = format!("redirect_uri={BACK}&code_verifier={}", "w".repeat(43));
    let elsewhere = right.replace("/cb", "/other");
    let verifier_only = format!("code_verifier={}", "v".repeat(43));
    let cases = [
        (&right, "invalid_target resource_malformed"),
        (&wrong, "invalid_grant verifier_wrong"),
        (&format!("redirect_uri={BACK}"), "invalid_grant verifier_missing"),
        (&elsewhere, "invalid_grant redirect_uri_differs"),
        (&verifier_only, "invalid_grant redirect_uri_differs"),
    ];
    let mut world = World::new();
    let code = everything(&mut world);
    for (more, expected) in cases {
        let body =
            format!("grant_type=authorization_code&code={}&resource=x&{more}", code.expose());
        assert_eq!(told(&world.token(&body)), expected, "{more}");
    }
    let code = &world.all::<Code>()[0];
    assert_eq!(code.standing, Standing::Live { refusals: 1 }, "only the owner's attempt counts");
}

//= https://www.rfc-editor.org/rfc/rfc9700#section-2.1.1
//= type=test
//# Authorization servers MUST mitigate PKCE downgrade attacks by ensuring
//# that a token request containing a code_verifier parameter is accepted
//# only if a code_challenge parameter was present in the authorization
//# request
#[test]
fn a_verifier_without_a_challenge_is_a_downgrade() {
    let mut world = World::new();
    world.client.authentication = Authentication::Basic { secrets: vec![] };
    world.client.pkce = crate::state::Pkce::Optional;
    let form = format!("client_id=shop&redirect_uri={BACK}&response_type=code&scope=openid");
    let form = bailiwick_oauth::Form::parse(&form).unwrap();
    let checked = world.check_form(&form).unwrap();
    let all = checked.asked().clone();
    let key = world.begin(checked);
    let code = world.answer(&key, &crate::flow::authorize::Answer::Accept(all)).unwrap();
    assert_eq!(told(&world.redeem(&code, "")), "invalid_grant verifier_unexpected");
    let body = format!("grant_type=authorization_code&code={}&redirect_uri={BACK}", code.expose());
    assert_eq!(told(&world.token(&body)), "https://id.example.com = openid");
}

#[test]
fn a_request_without_redirect_uri_may_name_a_registered_one_later() {
    let redeemed = |more: &str| {
        let mut world = World::new();
        let query = format!(
            "client_id=shop&response_type=code&scope=openid&code_challenge={}\
             &code_challenge_method=S256",
            World::verifier().challenge().as_str()
        );
        let checked = world.check_form(&bailiwick_oauth::Form::parse(&query).unwrap()).unwrap();
        let all = checked.asked().clone();
        let key = world.begin(checked);
        let code = world.answer(&key, &crate::flow::authorize::Answer::Accept(all)).unwrap();
        told(&world.token(&format!(
            "grant_type=authorization_code&code={}&code_verifier={}&{more}",
            code.expose(),
            "v".repeat(43)
        )))
    };
    assert_eq!(redeemed(""), "https://id.example.com = openid");
    assert_eq!(redeemed(&format!("redirect_uri={BACK}")), "https://id.example.com = openid");
    let differs = "invalid_grant redirect_uri_differs";
    assert_eq!(redeemed("redirect_uri=https://evil.example/cb"), differs);
}

//= https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2
//= type=test
//# If an authorization code is used more than
//# once, the authorization server MUST deny the request and SHOULD
//# revoke (when possible) all tokens previously issued based on
//# that authorization code.
#[test]
fn a_code_used_twice_revokes_its_tokens() {
    let mut world = World::new();
    let code = everything(&mut world);
    let token = world.redeem(&code, "").unwrap().refresh.unwrap();
    assert_eq!(told(&world.redeem(&code, "")), "invalid_grant code_replayed");
    assert_eq!(world.grant().value.status, Status::Revoked);
    assert_eq!(told(&world.refresh(&token, "")), "invalid_grant revoked");
    // Seen as a replay also after the code's own time.
    let mut world = World::new();
    let code = everything(&mut world);
    world.redeem(&code, "").unwrap();
    world.now += 600;
    assert_eq!(told(&world.redeem(&code, "")), "invalid_grant code_replayed");
    assert_eq!(world.grant().value.status, Status::Revoked);
}

//= https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3
//= type=test
//# ensure that the authorization code was issued to the authenticated
//# confidential client, or if the client is public, ensure that the
//# code was issued to "client_id" in the request,
#[test]
fn another_client_redeems_nothing_and_revokes_nothing() {
    let mut world = World::new();
    let (mine, other) = (ClientId::parse("shop").unwrap(), ClientId::parse("thief").unwrap());
    let code = everything(&mut world);
    world.client.id = other.clone();
    assert_eq!(told(&world.redeem(&code, "")), "invalid_grant other_client");
    world.client.id = mine.clone();
    let token = world.redeem(&code, "").unwrap().refresh.unwrap();
    world.client.id = other;
    assert_eq!(told(&world.redeem(&code, "")), "invalid_grant other_client");
    assert_eq!(told(&world.refresh(&token, "")), "invalid_grant other_client");
    assert_eq!(world.grant().value.status, Status::Live);
    world.client.id = mine;
    assert_eq!(told(&world.refresh(&token, "")), USERINFO);
}

#[test]
fn of_two_that_redeem_one_code_at_once_one_gets_tokens() {
    let mut world = World::new();
    let code = everything(&mut world);
    let body = format!(
        "grant_type=authorization_code&code={}&redirect_uri={BACK}&code_verifier={}",
        code.expose(),
        "v".repeat(43)
    );
    let (first, second) = (world.decide(&body), world.decide(&body));
    assert!(first.outcome.is_ok() && second.outcome.is_ok());
    assert_eq!(world.commit(&first.changes), Ok(()));
    assert_eq!(world.commit(&second.changes), Err(Conflict));
    assert_eq!(told(&world.token(&body)), "invalid_grant code_replayed");
}

#[test]
fn codes_and_tokens_expire() {
    let mut world = World::new();
    let code = everything(&mut world);
    world.now += 60;
    assert_eq!(told(&world.redeem(&code, "")), "invalid_grant expired");
    world.now -= 1;
    let token = world.redeem(&code, "").unwrap().refresh.unwrap();
    world.now += world.tenant.lifetimes.refresh_token;
    assert_eq!(told(&world.refresh(&token, "")), "invalid_grant expired");
    let unknown = Secret::new("unknown");
    assert_eq!(told(&world.redeem(&unknown, "")), "invalid_grant unknown");
    assert_eq!(told(&world.refresh(&unknown, "")), "invalid_grant unknown");
    for cut in [&code.expose()[..42], &format!("{}=", code.expose())] {
        assert_eq!(told(&world.redeem(&Secret::new(cut), "")), "invalid_grant unknown");
    }
}

#[test]
fn a_user_who_is_gone_gets_nothing() {
    let mut world = World::new();
    let token = refreshable(&mut world);
    let code = everything(&mut world);
    world.user.enabled = false;
    assert_eq!(told(&world.redeem(&code, "")), "invalid_grant subject_disabled");
    assert_eq!(told(&world.refresh(&token, "")), "invalid_grant subject_disabled");
    world.user.enabled = true;
    world.user.subject = Subject::parse("user-2").unwrap();
    assert_eq!(told(&world.redeem(&code, "")), "invalid_grant subject_disabled");
}

#[test]
fn the_grant_must_be_the_one_of_the_code_or_token() {
    let mut world = World::new();
    let code = everything(&mut world);
    let other = everything(&mut world);
    let code: Loaded<Code> = world.load(code.digest().as_str()).unwrap();
    let other: Loaded<Code> = world.load(other.digest().as_str()).unwrap();
    let grant: Loaded<GrantRecord> = world.load(other.value.grant.as_str()).unwrap();
    let context = Context {
        tenant: &world.tenant,
        client: &world.client,
        directory: &world.directory(),
        sender: &world.sender,
        now: NOW,
    };
    let live = |id: &GrantId| live(&context, id, Some(&grant), Some(&world.user)).is_ok();
    assert!(live(&other.value.grant));
    assert!(!live(&code.value.grant));
}

#[test]
fn a_client_uses_only_its_grant_types() {
    let mut world = World::new();
    let token = refreshable(&mut world);
    let code = everything(&mut world);
    world.client.grant_types.clear();
    let refused = "unauthorized_client grant_type_not_allowed";
    assert_eq!(told(&world.redeem(&code, "")), refused);
    assert_eq!(told(&world.refresh(&token, "")), refused);
    assert_eq!(told(&world.token("grant_type=client_credentials")), refused);
}

#[test]
fn an_empty_scope_is_issued_only_where_it_is_allowed() {
    let mut world = World::new();
    world.server(API).allow_empty_scope = true;
    let code = world.authorize(ON_API).unwrap();
    assert_eq!(told(&world.redeem(&code, "")), "https://api.example.com = ");
    let code = world.authorize(ON_API).unwrap();
    world.server(API).allow_empty_scope = false;
    assert_eq!(told(&world.redeem(&code, "")), "invalid_scope nothing_left");
}

#[test]
fn a_machine_gets_one_resource_under_its_ceiling() {
    let mut world = World::new();
    world.client = machine();
    world.servers.push(server("https://mail.example.com", "send* read* purge"));
    world.client.ceiling.resources.insert(id(API), Reach::Only(scopes("read")));
    let mail = Reach::Only(scopes("send purge"));
    world.client.ceiling.resources.insert(id("https://mail.example.com"), mail);
    let target = "invalid_target resource_ambiguous";
    let several = "invalid_target several_resources";
    let cases = [
        ("scope=read&resource=https://api.example.com", "https://api.example.com = read"),
        ("scope=read+write&resource=https://api.example.com", "https://api.example.com = read"),
        ("scope=write&resource=https://api.example.com", "invalid_scope nothing_left"),
        ("scope=https://api.example.com:read", "https://api.example.com = read"),
        ("resource=https://mail.example.com", "https://mail.example.com = send"),
        ("scope=https://mail.example.com/.default", "https://mail.example.com = send purge"),
        ("scope=openid+read&resource=https://api.example.com", "https://api.example.com = read"),
        ("scope=openid&resource=https://mail.example.com", "https://mail.example.com = send"),
        ("scope=openid&resource=https://api.example.com", "invalid_scope nothing_left"),
        ("scope=openid", target),
        ("scope=read", target),
        ("", target),
        ("audience=https://mail.example.com", "https://mail.example.com = send"),
        ("resource=https://nobody.example", "invalid_target resource_unknown"),
        (BOTH, several),
        ("scope=https://api.example.com:read+https://api.another.com:read", several),
        ("scope=https://api.another.com:read&resource=https://mail.example.com", several),
    ];
    for strict in [false, true] {
        world.client.strict = strict;
        for (more, expected) in cases {
            let drops = strict && more.contains("write");
            let expected = if drops { "invalid_scope client_ceiling" } else { expected };
            let outcome = world.token(&format!("grant_type=client_credentials&{more}"));
            assert_eq!(told(&outcome), expected, "{more}");
        }
    }
    world.client.default_resource = Some(id(API));
    let outcome = world.token("grant_type=client_credentials&scope=read");
    assert_eq!(told(&outcome), "https://api.example.com = read");
}

//= https://www.rfc-editor.org/rfc/rfc6749#section-4.4.3
//= type=test
//# A refresh token SHOULD NOT be included.
#[test]
fn a_machine_speaks_for_itself_and_gets_no_refresh_token() {
    let mut world = World::new();
    world.client = machine();
    world.client.grant_types.insert(GrantKind::RefreshToken);
    world.client.refresh_tokens = RefreshTokens::Always;
    let body = format!("grant_type=client_credentials&scope=offline_access+read&{ON_API}");
    let tokens = world.token(&body).unwrap();
    assert!(tokens.refresh.is_none() && tokens.id.is_none());
    assert_eq!(tokens.access.claims.sub.as_str(), "shop");
    assert_eq!(tokens.access.claims.auth_time, None);
    assert_eq!(GrantId::of_token(&tokens.access.claims.jti), None);
    let explained = world.decide(&body).explanation;
    let dropped: Vec<&str> = explained.dropped().map(|one| one.scope.as_str()).collect();
    assert_eq!(dropped, ["offline_access"]);
}

//= https://www.rfc-editor.org/rfc/rfc6749#section-4.4
//= type=test
//# The client credentials grant type MUST only be used by confidential
//# clients.
#[test]
fn a_public_client_has_no_credentials_of_its_own() {
    let mut world = World::new();
    world.client.grant_types.insert(GrantKind::ClientCredentials);
    let refused = world.token(&format!("grant_type=client_credentials&{ON_API}")).unwrap_err();
    assert_eq!(no(&refused), "unauthorized_client grant_type_not_allowed");
}
