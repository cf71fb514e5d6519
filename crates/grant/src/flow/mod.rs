//! When: one flow per endpoint, each reading like its RFC's chapter.

pub mod authorization_response;
pub mod authorize;
pub mod device;
pub mod explain;
pub mod introspect;
pub mod logout;
pub mod notice;
pub mod push;
pub mod register;
pub mod revoke;
pub mod token;
pub mod userinfo;
