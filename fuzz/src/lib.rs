//! Fuzz targets over everything that strangers send to a resource server (RFC 6750, 7515–7519, 9449).
//!
//! Each target is a function of bytes that panics when something is not as it must be: not only
//! when a parser does, but when what it accepts is not what an independent, slower reading of the
//! same bytes allows. `README.md` says how they are run, here and under libFuzzer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a target's way to say that something is wrong is to panic"
)]

mod mutate;
mod oracle;
mod run;
mod seeds;
pub mod target;
mod world;

pub use run::{Report, run};
pub use seeds::{folder, read as seeds};
pub use target::{Outcome, Target};
pub use world::{MESSAGE, NOW, RESOURCE, World, claims, signed};
