use super::*;
use crate::fixture::{API, World, no};

const KEY: &str = "key";

fn sender(jkt: Option<&str>, certificate: Option<u8>) -> Sender {
    Sender { jkt: jkt.map(str::to_owned), certificate: certificate.map(|byte| [byte; 32]) }
}

fn told(bound: Result<Option<Confirmation>, Refused>) -> String {
    match bound {
        Ok(None) => "nothing".to_owned(),
        Ok(Some(Confirmation { jkt, x5t_s256 })) => {
            let jkt = jkt.map(|_| "key");
            let parts = [jkt, x5t_s256.map(|_| "certificate")];
            parts.into_iter().flatten().collect::<Vec<_>>().join(" and ")
        }
        Err(refused) => no(&refused),
    }
}

//= https://www.rfc-editor.org/rfc/rfc9449#section-5.2
//= type=test
//# If the value is
//# true, the authorization server MUST reject token requests from the
//# client that do not contain the DPoP header.
#[test]
fn what_anybody_demands_must_be_proved() {
    use SenderConstraint::{Any, Dpop, Mtls, None as Nothing};
    let unproved = "invalid_dpop_proof sender_unproved";
    let no_certificate = "invalid_request sender_unproved";
    let (none, key) = (sender(None, None), sender(Some(KEY), None));
    let (certificate, both) = (sender(None, Some(1)), sender(Some(KEY), Some(1)));
    let cases = [
        (Nothing, &none, "nothing"),
        (Nothing, &key, "key"),
        (Nothing, &certificate, "nothing"), // it authenticates; nobody asked to be bound to it
        (Nothing, &both, "key"),
        (Dpop, &none, unproved),
        (Dpop, &certificate, unproved),
        (Dpop, &key, "key"),
        (Dpop, &both, "key"),
        (Mtls, &none, no_certificate),
        (Mtls, &key, no_certificate),
        (Mtls, &certificate, "certificate"),
        (Mtls, &both, "key and certificate"),
        (Any, &none, no_certificate),
        (Any, &key, "key"),
        (Any, &certificate, "certificate"),
        (Any, &both, "key"),
    ];
    for (constraint, sender, expected) in cases {
        for place in ["tenant", "client", "server"] {
            let mut world = World::new();
            match place {
                "tenant" => world.tenant.sender.constraint = constraint,
                "client" => world.client.sender.constraint = constraint,
                _ => world.server(API).sender_constraint = constraint,
            }
            let server = world.server(API).clone();
            let bound = bind(&world.tenant, &world.client, Some(&server), sender);
            assert_eq!(told(bound), expected, "{constraint:?} {place} {sender:?}");
            if place != "server" {
                let userinfo = bind(&world.tenant, &world.client, None, sender);
                assert_eq!(told(userinfo), expected, "{constraint:?} {place} userinfo");
            }
        }
    }
}

#[test]
fn the_demands_of_client_and_api_add_up() {
    let mut world = World::new();
    world.client.sender.constraint = SenderConstraint::Mtls;
    world.server(API).sender_constraint = SenderConstraint::Dpop;
    let server = world.server(API).clone();
    let told = |sender: &Sender| told(bind(&world.tenant, &world.client, Some(&server), sender));
    assert_eq!(told(&sender(Some(KEY), Some(1))), "key and certificate");
    assert_eq!(told(&sender(Some(KEY), None)), "invalid_request sender_unproved");
    assert_eq!(told(&sender(None, Some(1))), "invalid_dpop_proof sender_unproved");
}

//= https://www.rfc-editor.org/rfc/rfc9449#section-10
//= type=test
//# When a token request is received, the authorization server computes
//# the JWK Thumbprint of the proof-of-possession public key in the DPoP
//# proof and verifies that it matches the dpop_jkt parameter value in
//# the authorization request. If they do not match, it MUST reject the
//# request.
#[test]
fn a_bound_code_is_for_its_key() {
    let verdict = |bound, shown| {
        let outcome = holds_code(bound, &sender(shown, None));
        outcome.map_or_else(|refused| no(&refused), |()| "passed".to_owned())
    };
    assert_eq!(verdict(None, None), "passed");
    assert_eq!(verdict(None, Some(KEY)), "passed");
    assert_eq!(verdict(Some(KEY), Some(KEY)), "passed");
    assert_eq!(verdict(Some(KEY), Some("other")), "invalid_grant sender_differs");
    assert_eq!(verdict(Some(KEY), None), "invalid_dpop_proof sender_unproved");
}

#[test]
fn a_bound_refresh_token_is_for_its_key_and_its_certificate() {
    let bound = |jkt: Option<&str>, certificate: Option<u8>| Confirmation {
        jkt: jkt.map(str::to_owned),
        x5t_s256: certificate.map(|byte| [byte; 32]),
    };
    let (by_key, by_certificate, by_both) =
        (bound(Some(KEY), None), bound(None, Some(1)), bound(Some(KEY), Some(1)));
    let cases = [
        (None, sender(None, None), "passed"),
        (Some(&by_key), sender(Some(KEY), None), "passed"),
        (Some(&by_key), sender(Some("other"), None), "invalid_grant sender_differs"),
        (Some(&by_key), sender(None, Some(1)), "invalid_dpop_proof sender_unproved"),
        (Some(&by_certificate), sender(None, Some(1)), "passed"),
        (Some(&by_certificate), sender(Some(KEY), Some(2)), "invalid_grant sender_differs"),
        (Some(&by_certificate), sender(None, None), "invalid_grant sender_differs"),
        (Some(&by_both), sender(Some(KEY), Some(1)), "passed"),
        (Some(&by_both), sender(Some(KEY), None), "invalid_grant sender_differs"),
        (Some(&by_both), sender(None, Some(1)), "invalid_dpop_proof sender_unproved"),
    ];
    for (bound, sender, expected) in cases {
        let outcome = holds_refresh(bound, &sender);
        let told = outcome.map_or_else(|refused| no(&refused), |()| "passed".to_owned());
        assert_eq!(told, expected, "{bound:?} {sender:?}");
    }
}

//= https://www.rfc-editor.org/rfc/rfc9449#section-7.2
//= type=test
//# Specifically, such a protected resource MUST reject a
//# DPoP-bound access token received as a bearer token per [RFC6750].
#[test]
fn a_bound_access_token_is_for_its_sender() {
    let cnf = |jkt: Option<&str>, certificate: Option<u8>| Confirmation {
        jkt: jkt.map(str::to_owned),
        x5t_s256: certificate.map(|byte| [byte; 32]),
    };
    let (by_key, by_certificate) = (cnf(Some(KEY), None), cnf(None, Some(1)));
    let cases = [
        (None, Scheme::Bearer, sender(None, None), true),
        (None, Scheme::Dpop, sender(Some(KEY), None), false),
        (Some(&by_key), Scheme::Dpop, sender(Some(KEY), None), true),
        (Some(&by_key), Scheme::Dpop, sender(Some("other"), None), false),
        (Some(&by_key), Scheme::Dpop, sender(None, None), false),
        (Some(&by_key), Scheme::Bearer, sender(Some(KEY), None), false),
        (Some(&by_certificate), Scheme::Bearer, sender(None, Some(1)), true),
        (Some(&by_certificate), Scheme::Bearer, sender(None, Some(2)), false),
        (Some(&by_certificate), Scheme::Bearer, sender(None, None), false),
    ];
    for (bound, scheme, sender, passes) in cases {
        let outcome = holds_access(bound, Sent { scheme, sender: &sender });
        let told = outcome.map_or_else(|refused| no(&refused), |()| "passed".to_owned());
        let expected = if passes { "passed" } else { "invalid_token sender_differs" };
        assert_eq!(told, expected, "{bound:?} {scheme:?} {sender:?}");
    }
}
