use bailiwick_oauth::{RedirectUri, Secret};

use super::*;
use crate::fixture::{client, tenant};
use crate::state::SenderSettings;

fn fapi() -> Client {
    let mut client = client();
    client.profile = Profile::Fapi2;
    client.authentication = Authentication::PrivateKeyJwt;
    client.redirect_uris = vec![RedirectUri::parse("https://bank.example/cb").unwrap()];
    client
}

// Security Profile §5.3.2.1, items 6 and 9; §5.3.2.2, items 7 and 10.
#[test]
fn each_contradiction_is_refused_with_its_sentence() {
    type Change = fn(&mut Tenant, &mut Client);
    let secret = || vec![Secret::new("s").digest()];
    let cases: [(Change, Option<&str>); 7] = [
        (|_, _| {}, None),
        (
            |_, client| client.authentication = Authentication::None,
            Some("FAPI 2.0 wants private_key_jwt"),
        ),
        (
            |_, client| {
                let secrets = vec![Secret::new("s").digest()];
                client.authentication = Authentication::Post { secrets };
            },
            Some("FAPI 2.0 wants private_key_jwt"),
        ),
        (
            |_, client| {
                client.redirect_uris =
                    vec![RedirectUri::parse("http://127.0.0.1/callback").unwrap()];
            },
            Some("FAPI 2.0 wants https redirect URIs"),
        ),
        (
            |_, client| {
                client.redirect_uris = vec![RedirectUri::parse("com.example.app:/cb").unwrap()];
            },
            Some("FAPI 2.0 wants https redirect URIs"),
        ),
        (|_, client| client.openid.response_iss = ResponseIss::Omit, Some("FAPI 2.0 wants iss")),
        (|tenant, _| tenant.response_iss = ResponseIss::Omit, Some("FAPI 2.0 wants iss")),
    ];
    for (change, expected) in cases {
        let (mut tenant, mut client) = (tenant(), fapi());
        change(&mut tenant, &mut client);
        let told = admit(&tenant, &client).map_err(|refused| {
            assert_eq!(refused.error, ErrorCode::UnauthorizedClient);
            assert_eq!(refused.reason, Reason::ProfileContradicted);
            refused.description
        });
        match expected {
            None => assert_eq!(told, Ok(())),
            Some(expected) => assert!(told.clone().unwrap_err().starts_with(expected), "{told:?}"),
        }
        client.profile = Profile::None;
        assert!(admit(&tenant, &client).is_ok(), "without the profile nothing is demanded");
    }
    let mut weak = fapi();
    weak.profile = Profile::None;
    weak.authentication = Authentication::Basic { secrets: secret() };
    let mut strict = tenant();
    strict.profile = Profile::Fapi2;
    assert!(admit(&strict, &weak).is_err(), "the issuer's profile holds for each of its clients");
}

#[test]
fn the_profile_turns_on_what_can_be_turned_on() {
    let mut loose = fapi();
    loose.pkce = Pkce::Optional;
    let held = held_to(&tenant(), loose.clone());
    assert_eq!((held.pkce, held.sender.constraint), (Pkce::Required, SenderConstraint::Any));
    assert_eq!(held.openid.id_token_signed_response_alg, Algorithm::Ps256);
    let same = loose.openid.authorization_signed_response_alg;
    assert_eq!(held.openid.authorization_signed_response_alg, same, "it asks for none");
    assert!(held.requests.require_pushed && !held.requests.require_signed);
    for constraint in [SenderConstraint::Dpop, SenderConstraint::Mtls] {
        loose.sender = SenderSettings { constraint, ..SenderSettings::default() };
        assert_eq!(held_to(&tenant(), loose.clone()).sender.constraint, constraint);
    }
    loose.profile = Profile::Fapi2MessageSigning;
    let held = held_to(&tenant(), loose.clone());
    assert_eq!(held.openid.authorization_signed_response_alg, Algorithm::Ps256);
    assert!(held.requests.require_pushed && held.requests.require_signed);
    loose.profile = Profile::None;
    assert_eq!(held_to(&tenant(), loose.clone()), loose);
}

#[test]
fn a_request_says_its_redirect_uri_and_asks_for_a_signed_answer() {
    use ResponseMode::{FormPostJwt, Query, QueryJwt};
    let cases = [
        (Profile::None, false, Query, true),
        (Profile::Fapi2, true, Query, true),
        (Profile::Fapi2, false, Query, false),
        (Profile::Fapi2MessageSigning, true, Query, false),
        (Profile::Fapi2MessageSigning, true, QueryJwt, true),
        (Profile::Fapi2MessageSigning, true, FormPostJwt, true),
        (Profile::Fapi2MessageSigning, false, QueryJwt, false),
    ];
    for (profile, sent, mode, expected) in cases {
        let client = Client { profile, ..fapi() };
        let verdict = demand_request(&tenant(), &client, sent, mode);
        assert_eq!(verdict.is_ok(), expected, "{profile:?} {sent} {mode:?}");
    }
}

// Security Profile §5.4.1: PS256, ES256 or EdDSA.
#[test]
fn what_clients_sign_is_signed_strongly() {
    let (plain, fapi) = (Client { profile: Profile::None, ..fapi() }, fapi());
    for algorithm in Algorithm::ALL {
        assert!(takes(&tenant(), &plain, algorithm));
        let is_one = ["PS256", "ES256", "EdDSA"].contains(&algorithm.name());
        assert_eq!(takes(&tenant(), &fapi, algorithm), is_one, "{algorithm}");
    }
}

#[test]
fn a_code_lives_a_minute_at_most() {
    let (plain, fapi) = (Client { profile: Profile::None, ..fapi() }, fapi());
    let mut tenant = tenant();
    for (seconds, expected) in [(600, 60), (60, 60), (30, 30)] {
        tenant.lifetimes.code = seconds;
        assert_eq!(code_lifetime(&tenant, &fapi), expected);
        assert_eq!(code_lifetime(&tenant, &plain), seconds);
    }
}
