//! The identity providers' profiles, on tokens constructed from the providers' documentation
//! (`fixtures/README.md`): what must pass does, and nothing else that the same provider signs.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

/// A fixture, by its path below `fixtures`.
macro_rules! fixture {
    ($path:literal) => {
        crate::token::Token::read(include_str!(concat!("fixtures/", $path)))
    };
}

mod auth0;
mod bailiwick;
mod cognito;
mod entra;
mod every;
mod github_actions;
mod google;
mod hydra;
mod keycloak;
mod kubernetes;
mod logto;
mod named;
mod okta;
mod pingone;
mod self_hosted;
mod token;
mod world;
mod zitadel;
