//! Counts what a request allocates, with the layer less without it.
//!
//! A program of its own, because counting costs time: `bench-resource-server` runs it and shows
//! what it prints, lines of a name, allocations and bytes, with tabs between.
#![expect(clippy::cast_precision_loss, reason = "small numbers")]

use std::alloc::System;
use std::convert::Infallible;

use axum::Router;
use axum::handler::Handler;
use axum::routing::get;
use bailiwick_jose::Algorithm;
use bench_resource_server::Result;
use bench_resource_server::case::{
    Body, authorization, drive, issuer, request, requests, runtime, service,
};
use bench_resource_server::scale::{answer, path, spread_out};
use http::{Request, Response};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::runtime::Runtime;
use tower::{Layer, Service};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const BATCH: usize = 500;

fn main() -> Result<()> {
    let runtime = runtime()?;
    for (keys, cached) in [(1, 100), (200, 100), (1, 10_000)] {
        let (mut mint, api) = issuer(Algorithm::EdDsa, keys - 1, cached + cached / 4)?;
        let mut with = api.layer().layer(service());
        drive(&runtime, &mut with, requests("/", &mint.tokens(cached)?)?)?;
        let token = authorization(&mint.token()?)?;
        let seen = || (0..BATCH).map(|_| request("/", &token)).collect::<Result<Vec<_>>>();
        show(
            &format!("seen token, {keys} keys, {cached} cached tokens"),
            count(&runtime, &mut with, seen()?)?,
            count(&runtime, &mut service(), seen()?)?,
        );
    }
    for routes in [10, 10_000] {
        let (mut mint, api) = issuer(Algorithm::EdDsa, 0, 1024)?;
        let token = authorization(&mint.token()?)?;
        let (mut with, mut without) = (Router::new(), Router::new());
        for number in 0..routes {
            let path = path(number);
            with = with.route(&path, get(answer.layer(api.require("read:orders")?)));
            without = without.route(&path, get(answer));
        }
        let seen = || {
            let batch = (0..BATCH).map(|at| request(&spread_out(at, routes), &token));
            batch.collect::<Result<Vec<_>>>()
        };
        show(
            &format!("seen token, router with {routes} routes"),
            count(&runtime, &mut with, seen()?)?,
            count(&runtime, &mut without, seen()?)?,
        );
    }
    for algorithm in bench_resource_server::mint::ALGORITHMS {
        let (mut mint, api) = issuer(algorithm, 0, 100)?;
        let mut with = api.layer().layer(service());
        drive(&runtime, &mut with, requests("/", &mint.tokens(200)?)?)?;
        let tokens = mint.tokens(BATCH)?;
        let mut batches = [requests("/", &tokens)?, requests("/", &tokens)?].into_iter();
        let mut batch = || batches.next().ok_or("two batches");
        let region = Region::new(COUNTED);
        drive(&runtime, &mut with, batch()?)?;
        let with = of(&region);
        let region = Region::new(COUNTED);
        drive(&runtime, &mut service(), batch()?)?;
        show(&format!("unseen token, {algorithm}"), with, of(&region));
    }
    Ok(())
}

/// Counts the second of two equal batches, when nothing is new any more.
fn count<S, B>(
    runtime: &Runtime,
    service: &mut S,
    requests: Vec<Request<Body>>,
) -> Result<(f64, f64)>
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
{
    let mut again = Vec::with_capacity(requests.len());
    for request in &requests {
        let mut copy = Request::new(Body::default());
        *copy.uri_mut() = request.uri().clone();
        *copy.headers_mut() = request.headers().clone();
        again.push(copy);
    }
    drive(runtime, service, again)?;
    let region = Region::new(COUNTED);
    drive(runtime, service, requests)?;
    Ok(of(&region))
}

/// Allocations and bytes of one request of a batch.
fn of(region: &Region<'_, System>) -> (f64, f64) {
    let change = region.change();
    let times = change.allocations + change.reallocations;
    (times as f64 / BATCH as f64, change.bytes_allocated as f64 / BATCH as f64)
}

fn show(name: &str, with: (f64, f64), without: (f64, f64)) {
    println!("{name}\t{:.2}\t{:.0}", with.0 - without.0, with.1 - without.1);
}
