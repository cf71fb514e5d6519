//! The endpoints: each parses, loads, decides, commits and answers; none holds a rule.

pub(crate) mod account;
pub(crate) mod assets;
pub(crate) mod authorize;
pub(crate) mod consent;
pub(crate) mod device;
pub(crate) mod device_authorization;
pub(crate) mod health;
pub(crate) mod introspect;
pub(crate) mod jwks;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod metadata;
pub(crate) mod par;
pub(crate) mod register;
pub(crate) mod revoke;
pub(crate) mod sender;
pub(crate) mod token;
mod unattended;
pub(crate) mod userinfo;

mod asked;
mod caller;
mod interaction;
