//! What holds for every profile that takes JWTs: the one table, and what none of them lets pass.

use bailiwick_guard::Provider;

use crate::token::Token;
use crate::world::{API, NOW, World};

/// A kind, as what its provider knows the API, its access token, and its ID token.
struct Row {
    kind: &'static str,
    audience: &'static str,
    access: Token,
    id: Token,
    /// Why the ID token is refused, stripped of all that it needs not have, and with the audience
    /// and the client of an access token.
    id_is_refused: &'static str,
}

/// The API's client id at Microsoft.
const GUID: &str = "a7c19d3e-52b4-4e3b-8f5d-6a1e0c9b7d42";

macro_rules! row {
    ($kind:literal, $audience:expr, $id_is_refused:literal) => {
        row!($kind, from $kind, $audience, $id_is_refused)
    };
    ($kind:literal, from $folder:literal, $audience:expr, $id_is_refused:literal) => {
        Row {
            kind: $kind,
            audience: $audience,
            access: Token::read(include_str!(concat!("fixtures/", $folder, "/access.json"))),
            id: Token::read(include_str!(concat!("fixtures/", $folder, "/id.json"))),
            id_is_refused: $id_is_refused,
        }
    };
}

fn rows() -> Vec<Row> {
    vec![
        row!("auth0", API, "claim_missing"),               // azp
        row!("auth0-rfc9068", API, "type_mismatch"),       // at+jwt
        row!("authelia", API, "type_mismatch"),            // at+jwt
        row!("authentik", "Yq1shop", "claim_missing"),     // azp, uid
        row!("bailiwick", API, "type_mismatch"),           // at+jwt
        row!("cognito", API, "type_mismatch"),             // token_use
        row!("entra-v1", "api://orders", "claim_missing"), // appid
        row!("entra-v2", GUID, "claim_missing"),           // azp
        row!("entra-v2-every-tenant", from "entra-v2", GUID, "claim_missing"),
        row!("entra-v2-tenants", from "entra-v2", GUID, "claim_missing"),
        row!("hydra-jwt", from "hydra", API, "claim_missing"), // client_id
        row!("kanidm", "shop", "type_mismatch"),               // at+jwt
        row!("keycloak", "orders", "type_mismatch"),           // typ
        row!("logto", API, "type_mismatch"),                   // at+jwt
        row!("okta", "api://orders", "claim_missing"),         // cid
        row!("pingone", API, "claim_missing"),                 // client_id
        row!("zitadel", "223281939119866113", "claim_missing"), // jti
    ]
}

/// The kind's own example, which the fixtures are of.
fn world(kind: &str, audience: &str) -> World {
    let known = Provider::KINDS.iter().find(|known| known.name == kind).unwrap();
    World::new(Provider::named(kind, known.example), &[audience]).own_clients(&["7h5m2k1q9example"]) // which Cognito needs
}

fn each(check: impl Fn(&World, &Row)) {
    for row in rows() {
        check(&world(row.kind, row.audience), &row);
    }
}

#[test]
fn the_table_has_every_kind_that_takes_jwts() {
    let elsewhere = ["github-actions", "google", "hydra", "kubernetes"];
    let mut kinds: Vec<_> = rows().iter().map(|row| row.kind).chain(elsewhere).collect();
    kinds.sort_unstable();
    let known: Vec<_> = Provider::KINDS.iter().map(|kind| kind.name).collect();
    assert_eq!(kinds, known);
}

#[test]
fn an_access_token_passes() {
    each(|world, row| drop(world.passes(&row.access)));
}

#[test]
fn an_id_token_is_refused_for_what_it_is() {
    each(|world, row| {
        let bare = ["nonce", "at_hash", "c_hash", "s_hash"];
        let bare = bare.iter().fold(row.id.clone(), |token, claim| token.without(claim));
        world.refuses(&bare.with("aud", row.audience), row.id_is_refused);
    });
}

#[test]
fn an_id_token_as_it_is_issued_is_refused() {
    each(|world, row| world.refuses(&row.id, "type_mismatch")); // nonce, at_hash, token_use, typ
}

#[test]
fn a_token_of_another_issuer_is_refused() {
    each(|world, row| {
        let iss = row.access.claims["iss"].as_str().unwrap();
        for other in [format!("{iss}x"), format!("{iss}/"), iss.replace("https", "http")] {
            world.refuses(&row.access.clone().with("iss", other), "issuer_mismatch");
        }
        world.refuses(&row.access.clone().without("iss"), "issuer_mismatch");
    });
}

#[test]
fn a_token_for_another_audience_is_refused() {
    each(|world, row| {
        for other in ["https://api.example.com", "https://graph.microsoft.com", "account"] {
            let token = row.access.clone().with("aud", other);
            world.refuses(&token, "audience_mismatch");
        }
    });
}

#[test]
fn a_forged_token_is_refused() {
    each(|world, row| {
        world.refuses_text(&row.access.forged(), &row.access, "signature_invalid");
    });
}

#[test]
fn an_algorithm_that_the_provider_does_not_use_is_refused() {
    each(|world, row| {
        for alg in ["HS256", "none", "RS512"] {
            world.refuses_text(&row.access.relabelled(alg), &row.access, "algorithm_refused");
        }
    });
}

#[test]
fn a_claim_that_each_access_token_has_is_missed() {
    each(|world, row| {
        let profile = &world.provider().trust.profile;
        for claim in &profile.required {
            let is_fixed = profile.fixed.iter().any(|(fixed, _)| fixed == claim);
            let code = if is_fixed { "type_mismatch" } else { "claim_missing" };
            world.refuses(&row.access.clone().without(claim), code);
        }
        world.refuses(&row.access.clone().without("exp"), "claim_missing");
    });
}

#[test]
fn other_kinds_of_jwt_are_refused() {
    let kinds =
        ["logout+jwt", "secevent+jwt", "dpop+jwt", "token-introspection+jwt", "statuslist+jwt"];
    each(|world, row| {
        for typ in kinds {
            world.refuses(&row.access.clone().headed("typ", typ), "type_mismatch");
        }
        let event = serde_json::json!({ "urn:example": {} });
        let event = row.access.clone().headed("typ", "JWT").with("events", event);
        world.refuses(&event, "type_mismatch");
    });
}

#[test]
fn a_provider_that_marks_its_tokens_lets_no_others_pass() {
    each(|_, row| {
        let known = Provider::KINDS.iter().find(|known| known.name == row.kind).unwrap();
        let marked = Provider::named(row.kind, known.example).map(Provider::marked);
        let world = World::new(marked, &[row.audience]).own_clients(&["7h5m2k1q9example"]);
        world.passes(&row.access.clone().headed("typ", "at+jwt"));
        world.refuses(&row.access.clone().headed("typ", "JWT"), "type_mismatch");
    });
}

#[test]
fn an_expired_token_is_refused() {
    each(|world, row| world.refuses_at(NOW + 100_000, &row.access, "expired"));
}
