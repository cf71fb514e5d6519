//! axum behind `tower-oauth2-resource-server`, as its documentation has it.

use axum::{Router, routing::get};
use bench_serve::{Protection, Result, answer};
use tower_oauth2_resource_server::server::OAuth2ResourceServer;
use tower_oauth2_resource_server::tenant::TenantConfiguration;

fn main() -> Result<()> {
    bench_serve::run(async |Protection { issuer, resource }| {
        let tenant = TenantConfiguration::builder(issuer).audiences(&[resource]).build().await?;
        let api = <OAuth2ResourceServer>::builder().add_tenant(tenant).build().await?;
        Ok(Router::new().route("/", get(answer)).layer(api.into_layer()))
    })
}
