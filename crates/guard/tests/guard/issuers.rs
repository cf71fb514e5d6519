//! Several issuers at one API: none speaks for another (RFC 8725 §3.8, RFC 9207).

use bailiwick_guard::{
    IssuerRule, IssuerTemplate, Missing, Profile, Stop, Tenants, Trust, Trusted,
};
use bailiwick_jose::{Jwks, SigningKey};
use bailiwick_oauth::Issuer;
use serde_json::{Value, json};

use crate::mint::*;

const A: &str = "https://a.example.com";
const B: &str = "https://b.example.com";

fn trusting(issuer: &str) -> Trust {
    Trust::new(Issuer::parse(issuer).unwrap())
}

/// A set with one key under a name.
fn set(key: &SigningKey, kid: &str, issuer: Option<&str>) -> Jwks {
    let mut jwk = key.verifying_key().to_jwk();
    jwk["kid"] = kid.into();
    if let Some(issuer) = issuer {
        jwk["issuer"] = issuer.into();
    }
    Jwks::from_json(&json!({ "keys": [jwk] })).unwrap()
}

/// A token by a key under a name.
fn by(key: &SigningKey, kid: Option<&str>, claims: &Value) -> String {
    let mut header = json!({ "alg": "ES256", "typ": "at+jwt" });
    if let Some(kid) = kid {
        header["kid"] = kid.into();
    }
    raw(key, &header.to_string(), &claims.to_string())
}

#[track_caller]
fn verdict(issuers: &[Trusted<'_>], token: &str, expected: &str) {
    Attempt { issuers: issuers.to_vec(), ..Attempt::bearer(token) }.ends(expected);
}

#[test]
fn a_key_signs_for_the_issuer_that_publishes_it_alone() {
    let (a, b) = (trusting(A), trusting(B));
    let (of_a, of_b) = (&WORLD.es256, &WORLD.stranger);
    let (keys_a, keys_b) = (set(of_a, "k", None), set(of_b, "k", None));
    let issuers =
        [Trusted { trust: &a, keys: Some(&keys_a) }, Trusted { trust: &b, keys: Some(&keys_b) }];
    let reversed = [issuers[1], issuers[0]];
    for issuers in [&issuers, &reversed] {
        for kid in [Some("k"), None] {
            for (key, iss, expected) in [
                (of_a, A, "passed"),
                (of_b, B, "passed"),
                (of_a, B, "signature_invalid"),
                (of_b, A, "signature_invalid"),
                (of_a, ISSUER, "issuer_mismatch"),
            ] {
                verdict(issuers, &by(key, kid, &with("iss", iss.into())), expected);
            }
        }
        let both = json!([A, B]);
        verdict(issuers, &by(of_a, Some("k"), &with("iss", both)), "issuer_mismatch");
        verdict(
            issuers,
            &by(of_a, Some("k"), &with("iss", format!("{A}/").into())),
            "issuer_mismatch",
        );
        verdict(issuers, &by(of_a, Some("k"), &with("iss", Value::Null)), "issuer_mismatch");
    }
    verdict(&[], &by(of_a, Some("k"), &with("iss", A.into())), "issuer_mismatch");
}

#[test]
fn an_issuer_with_a_slash_is_another() {
    let (bare, slash) = (trusting(A), trusting(&format!("{A}/")));
    let keys = set(&WORLD.es256, "k", None);
    let with_slash = by(&WORLD.es256, Some("k"), &with("iss", format!("{A}/").into()));
    let without = by(&WORLD.es256, Some("k"), &with("iss", A.into()));
    for (trust, token, expected) in [
        (&slash, &with_slash, "passed"),
        (&slash, &without, "issuer_mismatch"),
        (&bare, &without, "passed"),
        (&bare, &with_slash, "issuer_mismatch"),
    ] {
        verdict(&[Trusted { trust, keys: Some(&keys) }], token, expected);
    }
}

#[test]
fn each_issuer_keeps_its_own_profile_and_algorithms() {
    let strict = trusting(A);
    let loose = Trust {
        profile: Profile {
            typ: bailiwick_guard::profile::TypeRule::PlainJwt,
            ..Profile::rfc9068()
        },
        algorithms: vec![bailiwick_jose::Algorithm::Rs256],
        ..trusting(B)
    };
    let issuers = [
        Trusted { trust: &strict, keys: Some(&WORLD.keys) },
        Trusted { trust: &loose, keys: Some(&WORLD.keys) },
    ];
    let plain =
        |iss: &str, key: &SigningKey| key.sign_json("JWT", &with("iss", iss.into())).unwrap();
    verdict(&issuers, &plain(B, &WORLD.rs256), "passed");
    verdict(&issuers, &plain(B, &WORLD.es256), "algorithm_refused");
    verdict(&issuers, &plain(A, &WORLD.rs256), "type_mismatch");
}

#[test]
fn one_issuers_outage_is_its_own() {
    let (a, b) = (trusting(A), trusting(B));
    let issuers =
        [Trusted { trust: &a, keys: None }, Trusted { trust: &b, keys: Some(&WORLD.keys) }];
    let signed = |iss: &str| token(&with("iss", iss.into()));
    verdict(&issuers, &signed(B), "passed");
    let found = Attempt { issuers: issuers.to_vec(), ..Attempt::bearer(&signed(A)) }.verdict();
    let Err(Stop::Missing(Missing::Key { issuer, .. })) = found else { panic!("{found:?}") };
    assert_eq!(issuer, A);
}

const TEMPLATE: &str = "https://login.example.com/{tenantid}/v2.0";

fn tenants(tenants: Tenants) -> Trust {
    let template = IssuerTemplate::parse(TEMPLATE, tenants).unwrap();
    Trust { issuer: IssuerRule::Template(template), ..trusting(A) }
}

fn of(tenant: &str) -> String {
    TEMPLATE.replace("{tenantid}", tenant)
}

#[test]
fn a_template_lets_in_the_tenants_that_are_trusted() {
    let two = tenants(Tenants::These(vec!["one".to_owned(), "two".to_owned()]));
    let none = tenants(Tenants::These(Vec::new()));
    let every = tenants(Tenants::EveryTenantOfTheProvider);
    let keys = set(&WORLD.es256, "k", None);
    for (iss, to_two, to_every) in [
        (of("one"), "passed", "passed"),
        (of("three"), "issuer_mismatch", "passed"),
        (of("ONE"), "issuer_mismatch", "passed"),
        (of(""), "issuer_mismatch", "issuer_mismatch"),
        (of("one/two"), "issuer_mismatch", "issuer_mismatch"),
        (of(".."), "issuer_mismatch", "issuer_mismatch"),
        (of("%6fne"), "issuer_mismatch", "issuer_mismatch"),
        (of("one?x="), "issuer_mismatch", "issuer_mismatch"),
        (of("one#"), "issuer_mismatch", "issuer_mismatch"),
        (of("{tenantid}"), "issuer_mismatch", "issuer_mismatch"),
        (format!("{}/", of("one")), "issuer_mismatch", "issuer_mismatch"),
        ("https://evil.example/one/v2.0".to_owned(), "issuer_mismatch", "issuer_mismatch"),
    ] {
        let token = by(&WORLD.es256, Some("k"), &with("iss", iss.into()));
        verdict(&[Trusted { trust: &two, keys: Some(&keys) }], &token, to_two);
        verdict(&[Trusted { trust: &every, keys: Some(&keys) }], &token, to_every);
        verdict(&[Trusted { trust: &none, keys: Some(&keys) }], &token, "issuer_mismatch");
    }
    let token = by(&WORLD.es256, Some("k"), &with("iss", of("one").into()));
    let attempt = Attempt {
        issuers: vec![Trusted { trust: &two, keys: Some(&keys) }],
        ..Attempt::bearer(&token)
    };
    let Ok(bailiwick_guard::Admission::Now(permit)) = attempt.verdict() else { panic!() };
    assert_eq!(permit.issuer().as_str(), of("one"));
    let found = Attempt { issuers: vec![Trusted { trust: &two, keys: None }], ..attempt }.verdict();
    let Err(Stop::Missing(Missing::Key { issuer, .. })) = found else { panic!("{found:?}") };
    assert_eq!(issuer, TEMPLATE);
}

// As in Microsoft's shared sets, where each key may say whose it is.
#[test]
fn a_key_of_one_tenant_signs_for_no_other() {
    let every = tenants(Tenants::EveryTenantOfTheProvider);
    for (owner, tenant, expected) in [
        (TEMPLATE.to_owned(), "one", "passed"),
        (TEMPLATE.to_owned(), "two", "passed"),
        (of("one"), "one", "passed"),
        (of("one"), "two", "key_mismatch"),
        ("https://sts.example.com/{tenantid}/".to_owned(), "one", "key_mismatch"),
        (String::new(), "one", "key_mismatch"),
    ] {
        let keys = set(&WORLD.es256, "k", Some(&owner));
        // What `tid` says does not matter: the tenant is the one that `iss` names.
        for tid in ["one", "two"] {
            let mut claims = with("iss", of(tenant).into());
            claims["tid"] = tid.into();
            let token = by(&WORLD.es256, Some("k"), &claims);
            verdict(&[Trusted { trust: &every, keys: Some(&keys) }], &token, expected);
        }
    }
}

#[test]
fn an_issuer_of_opaque_tokens_stands_beside_those_of_jwts() {
    let jwt = trusting(A);
    let opaque = Trust { profile: Profile::introspection(), ..trusting(B) };
    let answer = |iss: &str| {
        json!({
            "active": true, "iss": iss, "sub": "alice", "aud": RESOURCE, "client_id": "shop",
            "scope": "read:orders", "exp": NOW + 60,
        })
    };
    let issuers = vec![Trusted { trust: &jwt, keys: Some(&WORLD.keys) }];
    let attempt = |token: &str| Attempt { issuers: issuers.clone(), ..Attempt::bearer(token) };
    assert_eq!(outcome(&attempt("x").looked_up(&opaque, &answer(B))), "passed");
    // The one that was asked speaks for itself alone.
    assert_eq!(outcome(&attempt("x").looked_up(&opaque, &answer(A))), "issuer_mismatch");
    // A JWT that says it is from the one whose tokens are looked up is not verified with others' keys.
    attempt(&token(&with("iss", B.into()))).ends("issuer_mismatch");
    attempt(&token(&with("iss", A.into()))).ends("passed");
    attempt("x").ends("token_malformed");
}

#[test]
fn what_is_no_jwt_can_only_be_looked_up() {
    let is_jwt = |token: &str| bailiwick_guard::Presented::from_token(token).unwrap().is_jwt();
    assert!(is_jwt(&token(&claims())));
    assert!(is_jwt(&sealed("x", json!(1), b"x")));
    let spaced = |header: &str| raw(&WORLD.es256, header, &claims().to_string());
    assert!(is_jwt(&spaced("{ \"alg\":\"ES256\"}")));
    assert!(is_jwt(&spaced("{\n \"alg\":\"ES256\"}")));
    for opaque in
        ["x", "a.b.c", "ya29.a0.b", "eyJ", "eyJ.a", "eyJ.a.b.c", "a.eyJ.eyJ", "v4.public.x"]
    {
        assert!(!is_jwt(opaque), "{opaque}");
    }
}
