//! The vocabulary of OAuth 2.0 and its wire messages, parsed once and valid from then on.
//!
//! A value of a type from this crate is well-formed by construction: nobody checks it again.
//! Whether it is *allowed* is decided elsewhere, in `grant` and `guard`.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "tests"))]

pub mod access_token;
pub mod authorize;
pub mod certificate;
pub mod challenge;
pub mod claims_request;
pub mod client_assertion;
pub mod client_document;
pub mod client_id;
pub mod confirmation;
pub mod credentials;
pub mod details;
pub mod device;
pub mod dpop;
pub mod error;
pub mod event;
pub mod exchange;
pub mod form;
pub mod grant;
pub mod id_token;
pub mod introspect;
pub mod issuer;
pub mod jwt_bearer;
pub mod logout;
pub mod metadata;
pub mod openid_request;
pub mod permission;
pub mod push;
pub mod redirect_uri;
pub mod register;
pub mod request_object;
pub mod resource;
pub mod response_mode;
pub mod revoke;
pub mod scope;
pub mod secret;
pub mod status_list;
pub mod subject;
pub mod token;
pub mod web_url;

pub mod claim;
mod uri;

pub use access_token::AccessToken;
pub use certificate::ClientCertificate;
pub use challenge::{CodeChallenge, CodeVerifier};
pub use claims_request::ClaimsRequest;
pub use client_assertion::ClientAssertion;
pub use client_document::ClientDocument;
pub use client_id::ClientId;
pub use confirmation::Confirmation;
pub use credentials::Credentials;
pub use details::AuthorizationDetail;
pub use device::UserCode;
pub use error::ErrorCode;
pub use event::SecurityEvent;
pub use form::Form;
pub use grant::Grant;
pub use id_token::IdToken;
pub use issuer::Issuer;
pub use permission::Permission;
pub use redirect_uri::RedirectUri;
pub use resource::Resource;
pub use response_mode::ResponseMode;
pub use scope::{Scope, Scopes};
pub use secret::Secret;
pub use status_list::{StatusList, StatusReference};
pub use subject::Subject;
pub use web_url::WebUrl;
