//! Assertions as authorization grants (RFC 7523 §2.1), and the kind of them that an enterprise's identity
//! provider makes (draft-ietf-oauth-identity-assertion-authz-grant).

/// The `grant_type` (RFC 7523 §2.1).
pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// The `typ` of an identity assertion authorization grant (ID-JAG).
pub const ID_JAG_TYPE: &str = "oauth-id-jag+jwt";

/// The profile that metadata names in `authorization_grant_profiles_supported`.
pub const ID_JAG_PROFILE: &str = "urn:ietf:params:oauth:grant-profile:id-jag";
