use bailiwick_jose::{Algorithm, SigningKey};
use bailiwick_oauth::{ClientId, Issuer};
use serde_json::json;

use super::*;
use crate::Named;
use crate::fixture::{NOW, client, tenant};

const IDP: &str = "https://idp.example.com";

fn trusted(profile: AssertionProfile) -> TrustedIssuer {
    TrustedIssuer {
        issuer: Issuer::parse(IDP).unwrap(),
        jwks_uri: None,
        profile,
        clients: [ClientId::parse("shop").unwrap()].into(),
        resources: [].into(),
        claim: "email".to_owned(),
        names: Named::Username,
    }
}

fn good() -> Value {
    json!({
        "iss": IDP, "sub": "1", "email": "alice@example.com", "aud": "https://id.example.com",
        "client_id": "shop", "jti": "j", "iat": NOW, "exp": NOW + 300,
        "resource": "https://api.example.com", "scope": "read",
    })
}

/// The verdict on an assertion of good claims with some changed, by a key of the issuer.
fn verdict(profile: AssertionProfile, typ: &str, changed: &Value) -> Result<Asserted, Reason> {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let mut claims = good();
    for (name, value) in changed.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    let jwt = Secret::new(key.sign_json(typ, &claims).unwrap());
    let set = json!({ "keys": [key.verifying_key().to_jwk()] });
    let keys = Jwks::parse(set.to_string().as_bytes()).unwrap();
    let trusted = trusted(profile);
    verify(&tenant(), &client(), &trusted, &keys, &jwt, NOW).map_err(|refused| {
        assert_eq!(refused.error, ErrorCode::InvalidGrant);
        refused.reason
    })
}

fn id_jag(changed: &Value) -> Result<Asserted, Reason> {
    verdict(AssertionProfile::IdJag, ID_JAG_TYPE, changed)
}

#[test]
fn a_good_assertion_says_who_and_what_for() {
    let asserted = id_jag(&json!({})).unwrap();
    assert_eq!(asserted.user, "alice@example.com");
    assert_eq!(asserted.resources, ["https://api.example.com"]);
    assert_eq!(asserted.scope.unwrap().to_string(), "read");
    assert_eq!(asserted.auth_time, NOW);
    assert_eq!(asserted.spent.until, NOW + 310);
    let many = id_jag(&json!({ "resource": ["a", "b"], "scope": null, "auth_time": 7 })).unwrap();
    assert_eq!((many.resources.len(), many.scope, many.auth_time), (2, None, 7));
    assert!(id_jag(&json!({ "resource": null })).unwrap().resources.is_empty());
}

//= https://www.rfc-editor.org/rfc/rfc7523#section-3
//= type=test
//# The authorization server MUST reject any JWT that does not contain its
//# own identity as the intended audience.
#[test]
fn what_is_wrong_with_an_assertion_fails_it() {
    let wrong = [
        json!({ "iss": "https://other.example.com" }),
        json!({ "iss": null }),
        json!({ "aud": "https://id.example.com/" }),
        json!({ "aud": ["https://id.example.com", "https://other.example.com"] }),
        json!({ "aud": null }),
        json!({ "client_id": "other" }),
        json!({ "client_id": null }),
        json!({ "exp": NOW - 10 }),
        json!({ "exp": null }),
        json!({ "exp": NOW + 4000 }),
        json!({ "exp": "soon" }),
        json!({ "nbf": NOW + 60 }),
        json!({ "iat": NOW + 60 }),
        json!({ "jti": null }),
        json!({ "jti": "" }),
        json!({ "jti": "j".repeat(257) }),
        json!({ "email": null }),
        json!({ "email": 7 }),
        json!({ "email": "" }),
        json!({ "resource": 7 }),
        json!({ "resource": [7] }),
        json!({ "scope": ["read"] }),
        json!({ "scope": "a\"b" }),
    ];
    for changed in wrong {
        let verdict = id_jag(&changed).map(|_| ());
        assert_eq!(verdict, Err(Reason::AuthenticationFailed), "{changed}");
    }
    assert!(id_jag(&json!({ "exp": NOW - 9 })).is_ok(), "clocks differ a little");
}

#[test]
fn no_other_kind_of_token_passes_as_a_grant() {
    for typ in ["JWT", "at+jwt", "logout+jwt", "dpop+jwt"] {
        let verdict = verdict(AssertionProfile::IdJag, typ, &json!({})).map(|_| ());
        assert_eq!(verdict, Err(Reason::AuthenticationFailed), "{typ}");
    }
    for typ in [ID_JAG_TYPE, "at+jwt"] {
        let verdict = verdict(AssertionProfile::Jwt, typ, &json!({})).map(|_| ());
        assert_eq!(verdict, Err(Reason::AuthenticationFailed), "{typ}");
    }
    let of_nobody = json!({ "client_id": null });
    assert!(verdict(AssertionProfile::Jwt, "JWT", &of_nobody).is_ok());
    let of_other = json!({ "client_id": "other" });
    assert!(verdict(AssertionProfile::Jwt, "JWT", &of_other).is_err());
}

#[test]
fn a_foreign_key_or_client_fails_it() {
    let (key, other) = (
        SigningKey::generate(Algorithm::Es256).unwrap(),
        SigningKey::generate(Algorithm::Es256).unwrap(),
    );
    let jwt = Secret::new(key.sign_json(ID_JAG_TYPE, &good()).unwrap());
    let set = json!({ "keys": [other.verifying_key().to_jwk()] });
    let keys = Jwks::parse(set.to_string().as_bytes()).unwrap();
    let mut trusted = trusted(AssertionProfile::IdJag);
    let reason = |trusted: &TrustedIssuer, jwt: &Secret| {
        verify(&tenant(), &client(), trusted, &keys, jwt, NOW).unwrap_err().reason
    };
    assert_eq!(reason(&trusted, &jwt), Reason::AuthenticationFailed);
    assert_eq!(reason(&trusted, &Secret::new("rubbish")), Reason::AuthenticationFailed);
    trusted.clients.clear();
    assert_eq!(reason(&trusted, &jwt), Reason::OtherClient);
}

#[test]
fn an_issuer_is_found_by_its_very_name() {
    let mut tenant = tenant();
    tenant.trusted_issuers = vec![trusted(AssertionProfile::IdJag)];
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let found = |iss: &str| {
        let jwt = key.sign_json(ID_JAG_TYPE, &json!({ "iss": iss })).unwrap();
        issuer(&tenant, &Secret::new(jwt)).is_some()
    };
    assert!(found(IDP));
    for other in
        ["https://idp.example.com/", "https://IDP.example.com", "https://idp.example.co", ""]
    {
        assert!(!found(other), "{other}");
    }
}
