//! Providers as configuration files name them, and as the documentation tells of them.

use bailiwick_guard::profile::{Evidence, OpaqueTokens, ProviderError};
use bailiwick_guard::{IssuerRule, Provider};

const DOCS: &str = include_str!("../../../../docs/identity-providers.md");

#[test]
fn each_kind_is_made_from_its_example() {
    for kind in Provider::KINDS {
        let provider = Provider::named(kind.name, kind.example).unwrap();
        assert!(!kind.at.is_empty() && !provider.name.is_empty(), "{}", kind.name);
        let elsewhere = (provider.metadata_url.is_some(), provider.metadata_issuer.is_some());
        assert!(matches!(elsewhere, (true, true) | (false, false)), "{}", kind.name);
        if let IssuerRule::Template(template) = &provider.trust.issuer {
            assert_eq!(provider.metadata_issuer.as_deref(), Some(template.as_str()));
        }
        // Whatever no algorithm is listed for must be looked up.
        let is_opaque = provider.trust.algorithms.is_empty();
        assert!(!is_opaque || provider.opaque != OpaqueTokens::Never, "{}", kind.name);
    }
}

#[test]
fn kinds_are_in_alphabetical_order() {
    assert!(Provider::KINDS.is_sorted_by_key(|kind| kind.name));
}

#[test]
fn an_unknown_kind_is_an_error() {
    for kind in ["", "entra", "Keycloak", "dex"] {
        let made = Provider::named(kind, "https://id.example.com");
        assert_eq!(made, Err(ProviderError::Kind), "{kind}");
    }
}

#[test]
fn each_kind_wants_its_own_form() {
    let cases = [
        ("auth0", "https://tenant.eu.auth0.com/"),
        ("auth0", "tenant.eu.auth0.com/evil"),
        ("auth0", "user@tenant.eu.auth0.com"),
        ("auth0", ""),
        ("auth0", "Tenant.eu.auth0.com"),
        ("authelia", "https://auth.example.com/"),
        ("authentik", "https://id.example.com/"),
        ("authentik", "https://id.example.com/application/o/shop"),
        ("authentik", "https://id.example.com/application/o//"),
        ("cognito", "eu-west-1"),
        ("cognito", "eu-west-1_"),
        ("cognito", "evil.example/x_y"),
        ("entra-v1", "example.onmicrosoft.com"),
        ("entra-v2", "common"),
        ("entra-v2", "organizations"),
        ("entra-v2", "{tenantid}"),
        ("entra-v2-every-tenant", "5ff3a1c2-8d41-4f0e-9a83-27c1f10b9d11"),
        ("entra-v2-tenants", ""),
        ("entra-v2-tenants", "common"),
        ("entra-v2-tenants", "5ff3a1c2-8d41-4f0e-9a83-27c1f10b9d11,"),
        ("github-actions", "https://github.com"),
        ("github-actions", "https://token.actions.githubusercontent.com/"),
        ("github-actions", "https://token.actions.githubusercontent.com.evil.example"),
        ("github-actions", "https://github.example.com/x/_services/token"),
        ("google", "https://accounts.google.com/"),
        ("kanidm", "https://idm.example.com/oauth2/openid/shop/"),
        ("kanidm", "https://idm.example.com"),
        ("keycloak", "https://id.example.com/realms/shop/"),
        ("keycloak", "https://id.example.com/auth"),
        ("logto", "https://tenant.logto.app/"),
        ("logto", "https://tenant.logto.app/oidc"),
        ("okta", "https://tenant.okta.com"),
        ("okta", "https://tenant.okta.com/oauth2/"),
        ("okta", "https://tenant.okta.com/oauth2/default/v1"),
        ("pingone", "https://auth.pingone.eu/2f1b6f4e-3c55-4a57-9f39-0d5b6f1c7a10"),
        ("zitadel", "https://tenant.zitadel.cloud"),
    ];
    for (kind, at) in cases {
        let made = Provider::named(kind, at);
        assert!(matches!(made, Err(ProviderError::Form { .. })), "{kind} {at}: {made:?}");
    }
}

#[test]
fn an_issuer_without_tls_is_an_error() {
    for (kind, at) in [
        ("authelia", "http://auth.example.com"),
        ("bailiwick", "http://id.example.com"),
        ("hydra", "http://hydra.example.com"),
        ("hydra-jwt", "http://hydra.example.com"),
        ("keycloak", "http://id.example.com/realms/shop"),
        ("kubernetes", "kubernetes/serviceaccount"),
        ("logto", "http://tenant.logto.app"),
        ("pingone", "http://auth.pingone.eu/x/as"),
    ] {
        let made = Provider::named(kind, at);
        assert!(matches!(made, Err(ProviderError::Issuer(_))), "{kind} {at}: {made:?}");
    }
}

#[test]
fn errors_say_what_is_wanted() {
    let error = Provider::named("entra-v2", "common").unwrap_err();
    assert_eq!(
        error.to_string(),
        "this kind of identity provider is named by the tenant's id, a GUID"
    );
}

#[test]
fn the_documentation_tells_of_each_kind_with_its_evidence_and_traps() {
    for kind in Provider::KINDS {
        let provider = Provider::named(kind.name, kind.example).unwrap();
        let row = format!("| `{}` |", kind.name);
        let row = DOCS.lines().find(|line| line.starts_with(&row));
        let row = row.unwrap_or_else(|| panic!("no row for {}", kind.name));
        let label = match provider.evidence {
            Evidence::Documentation(_) => "| DOC |",
            Evidence::Source(_) => "| SRC |",
            Evidence::Ours(_) => "| OURS |",
        };
        assert!(row.ends_with(label), "{row}");
        for trap in provider.traps {
            assert!(DOCS.contains(trap), "{}: {trap}", kind.name);
        }
    }
}
