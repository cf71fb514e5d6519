//! axum without protection: what HTTP alone costs.

use axum::{Router, routing::get};
use bench_serve::{Result, answer};

fn main() -> Result<()> {
    bench_serve::run(async |_| Ok(Router::new().route("/", get(answer))))
}
