//! axum behind `bailiwick-resource-server`, as its first example has it.

use axum::{Router, routing::get};
use bailiwick_resource_server::ResourceServer;
use bench_serve::{Protection, Result, answer};

fn main() -> Result<()> {
    bench_serve::run(async |Protection { issuer, resource }| {
        let api = ResourceServer::new(&issuer, &resource)?;
        Ok(Router::new().route("/", get(answer)).layer(api.layer()))
    })
}
