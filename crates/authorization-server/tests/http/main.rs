//! The authorization server over HTTP: requests in, answers out, in process.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod authorize;
mod browser;
mod client_keys;
mod consent_tabs;
mod details;
mod device;
mod dpop;
mod encrypted;
mod fapi;
mod garbage;
mod introspect;
mod jar;
mod live;
mod log;
mod login;
mod metadata;
mod mtls;
mod openid_logout;
mod openid_modes;
mod openid_sector;
mod openid_tokens;
mod par;
mod publisher;
mod revoke;
mod secrets;
mod serve;
mod server;
mod tenants;
mod tls;
mod token;
mod token_exchange;
mod unattended;
mod userinfo;
mod worked_examples;
