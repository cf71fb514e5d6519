use serde_json::{Value, json};

use super::*;
use crate::fixture::{API, OTHER, resource, scope, scopes, tenant};
use crate::state::Registration;

fn open() -> Tenant {
    let mut tenant = tenant();
    tenant.unknown_clients.ceiling.others = Reach::Everything;
    tenant.unknown_clients.ceiling.global = Reach::Only(scopes("openid profile"));
    tenant
}

fn registration() -> Introduction {
    let access_token = bailiwick_oauth::Secret::new("t").digest();
    Introduction::Registration(Registration { access_token, issued_at: 0, expires_at: 1 })
}

fn described(tenant: &Tenant, metadata: &Value, by: Introduction) -> Result<Client, Refused> {
    let id = ClientId::parse("c").unwrap();
    describe(tenant, id, Metadata::read(metadata.as_object().unwrap()).unwrap(), by)
        .map(|client| hold(tenant, client))
}

/// What became of it, in one line: method, grant types, or the refusal.
fn told(outcome: &Result<Client, Refused>) -> String {
    match outcome {
        Ok(client) => {
            let said = &client.unvetted.as_ref().unwrap().metadata;
            let method = said.token_endpoint_auth_method.as_deref().unwrap();
            format!("{method}: {}", said.grant_types.as_ref().unwrap().join(" "))
        }
        Err(refused) => refused.error.to_string(),
    }
}

const WEB: &str = "https://a.example/cb";

#[test]
fn what_is_left_out_gets_its_default() {
    let code = "authorization_code";
    for (metadata, registered, published) in [
        (json!({ "redirect_uris": [WEB] }), "client_secret_basic", "none"),
        (json!({ "redirect_uris": ["http://127.0.0.1/cb"] }), "none", "none"),
        (json!({ "redirect_uris": ["com.example.app:/cb"] }), "none", "none"),
        (json!({ "redirect_uris": ["com.example.app:/cb", WEB] }), "client_secret_basic", "none"),
        (json!({ "redirect_uris": [WEB], "token_endpoint_auth_method": "none" }), "none", "none"),
    ] {
        let by_itself = described(&open(), &metadata, registration());
        assert_eq!(told(&by_itself), format!("{registered}: {code}"), "{metadata}");
        let by_document = described(&open(), &metadata, Introduction::Document);
        assert_eq!(told(&by_document), format!("{published}: {code}"), "{metadata}");
        let client = by_itself.unwrap();
        assert_eq!(client.fallback, Fallback::Granted);
        assert_eq!(client.refresh_tokens, RefreshTokens::OfflineAccess, "no refresh_token grant");
        let said = client.unvetted.unwrap().metadata;
        assert_eq!(said.response_types, Some(vec!["code".to_owned()]));
    }
}

#[test]
fn what_cannot_be_had_is_left_out_or_refused() {
    let with = |more: Value| {
        let mut metadata = json!({ "redirect_uris": [WEB], "token_endpoint_auth_method": "none" });
        metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        metadata
    };
    for (more, expected) in [
        (
            json!({ "grant_types": ["authorization_code", "refresh_token", "password"] }),
            "none: authorization_code refresh_token",
        ),
        (
            json!({ "grant_types": ["client_credentials", "authorization_code"] }),
            "none: authorization_code",
        ),
        (json!({ "grant_types": ["client_credentials"] }), "invalid_client_metadata"),
        (json!({ "grant_types": ["refresh_token"] }), "invalid_client_metadata"),
        (json!({ "grant_types": ["implicit"] }), "invalid_client_metadata"),
        (json!({ "grant_types": [] }), "invalid_client_metadata"),
        (json!({ "response_types": ["code", "id_token"] }), "none: authorization_code"),
        (json!({ "response_types": ["id_token"] }), "invalid_client_metadata"),
        (json!({ "redirect_uris": [] }), "invalid_redirect_uri"),
        (json!({ "token_endpoint_auth_method": "client_secret_jwt" }), "invalid_client_metadata"),
        (json!({ "token_endpoint_auth_method": "private_key_jwt" }), "invalid_client_metadata"),
        (json!({ "id_token_signed_response_alg": "ES256" }), "none: authorization_code"),
        (json!({ "id_token_signed_response_alg": "PS256" }), "invalid_client_metadata"),
        (json!({ "userinfo_signed_response_alg": "EdDSA" }), "invalid_client_metadata"),
        (json!({ "authorization_signed_response_alg": "ES384" }), "invalid_client_metadata"),
        (json!({ "subject_type": "pairwise" }), "none: authorization_code"),
        (json!({ "subject_type": "secret" }), "invalid_client_metadata"),
        (
            json!({ "subject_type": "pairwise", "redirect_uris": [WEB, "https://b.example/cb"] }),
            "invalid_client_metadata",
        ),
    ] {
        assert_eq!(
            told(&described(&open(), &with(more.clone()), registration())),
            expected,
            "{more}"
        );
    }
}

// draft-ietf-oauth-client-id-metadata-document §4.1: "the token_endpoint_auth_method property MUST NOT
// include client_secret_post, client_secret_basic, client_secret_jwt, or any other method based
// around a shared symmetric secret".
#[test]
fn a_document_goes_with_no_shared_secret() {
    for method in ["client_secret_basic", "client_secret_post", "client_secret_jwt"] {
        let metadata = json!({ "redirect_uris": [WEB], "token_endpoint_auth_method": method });
        let outcome = described(&open(), &metadata, Introduction::Document);
        assert_eq!(told(&outcome), "invalid_client_metadata", "{method}");
    }
}

#[test]
fn by_default_an_unknown_client_gets_nothing() {
    let metadata = json!({ "redirect_uris": [WEB], "scope": "openid read" });
    let outcome = described(&tenant(), &metadata, registration());
    assert_eq!(told(&outcome), "invalid_client_metadata", "nothing of the scope");
    let client = described(&tenant(), &json!({ "redirect_uris": [WEB] }), registration()).unwrap();
    assert_eq!(client.ceiling, Ceiling::default());
}

#[test]
fn metadata_narrows_the_operators_ceiling_and_never_widens_it() {
    let mut tenant = open();
    let most = &mut tenant.unknown_clients.ceiling;
    most.others = Reach::Only(scopes("read"));
    most.resources.insert(resource(API), Reach::Only(scopes("read write")));
    most.resources.insert(resource("https://closed.example.com"), Reach::Nothing);
    let reach = |tenant: &Tenant, asked: Option<&str>| {
        let mut metadata = json!({ "redirect_uris": [WEB] });
        if let Some(asked) = asked {
            metadata["scope"] = asked.into();
        }
        let client = described(tenant, &metadata, registration()).unwrap();
        let can = |on: &str, name: &str| client.ceiling.on(&resource(on)).reaches(&scope(name));
        let mut out: Vec<String> = ["openid", "profile", "email"]
            .into_iter()
            .filter(|name| client.ceiling.global.reaches(&scope(name)))
            .map(str::to_owned)
            .collect();
        for (on, short) in
            [(API, "api"), (OTHER, "other"), ("https://closed.example.com", "closed")]
        {
            for name in ["read", "write", "delete"] {
                if can(on, name) {
                    out.push(format!("{short}:{name}"));
                }
            }
        }
        out.join(" ")
    };
    let all = "openid profile api:read api:write other:read";
    for (asked, expected) in [
        (None, all),
        (Some("openid profile email read write delete"), all),
        (Some("read"), "api:read other:read"),
        (Some("write delete"), "api:write"),
        (Some("https://api.example.com:write"), "api:write"),
        (Some("https://api.example.com/read openid"), "openid api:read"),
        (Some("https://closed.example.com:read openid"), "openid"),
        (Some("https://api.another.com:delete openid"), "openid"),
    ] {
        assert_eq!(reach(&tenant, asked), expected, "{asked:?}");
    }
    // The operator may say that the scope of the metadata means nothing.
    tenant.unknown_clients.scope = MetadataScope::Ignored;
    assert_eq!(reach(&tenant, Some("read")), all);
}

#[test]
fn what_the_operator_takes_away_is_gone_from_clients_that_registered_before() {
    let mut tenant = open();
    tenant.unknown_clients.pkce = Pkce::Optional;
    let metadata = json!({
        "redirect_uris": [WEB], "grant_types": ["authorization_code", "refresh_token"],
    });
    let before = described(&tenant, &metadata, registration()).unwrap();
    assert_eq!((before.pkce, before.refresh_tokens), (Pkce::Optional, RefreshTokens::Always));
    assert!(before.ceiling.others.is_open());
    tenant.unknown_clients = crate::UnknownClients::default();
    tenant.unknown_clients.grant_types.remove(&GrantKind::RefreshToken);
    let after = hold(&tenant, before.clone());
    assert_eq!(after.ceiling, Ceiling::default());
    assert!(!after.grant_types.contains(&GrantKind::RefreshToken));
    assert_eq!(after.pkce, Pkce::Required);
    // A client of the operator's keeps what it has.
    let known = Client { unvetted: None, ..before };
    assert_eq!(hold(&tenant, known.clone()), known);
}

#[test]
fn a_record_of_before_is_one_that_the_operator_registered() {
    let mut stored = serde_json::to_value(crate::fixture::client()).unwrap();
    stored.as_object_mut().unwrap().remove("unvetted");
    let client: Client = serde_json::from_value(stored).unwrap();
    assert_eq!(client.unvetted, None);
}
