//! Whether the cost of a request grows: with the keys, with the cached tokens, with the routes.

use axum::Router;
use axum::handler::Handler;
use axum::routing::get;
use bailiwick_gateway::{Config, Explained, Gateway};
use bailiwick_jose::Algorithm;
use http::Request;
use tokio::runtime::Runtime;
use tower::Layer;

use crate::Result;
use crate::case::{api, authorization, drive, issuer, request, requests, runtime, service};
use crate::measure::{Spread, each, paired, side_by_side, thread_time};
use crate::mint::{ISSUER, Mint, RESOURCE};

/// A size that is measured: keys in the set, tokens that are remembered.
pub const SIZES: [(usize, usize); 4] = [(1, 100), (200, 100), (1, 100_000), (200, 100_000)];
/// Numbers of routes.
pub const ROUTES: [usize; 2] = [10, 10_000];

/// Tokens that come again and again, whatever else is remembered.
const RECURRING: usize = 50;
const SEEN_BATCH: usize = 1000;
const UNSEEN_BATCH: usize = 128;

/// What each of [`SIZES`] costs, in microseconds.
pub struct Sizes {
    /// With tokens that were seen before.
    pub seen: [Spread; 4],
    /// With tokens that were not; EdDSA.
    pub unseen: [Spread; 4],
}

/// Measures sets of keys and memories of different sizes side by side.
///
/// The same number of tokens recurs in all of them, so that they differ in what the memory holds
/// and not in what the requests bring; those are fewer than the smallest memory.
pub fn sizes(rounds: usize) -> Result<Sizes> {
    let runtime = runtime()?;
    let mut arms = Vec::new();
    for (keys, cached) in SIZES {
        // Somewhat larger than what is put in: a cache in shards is full before its last entry.
        let room = cached + cached / 4;
        let (mut mint, api) = issuer(Algorithm::EdDsa, keys - 1, room)?;
        let mut with = api.layer().layer(service());
        for _ in 0..cached / 100 {
            drive(&runtime, &mut with, requests("/", &mint.tokens(100)?)?)?;
        }
        let recurring = mint.tokens(RECURRING)?;
        for _ in 0..2 {
            drive(&runtime, &mut with, requests("/", &recurring)?)?;
        }
        arms.push((mint, recurring, with));
    }
    let mut without = service();
    let seen: [Vec<f64>; 5] = side_by_side(
        rounds,
        || Ok(()),
        |arm, ()| {
            let recurring = arms.get(arm).or(arms.first()).ok_or("no arm")?.1.clone();
            let requests = requests("/", recurring.iter().cycle().take(SEEN_BATCH))?;
            match arms.get_mut(arm) {
                Some((_, _, with)) => drive(&runtime, with, requests),
                None => drive(&runtime, &mut without, requests),
            }
        },
    )?;
    let unseen: [Vec<f64>; 5] = side_by_side(
        rounds,
        || Ok(()),
        |arm, ()| {
            if let Some((mint, _, with)) = arms.get_mut(arm) {
                return drive(&runtime, with, requests("/", &mint.tokens(UNSEEN_BATCH)?)?);
            }
            let (mint, ..) = arms.first_mut().ok_or("no arm")?;
            drive(&runtime, &mut without, requests("/", &mint.tokens(UNSEEN_BATCH)?)?)
        },
    )?;
    Ok(Sizes { seen: less_last(&seen), unseen: less_last(&unseen) })
}

/// What the layer costs in a router with as many routes as [`ROUTES`] says, each with a scope of its
/// own to ask for, less the same router without; then what the second costs of the first.
pub fn routes(rounds: usize) -> Result<([Spread; 2], Spread)> {
    let runtime = runtime()?;
    let mut mint = Mint::new(Algorithm::EdDsa, ISSUER, RESOURCE)?;
    let token = authorization(&mint.token()?)?;
    let mut routers = Vec::new();
    for count in ROUTES {
        let api = api(vec![mint.verifying_key()], 1024)?;
        let (mut with, mut without) = (Router::new(), Router::new());
        for number in 0..count {
            let path = path(number);
            with = with.route(&path, get(answer.layer(api.require("read:orders")?)));
            without = without.route(&path, get(answer));
        }
        routers.extend([with, without]);
    }
    let measured: [Vec<f64>; 4] = side_by_side(
        rounds,
        || Ok(()),
        |arm, ()| {
            let count = ROUTES[arm / 2];
            let batch = (0..SEEN_BATCH).map(|at| request(&spread_out(at, count), &token));
            drive(&runtime, &mut routers[arm], batch.collect::<Result<_>>()?)
        },
    )?;
    let [few, few_bare, many, many_bare] = measured;
    let less = |with: &[f64], without: &[f64]| -> Vec<f64> {
        with.iter().zip(without).map(|(with, without)| with - without).collect()
    };
    let (few, many) = (less(&few, &few_bare), less(&many, &many_bare));
    let ratio = paired(&many, &few, |many, few| many / few);
    Ok(([Spread::of(&few), Spread::of(&many)], ratio))
}

/// What the gateway takes to find and explain a public route, with as many as [`ROUTES`] says.
pub fn gateway(rounds: usize) -> Result<([Spread; 2], Spread)> {
    let runtime = runtime()?;
    let mut gateways = Vec::new();
    for count in ROUTES {
        let routes: Vec<String> = (0..count)
            .map(|number| format!("{{ path = \"{}\", public = true }}", path(number)))
            .collect();
        let text = format!(
            "[[resource]]\nidentifier = \"{RESOURCE}\"\nissuer = \"{ISSUER}\"\n\
             upstream = \"http://127.0.0.1:1\"\nroutes = [\n{}\n]\n",
            routes.join(",\n")
        );
        // Inside a runtime, as a server would.
        let gateway = runtime.block_on(async {
            Ok::<_, Box<dyn std::error::Error>>(Gateway::new(Config::parse("bench.toml", &text)?)?)
        })?;
        gateways.push((gateway, count));
    }
    let [few, many] = side_by_side(
        rounds,
        || Ok(()),
        |arm, ()| {
            let (gateway, count) = &gateways[arm];
            let batch: Result<Vec<_>> = (0..SEEN_BATCH)
                .map(|at| {
                    let request = Request::get(spread_out(at, *count));
                    Ok(request.header("host", "api.example.com").body(())?)
                })
                .collect();
            explain(&runtime, gateway, &batch?)
        },
    )?;
    Ok(([Spread::of(&few), Spread::of(&many)], paired(&many, &few, |many, few| many / few)))
}

fn explain(runtime: &Runtime, gateway: &Gateway, requests: &[Request<()>]) -> Result<f64> {
    runtime.block_on(async {
        let begin = thread_time()?;
        for request in requests {
            let explained = gateway.explain(request).await;
            if !matches!(explained, Explained::Public { .. }) {
                return Err(format!("a public route was explained as {explained:?}").into());
            }
        }
        Ok(each(begin, thread_time()?, requests.len()))
    })
}

/// The path of a route.
pub fn path(number: usize) -> String {
    format!("/part{}/items{number}", number % 7)
}

/// The same ten places in every table, from its first route to its last.
pub fn spread_out(at: usize, count: usize) -> String {
    path((at % 10) * (count / 10))
}

/// Answers at once.
pub async fn answer() -> &'static str {
    "ok"
}

/// Takes the last arm, which has no layer, from all others.
fn less_last(measured: &[Vec<f64>; 5]) -> [Spread; 4] {
    let [first, second, third, fourth, without] = measured;
    [first, second, third, fourth].map(|with| paired(with, without, |with, without| with - without))
}
