//! axum behind `oauth-resource-server`, as its documentation has it.

use std::sync::Arc;

use axum::{Router, routing::get};
use bench_serve::{Protection, Result, answer};
use oauth_resource_server::axum::AuthLayer;
use oauth_resource_server::{KeyNaming, OAuthConfig, OAuthValidator};

fn main() -> Result<()> {
    bench_serve::run(async |Protection { issuer, resource }| {
        let config = OAuthConfig {
            enabled: true,
            issuer,
            audience: resource.clone(),
            resource,
            require_at_jwt: true, // RFC 9068 §4, as all others are asked to
            ..OAuthConfig::default()
        };
        let config = config.resolve(KeyNaming::Dotted("oauth"))?.ok_or("it is enabled")?;
        let validator = Arc::new(OAuthValidator::new(&config)?);
        validator.spawn_background_refresh();
        let layer = AuthLayer::builder().oauth(validator).build()?;
        Ok(Router::new().route("/", get(answer)).route_layer(layer))
    })
}
