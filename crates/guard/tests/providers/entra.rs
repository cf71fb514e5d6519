//! Microsoft Entra ID: versions, tenants, and keys that belong to some of them.

use bailiwick_guard::{Provider, Tenants};

use crate::world::{World, says};

const TENANT: &str = "5ff3a1c2-8d41-4f0e-9a83-27c1f10b9d11";
const OTHER: &str = "0b2d6a58-7a3c-4ac5-8a0a-6c4f6b0e4f22";
const API: &str = "a7c19d3e-52b4-4e3b-8f5d-6a1e0c9b7d42";
const CLIENT: &str = "c0de6f21-7f0a-4c0d-9b6a-1d2e3f405162";
const USER: &str = "uH3k9V2sYq0bq1Zr6m8";
const TEMPLATE: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";

fn v1() -> World {
    World::new(Provider::entra_v1(TENANT), &["api://orders"])
}

fn v2() -> World {
    World::new(Provider::entra_v2(TENANT), &[API])
}

fn tenants(tenants: Tenants) -> World {
    World::new(Provider::entra_v2_tenants(tenants), &[API])
}

fn these(tenants: &[&str]) -> Tenants {
    Tenants::These(tenants.iter().map(|&tenant| tenant.to_owned()).collect())
}

fn issuer(tenant: &str) -> String {
    format!("https://login.microsoftonline.com/{tenant}/v2.0")
}

#[test]
fn a_users_token_has_scopes_and_roles() {
    let scope = "Orders.Read Orders.Write";
    let permit = v1().passes(&fixture!("entra-v1/access.json"));
    says(&permit, USER, Some(CLIENT), scope, &["Clerk"]);
    let permit = v2().passes(&fixture!("entra-v2/access.json"));
    says(&permit, USER, Some(CLIENT), scope, &["Clerk"]);
}

#[test]
fn a_token_of_an_application_has_roles_and_no_scope() {
    let permit = v2().passes(&fixture!("entra-v2/app.json"));
    let principal = "8d5a2f10-1c4e-47a4-bd17-0d8f1e2a3b4c";
    says(&permit, principal, Some(CLIENT), "", &["Orders.Read.All"]);
}

#[test]
fn groups_that_were_left_out_are_no_roles() {
    let permit = v2().passes(&fixture!("entra-v2/overage.json"));
    says(&permit, USER, Some(CLIENT), "Orders.Read", &[]);
}

#[test]
fn one_version_is_not_the_other() {
    v1().refuses(&fixture!("entra-v2/access.json"), "issuer_mismatch");
    v2().refuses(&fixture!("entra-v1/access.json"), "issuer_mismatch");
    v1().refuses(&fixture!("entra-v1/access.json").with("ver", "2.0"), "type_mismatch");
    v2().refuses(&fixture!("entra-v2/access.json").with("ver", "1.0"), "type_mismatch");
}

#[test]
fn another_tenants_token_is_refused() {
    let token = fixture!("entra-v2/access.json");
    v2().refuses(&token.clone().with("iss", issuer(OTHER)).with("tid", OTHER), "issuer_mismatch");
    v2().refuses(&token.with("tid", OTHER), "type_mismatch");
    v1().refuses(&fixture!("entra-v1/access.json").with("tid", OTHER), "type_mismatch");
}

#[test]
fn a_tenant_is_known_in_small_letters() {
    let world = World::new(Provider::entra_v2(&TENANT.to_ascii_uppercase()), &[API]);
    world.passes(&fixture!("entra-v2/access.json"));
}

#[test]
fn of_several_tenants_those_that_are_listed_pass() {
    let token = fixture!("entra-v2/access.json");
    let foreign = token.clone().with("iss", issuer(OTHER)).with("tid", OTHER);
    let both = tenants(these(&[TENANT, OTHER]));
    assert_eq!(both.passes(&token).issuer().as_str(), issuer(TENANT));
    assert_eq!(both.passes(&foreign).issuer().as_str(), issuer(OTHER));
    tenants(these(&[TENANT])).refuses(&foreign, "issuer_mismatch");
    tenants(Tenants::EveryTenantOfTheProvider).passes(&foreign);
    assert!(Provider::entra_v2_tenants(these(&[])).is_err());
}

#[test]
fn a_key_of_one_tenant_signs_for_no_other() {
    let token = fixture!("entra-v2/access.json");
    let every = || tenants(Tenants::EveryTenantOfTheProvider);
    every().keys_of(TEMPLATE).passes(&token);
    every().keys_of(&issuer(TENANT)).passes(&token);
    every().keys_of(&issuer(OTHER)).refuses(&token, "key_mismatch");
    every().keys_of("https://sts.windows.net/{tenantid}/").refuses(&token, "key_mismatch");
    v2().keys_of(TEMPLATE).passes(&token);
    v2().keys_of(&issuer(OTHER)).refuses(&token, "key_mismatch");
}

#[test]
fn what_only_looks_like_a_tenant_is_none() {
    let every = tenants(Tenants::EveryTenantOfTheProvider);
    for iss in [
        TEMPLATE,
        "https://login.microsoftonline.com//v2.0",
        "https://login.microsoftonline.com/../v2.0",
        "https://login.microsoftonline.com/a/b/v2.0",
        "https://login.microsoftonline.com/a%2Fb/v2.0",
        "https://login.microsoftonline.com.evil.example/a/v2.0",
        "https://evil.example/https://login.microsoftonline.com/a/v2.0",
        "https://login.microsoftonline.com/a/v2.0?x=/v2.0",
    ] {
        every.refuses(&fixture!("entra-v2/access.json").with("iss", iss), "issuer_mismatch");
    }
}

#[test]
fn an_id_token_for_the_same_registration_is_refused() {
    // An application that is its own API: the audience of both tokens is the same.
    let id = fixture!("entra-v2/id.json").without("nonce");
    assert_eq!(id.claims["aud"], API);
    v2().refuses(&id, "claim_missing");
}

#[test]
fn metadata_is_looked_for_where_microsoft_has_it() {
    let v1 = Provider::entra_v1(TENANT).unwrap();
    let url =
        format!("https://login.microsoftonline.com/{TENANT}/.well-known/openid-configuration");
    assert_eq!(v1.metadata_url, Some(url));
    assert_eq!(v1.metadata_issuer, Some(format!("https://sts.windows.net/{TENANT}/")));
    let several = Provider::entra_v2_tenants(these(&[TENANT])).unwrap();
    assert_eq!(several.metadata_issuer.as_deref(), Some(TEMPLATE));
    assert_eq!(Provider::entra_v2(TENANT).unwrap().metadata_url, None);
}
