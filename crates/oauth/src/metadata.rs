//! Metadata of authorization servers and protected resources (RFC 8414 §2, RFC 9728 §2).

use serde::{Deserialize, Serialize};

mod openid;

use crate::{Issuer, Resource};
pub use openid::OpenidProvider;

/// The metadata of an authorization server (RFC 8414 §2, OpenID Connect Discovery §3).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationServer {
    /// The issuer; must be byte-equal to the one the document was asked for.
    pub issuer: String,
    /// Where users are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_endpoint: Option<String>,
    /// Where tokens are got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint: Option<String>,
    /// Where the keys are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// Where tokens are looked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introspection_endpoint: Option<String>,
    /// Where tokens are revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation_endpoint: Option<String>,
    /// Where clients register themselves (RFC 7591).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_endpoint: Option<String>,
    /// Whether a client identifier may be the address of a document about the client.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub client_id_metadata_document_supported: bool,
    /// Where the user's claims are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userinfo_endpoint: Option<String>,
    /// Where devices without a browser begin (RFC 8628 §4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_authorization_endpoint: Option<String>,
    /// The scopes that may be asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes_supported: Vec<String>,
    /// The response types.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub response_types_supported: Vec<String>,
    /// The response modes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub response_modes_supported: Vec<String>,
    /// The grant types.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grant_types_supported: Vec<String>,
    /// The kinds of assertions that are taken as grants
    /// (draft-ietf-oauth-identity-assertion-authz-grant).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization_grant_profiles_supported: Vec<String>,
    /// How clients authenticate at the token endpoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// With what they sign their assertions there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub token_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// How resource servers authenticate at introspection.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub introspection_endpoint_auth_methods_supported: Vec<String>,
    /// With what they sign their assertions there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub introspection_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// With what introspection answers can be signed (RFC 9701 §7).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub introspection_signing_alg_values_supported: Vec<String>,
    /// How clients authenticate at revocation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revocation_endpoint_auth_methods_supported: Vec<String>,
    /// The PKCE methods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub code_challenge_methods_supported: Vec<String>,
    /// What `prompt` may hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prompt_values_supported: Vec<String>,
    /// The kinds of subject identifiers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subject_types_supported: Vec<String>,
    /// With what ID tokens are signed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub id_token_signing_alg_values_supported: Vec<String>,
    /// The claims that userinfo may answer with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims_supported: Vec<String>,
    /// What OpenID Connect and its companions add.
    #[serde(flatten)]
    pub openid: OpenidProvider,
    /// Whether answers carry `iss` (RFC 9207 §3).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub authorization_response_iss_parameter_supported: bool,
    /// Where clients push their authorization requests (RFC 9126 §5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed_authorization_request_endpoint: Option<String>,
    /// Whether all clients must (RFC 9126 §5).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub require_pushed_authorization_requests: bool,
    /// Whether request objects by value are taken; absent means no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub request_parameter_supported: bool,
    /// Whether request objects by reference are taken; absent would mean yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_uri_parameter_supported: Option<bool>,
    /// Whether their addresses must be registered; absent means no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub require_request_uri_registration: bool,
    /// Whether all clients must send request objects (RFC 9101 §10.5).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub require_signed_request_object: bool,
    /// With what request objects are signed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub request_object_signing_alg_values_supported: Vec<String>,
    /// By what their encryption's keys are sent or agreed on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub request_object_encryption_alg_values_supported: Vec<String>,
    /// With what they are encrypted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub request_object_encryption_enc_values_supported: Vec<String>,
    /// The types of authorization details that may be asked for (RFC 9396 §10).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization_details_types_supported: Vec<String>,
    /// The resources whose tokens come from here (RFC 9728 §4).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub protected_resources: Vec<String>,
    /// With what DPoP proofs may be signed (RFC 9449 §5.1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dpop_signing_alg_values_supported: Vec<String>,
    /// Whether tokens are bound to client certificates (RFC 8705 §3.3); absent means no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_client_certificate_bound_access_tokens: Option<bool>,
    /// Where clients with certificates go instead (RFC 8705 §5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtls_endpoint_aliases: Option<MtlsEndpoints>,
}

/// The endpoints that ask for a client certificate (RFC 8705 §5); an absent one has no alias.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MtlsEndpoints {
    /// Where tokens are got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint: Option<String>,
    /// Where tokens are looked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introspection_endpoint: Option<String>,
    /// Where tokens are revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation_endpoint: Option<String>,
    /// Where requests are pushed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed_authorization_request_endpoint: Option<String>,
    /// Where devices begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_authorization_endpoint: Option<String>,
    /// Where the user's claims are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userinfo_endpoint: Option<String>,
}

/// The metadata of a protected resource (RFC 9728 §2).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectedResource {
    /// The resource identifier; must be byte-equal to the one the document was asked for.
    pub resource: String,
    /// Who issues tokens for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization_servers: Vec<String>,
    /// The scopes that clients may ask for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes_supported: Vec<String>,
    /// How tokens are sent: `header`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bearer_methods_supported: Vec<String>,
    /// Its name, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<String>,
    /// Its documentation, for developers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_documentation: Option<String>,
    /// What may be done with what it gives, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_policy_uri: Option<String>,
    /// Its terms of service, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_tos_uri: Option<String>,
    /// Where the keys are with which it signs its answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// With what it signs its answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resource_signing_alg_values_supported: Vec<String>,
    /// Whether its tokens are bound to client certificates; absent means no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_client_certificate_bound_access_tokens: Option<bool>,
    /// The types of authorization details that it knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization_details_types_supported: Vec<String>,
    /// With what DPoP proofs may be signed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dpop_signing_alg_values_supported: Vec<String>,
    /// Whether only tokens bound by DPoP are let in; absent means no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop_bound_access_tokens_required: Option<bool>,
    /// The same document as a signed JWT (RFC 9728 §2.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_metadata: Option<String>,
}

/// The three places of an issuer's metadata, in the order to try them (RFC 8414 §3.1, §5;
/// OpenID Connect Discovery §4).
pub fn authorization_server_urls(issuer: &Issuer) -> [String; 3] {
    let (origin, path) = (issuer.origin(), issuer.path());
    [
        format!("{origin}/.well-known/oauth-authorization-server{path}"),
        format!("{origin}/.well-known/openid-configuration{path}"),
        format!("{origin}{path}/.well-known/openid-configuration"),
    ]
}

/// The place of a resource's metadata: the well-known path stands between host and path
/// (RFC 9728 §3.1). `None` for identifiers that are no web address.
pub fn protected_resource_url(resource: &Resource) -> Option<String> {
    let origin = resource.origin()?;
    Some(format!("{origin}{}", protected_resource_path(resource)?))
}

/// The path and query of [`protected_resource_url`].
pub fn protected_resource_path(resource: &Resource) -> Option<String> {
    let rest = &resource.as_str()[resource.origin()?.len()..];
    Some(format!("/.well-known/oauth-protected-resource{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    //= https://www.rfc-editor.org/rfc/rfc9728#section-3.1
    //= type=test
    //# If the resource identifier value contains a path or query component,
    //# any terminating slash (/) following the host component MUST be
    //# removed before inserting /.well-known/ and the well-known URI path
    //# suffix between the host component and the path and/or query
    //# components.
    #[test]
    fn a_resource_has_its_metadata_between_host_and_path() {
        let cases = [
            ("https://a.example", Some("https://a.example/.well-known/oauth-protected-resource")),
            (
                "https://a.example/orders",
                Some("https://a.example/.well-known/oauth-protected-resource/orders"),
            ),
            (
                "https://a.example/o?x=1",
                Some("https://a.example/.well-known/oauth-protected-resource/o?x=1"),
            ),
            ("urn:orders", None),
        ];
        for (resource, expected) in cases {
            let resource = Resource::parse(resource).unwrap();
            assert_eq!(protected_resource_url(&resource).as_deref(), expected);
        }
    }

    #[test]
    fn an_issuer_has_three_places() {
        let issuer = Issuer::parse("https://id.example/t1").unwrap();
        assert_eq!(
            authorization_server_urls(&issuer),
            [
                "https://id.example/.well-known/oauth-authorization-server/t1",
                "https://id.example/.well-known/openid-configuration/t1",
                "https://id.example/t1/.well-known/openid-configuration",
            ]
        );
    }

    #[test]
    fn absent_fields_are_omitted_and_unknown_ones_ignored() {
        let document = r#"{"resource":"https://a.example","future":1}"#;
        let read: ProtectedResource = serde_json::from_str(document).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), r#"{"resource":"https://a.example"}"#);
    }
    #[test]
    fn every_field_of_a_resource_is_read_and_written() {
        let document = serde_json::json!({
            "resource": "https://a.example",
            "authorization_servers": ["https://id.example"],
            "scopes_supported": ["read"],
            "bearer_methods_supported": ["header"],
            "resource_name": "A",
            "resource_documentation": "https://a.example/docs",
            "resource_policy_uri": "https://a.example/policy",
            "resource_tos_uri": "https://a.example/terms",
            "jwks_uri": "https://a.example/jwks",
            "resource_signing_alg_values_supported": ["ES256"],
            "tls_client_certificate_bound_access_tokens": true,
            "authorization_details_types_supported": ["payment"],
            "dpop_signing_alg_values_supported": ["ES256"],
            "dpop_bound_access_tokens_required": false,
            "signed_metadata": "a.b.c",
        });
        let read: ProtectedResource = serde_json::from_value(document.clone()).unwrap();
        assert_eq!(read.dpop_bound_access_tokens_required, Some(false));
        assert_eq!(serde_json::to_value(&read).unwrap(), document);
    }

    #[test]
    fn an_authorization_server_says_how_tokens_are_bound() {
        let document = serde_json::json!({
            "issuer": "https://id.example",
            "introspection_endpoint_auth_signing_alg_values_supported": ["ES256"],
            "dpop_signing_alg_values_supported": ["ES256"],
            "tls_client_certificate_bound_access_tokens": true,
            "mtls_endpoint_aliases": { "token_endpoint": "https://mtls.id.example/token" },
        });
        let read: AuthorizationServer = serde_json::from_value(document.clone()).unwrap();
        assert_eq!(
            read.mtls_endpoint_aliases.as_ref().and_then(|to| to.token_endpoint.as_deref()),
            Some("https://mtls.id.example/token")
        );
        let mut written = serde_json::to_value(&read).unwrap();
        assert_eq!(written, document);
        written["tls_client_certificate_bound_access_tokens"] = "true".into();
        assert!(serde_json::from_value::<AuthorizationServer>(written).is_err());
    }
}
