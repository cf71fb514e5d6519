use bailiwick_jose::{Algorithm, SigningKey, base64url};
use bailiwick_oauth::certificate::{DistinguishedName, Identity, Subject};
use bailiwick_oauth::{ClientCertificate, ClientId, ErrorCode};
use serde_json::{Value, json};

use super::*;
use crate::fixture::{NOW, client, server, tenant};
use crate::state::Keys;
use crate::state::Profile;

const ISSUER: &str = "https://id.example.com";

fn id() -> ClientId {
    ClientId::parse("shop").unwrap()
}

fn with(authentication: Authentication) -> Client {
    Client { authentication, ..client() }
}

fn digests(secrets: &[&str]) -> Vec<Digest> {
    secrets.iter().map(|secret| Secret::new(*secret).digest()).collect()
}

fn verdict(client: Option<&Client>, credentials: &Credentials) -> Result<Authenticated, Reason> {
    let keys = client.and_then(keys_of);
    let answer = authenticate(&tenant(), client, credentials, keys.as_ref(), NOW);
    answer.map_err(|refused| {
        assert_eq!(refused.error, ErrorCode::InvalidClient);
        assert_eq!(refused.description, "the client is unknown or its authentication failed");
        refused.reason
    })
}

#[test]
fn each_method_takes_its_own_credentials_only() {
    let none = || Credentials::None { client_id: id() };
    let basic = |secret: &str| Credentials::Basic { client_id: id(), secret: Secret::new(secret) };
    let post = |secret: &str| Credentials::Post { client_id: id(), secret: Secret::new(secret) };
    let public = with(Authentication::None);
    let by_header = with(Authentication::Basic { secrets: digests(&["old", "new"]) });
    let by_body = with(Authentication::Post { secrets: digests(&["new"]) });
    let without = with(Authentication::Basic { secrets: Vec::new() });
    let method = || Err(Reason::AuthenticationMethod);
    let failed = || Err(Reason::AuthenticationFailed);
    let good = || Ok(Authenticated { assertion: None });
    let cases = [
        (&public, none(), good()),
        (&public, basic("new"), method()),
        (&by_header, basic("old"), good()),
        (&by_header, basic("new"), good()),
        (&by_header, basic("other"), failed()),
        (&by_header, basic(""), failed()),
        (&by_header, post("new"), method()),
        (&by_header, none(), method()),
        (&by_body, post("new"), good()),
        (&by_body, basic("new"), method()),
        (&without, basic(""), failed()),
    ];
    for (client, credentials, expected) in cases {
        assert_eq!(verdict(Some(client), &credentials), expected, "{credentials:?}");
    }
}

#[test]
fn a_certificate_is_a_method_of_its_own() {
    let name = DistinguishedName::parse("CN=shop").unwrap();
    let certificate = Box::new(ClientCertificate {
        digest: [1; 32],
        identity: Some(Identity {
            is_vouched_for: true,
            subject: Some(name.clone()),
            ..Identity::default()
        }),
    });
    let beside = || Credentials::Certificate { client_id: id(), certificate: certificate.clone() };
    let tls = with(Authentication::Tls { subject: Subject::Name(name) });
    let public = with(Authentication::None);
    let by_body = with(Authentication::Post { secrets: digests(&["new"]) });
    let secret = || Credentials::Post { client_id: id(), secret: Secret::new("new") };
    let good = || Ok(Authenticated { assertion: None });
    let method = || Err(Reason::AuthenticationMethod);
    assert_eq!(verdict(Some(&tls), &beside()), good());
    assert_eq!(verdict(Some(&public), &beside()), good(), "it binds its tokens");
    assert_eq!(verdict(Some(&by_body), &beside()), method());
    assert_eq!(verdict(Some(&tls), &Credentials::None { client_id: id() }), method());
    // A client that registered a certificate has no secret, and what is sent along is not it.
    let both = secret().beside(Some(&certificate));
    assert_eq!(verdict(Some(&tls), &both), method());
    assert_eq!(verdict(Some(&by_body), &both), good());
}

#[test]
fn an_unknown_client_and_another_client_are_refused() {
    assert_eq!(verdict(None, &Credentials::None { client_id: id() }), Err(Reason::UnknownClient));
    let client_id = ClientId::parse("other").unwrap();
    assert_eq!(
        verdict(Some(&client()), &Credentials::None { client_id }),
        Err(Reason::UnknownClient)
    );
}

/// The claims of a right assertion.
fn claims() -> Value {
    json!({ "iss": "shop", "sub": "shop", "aud": ISSUER, "exp": NOW + 60, "iat": NOW, "jti": "j" })
}

fn keyed(key: &SigningKey) -> Client {
    let jwks = json!({ "keys": [key.verifying_key().to_jwk()] });
    Client { keys: Keys::Set(jwks), ..with(Authentication::PrivateKeyJwt) }
}

fn keys_of(client: &Client) -> Option<Jwks> {
    match &client.keys {
        Keys::Set(set) => Jwks::from_json(set).ok(),
        _ => None,
    }
}

fn asserted(client: &Client, jwt: &str) -> Result<Option<Spent>, Reason> {
    let credentials = Credentials::Assertion { client_id: id(), jwt: Secret::new(jwt) };
    verdict(Some(client), &credentials).map(|authenticated| authenticated.assertion)
}

//= https://www.rfc-editor.org/rfc/rfc7523#section-3
//= type=test
//# The JWT MUST contain an "aud" (audience) claim containing a value
//# that identifies the authorization server as an intended audience.
//= https://www.rfc-editor.org/rfc/rfc7523#section-3
//= type=test
//# The JWT MUST contain an "exp" (expiration time) claim that limits
//# the time window during which the JWT can be used.
#[test]
fn an_assertion_is_its_own_for_the_issuer_and_short_lived() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let client = keyed(&key);
    let verdict = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        if claims[name].is_null() {
            claims.as_object_mut().unwrap().remove(name);
        }
        asserted(&client, &key.sign_json("JWT", &claims).unwrap()).is_ok()
    };
    let token_endpoint = "https://id.example.com/token";
    let cases = [
        ("iss", json!("shop"), true),
        ("iss", json!("other"), false),
        ("iss", Value::Null, false),
        ("sub", json!("other"), false),
        ("sub", Value::Null, false),
        ("aud", json!([ISSUER]), false), // one string, not a list of one
        ("aud", json!(token_endpoint), false),
        ("aud", json!("https://id.example.com/"), false),
        ("aud", json!([ISSUER, token_endpoint]), false),
        ("aud", json!([]), false),
        ("aud", Value::Null, false),
        ("exp", json!(NOW), true),
        ("exp", json!(NOW - 10), false),
        ("exp", json!(NOW + 310), true),
        ("exp", json!(NOW + 311), false),
        ("exp", json!("soon"), false),
        ("exp", Value::Null, false),
        ("nbf", json!(NOW + 10), true),
        ("nbf", json!(NOW + 11), false),
        ("iat", json!(NOW + 11), false),
        ("iat", Value::Null, true),
        ("jti", Value::Null, false),
        ("jti", json!(""), false),
        ("jti", json!("j".repeat(256)), true),
        ("jti", json!("j".repeat(257)), false),
        ("jti", json!(7), false),
    ];
    for (name, value, expected) in cases {
        assert_eq!(verdict(name, value.clone()), expected, "{name} {value}");
    }
}

//= https://www.rfc-editor.org/rfc/rfc7523#section-3
//= type=test
//# The authorization server MAY ensure that JWTs are not replayed by
//# maintaining the set of used "jti" values for the length of time for
//# which the JWT would be considered valid based on the applicable
//# "exp" instant.
#[test]
fn an_assertion_is_spent_for_as_long_as_it_is_valid() {
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let jwt = key.sign_json("JWT", &claims()).unwrap();
    let spent = Spent { key: "shop j".to_owned(), until: NOW + 70 };
    assert_eq!(asserted(&keyed(&key), &jwt), Ok(Some(spent)));
    let credentials = Credentials::Assertion { client_id: id(), jwt: Secret::new(jwt) };
    let client = keyed(&key);
    let keys = keys_of(&client);
    let at = |now| authenticate(&tenant(), Some(&client), &credentials, keys.as_ref(), now).is_ok();
    assert!(at(NOW + 69));
    assert!(!at(NOW + 70), "no longer taken once it is forgotten");
}

#[test]
fn no_other_kind_of_jwt_is_taken_for_an_assertion() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let cases = [
        ("JWT", true),
        ("jwt", true),
        ("client-authentication+jwt", true),
        ("application/client-authentication+jwt", true),
        ("at+jwt", false),
        ("dpop+jwt", false),
        ("oauth-authz-req+jwt", false),
        ("logout+jwt", false),
        ("secevent+jwt", false),
        ("", false),
    ];
    for (typ, expected) in cases {
        let jwt = key.sign_json(typ, &claims()).unwrap();
        assert_eq!(asserted(&keyed(&key), &jwt).is_ok(), expected, "{typ}");
    }
}

#[test]
fn only_the_clients_own_key_proves_it() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let wrong = SigningKey::generate(Algorithm::Es256).unwrap();
    let client = keyed(&key);
    let failed = Err(Reason::AuthenticationFailed);
    let right = key.sign_json("JWT", &claims()).unwrap();
    assert!(asserted(&client, &right).is_ok());
    assert_eq!(asserted(&client, &wrong.sign_json("JWT", &claims()).unwrap()), failed);
    let mut parts: Vec<&str> = right.split('.').collect();
    let forged = base64url::encode(br#"{"alg":"none"}"#);
    parts[0] = &forged;
    assert_eq!(asserted(&client, &parts.join(".")), failed);
    assert_eq!(asserted(&client, &right[..right.len() - 2]), failed);
    assert_eq!(asserted(&client, "x"), failed);
    // Another client's assertion, though it is well signed with a key of this one.
    let mut claims = claims();
    claims["sub"] = json!("other");
    claims["iss"] = json!("other");
    assert_eq!(asserted(&client, &key.sign_json("JWT", &claims).unwrap()), failed);
    let without = with(Authentication::PrivateKeyJwt);
    assert_eq!(asserted(&without, &right), failed);
    let secret = Credentials::Basic { client_id: id(), secret: Secret::new("x") };
    assert_eq!(verdict(Some(&client), &secret), Err(Reason::AuthenticationMethod));
    let none = Credentials::None { client_id: id() };
    assert_eq!(verdict(Some(&client), &none), Err(Reason::AuthenticationMethod));
}

//= https://www.rfc-editor.org/rfc/rfc7662#section-2.1
//= type=test
//# To prevent token scanning attacks, the endpoint MUST also require
//# some form of authorization to access this endpoint
#[test]
fn a_resource_server_authenticates_to_introspect() {
    let mut server = server("https://api.example.com", "read");
    server.introspection_secrets = digests(&["sesame"]);
    let verdict = |server: Option<&ResourceServer>, credentials: &Credentials| {
        let verdict = authenticate_resource_server(&tenant(), server, credentials, NOW);
        verdict.map(|proven| assert_eq!(proven.assertion, None)).map_err(|refused| {
            assert_eq!(refused.error, ErrorCode::InvalidClient);
            refused.reason
        })
    };
    let basic = |text: &str| Credentials::Basic { client_id: id(), secret: Secret::new(text) };
    let post = Credentials::Post { client_id: id(), secret: Secret::new("sesame") };
    let none = Credentials::None { client_id: id() };
    assert_eq!(verdict(Some(&server), &basic("sesame")), Ok(()));
    assert_eq!(verdict(Some(&server), &post), Ok(()));
    assert_eq!(verdict(Some(&server), &basic("x")), Err(Reason::AuthenticationFailed));
    assert_eq!(verdict(Some(&server), &none), Err(Reason::AuthenticationMethod));
    assert_eq!(verdict(None, &basic("sesame")), Err(Reason::UnknownClient));
    server.enabled = false;
    assert_eq!(verdict(Some(&server), &basic("sesame")), Err(Reason::UnknownClient));
}

#[test]
fn a_resource_server_proves_itself_with_its_own_key() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let name = "https://api.example.com";
    let mut server = server(name, "read");
    let verdict = |server: &ResourceServer, id: &str, key: &SigningKey, said: &str| {
        let mut claims = claims();
        (claims["iss"], claims["sub"]) = (json!(said), json!(said));
        let jwt = Secret::new(key.sign_json("JWT", &claims).unwrap());
        let credentials = Credentials::Assertion { client_id: ClientId::parse(id).unwrap(), jwt };
        authenticate_resource_server(&tenant(), Some(server), &credentials, NOW)
            .map(|proven| proven.assertion.is_some())
            .map_err(|refused| refused.reason)
    };
    assert_eq!(verdict(&server, name, &key, name), Err(Reason::AuthenticationMethod));
    server.introspection_keys = Some(Jwks::from_keys(vec![key.verifying_key().clone()]).to_json());
    assert_eq!(verdict(&server, name, &key, name), Ok(true), "an assertion to be spent");
    assert_eq!(verdict(&server, name, &key, "shop"), Err(Reason::AuthenticationFailed));
    let wrong = SigningKey::generate(Algorithm::Es256).unwrap();
    assert_eq!(verdict(&server, name, &wrong, name), Err(Reason::AuthenticationFailed));
}

#[test]
fn under_fapi_an_assertion_is_signed_strongly() {
    for (algorithm, expected) in [(Algorithm::Es256, true), (Algorithm::Es384, false)] {
        let key = SigningKey::generate(algorithm).unwrap();
        let mut client = keyed(&key);
        client.redirect_uris = Vec::new();
        let jwt = key.sign_json("JWT", &claims()).unwrap();
        assert!(asserted(&client, &jwt).is_ok(), "{algorithm}");
        client.profile = Profile::Fapi2;
        assert_eq!(asserted(&client, &jwt).is_ok(), expected, "{algorithm}");
    }
}
