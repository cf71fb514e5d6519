//! Whether: one pure function per rule.

pub mod assertion;
pub mod claims;
pub mod client_auth;
pub mod client_metadata;
pub mod consent;
pub mod details;
pub mod dpop;
pub mod fapi;
pub mod login;
pub mod mtls;
pub mod pkce;
pub mod qualified;
pub mod redirect_uri;
pub mod request_object;
pub mod resource;
pub mod scope;
pub mod sender;
pub mod subject;
pub mod way;
