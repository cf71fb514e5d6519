//! What one token costs in process: seen before, and unseen beside the bare verification.

use std::iter;

use bailiwick_jose::Algorithm;
use tower::Layer;

use crate::Result;
use crate::case::{drive, issuer, requests, runtime, service};
use crate::measure::{Spread, each, paired, side_by_side, thread_time};
use crate::mint::Signed;

/// Requests of one arm in one round, with a token that was seen before.
pub const SEEN_BATCH: usize = 1000;
/// The same, with as many tokens that were not.
pub const UNSEEN_BATCH: usize = 256;
/// The tokens that are remembered meanwhile: the default.
pub const CACHED: usize = 1024;

/// What a token costs that was seen before, in microseconds, and how long it is in bytes.
pub fn seen(algorithm: Algorithm, rounds: usize) -> Result<(Spread, usize)> {
    let runtime = runtime()?;
    let (mut mint, api) = issuer(algorithm, 0, CACHED)?;
    let token = mint.token()?;
    let mut with = api.layer().layer(service());
    let mut without = service();
    let prepare = || requests("/", iter::repeat_n(&token, SEEN_BATCH));
    drive(&runtime, &mut with, prepare()?)?;
    let [with, without] = side_by_side(
        rounds,
        || Ok(()),
        |arm, ()| match arm {
            0 => drive(&runtime, &mut with, prepare()?),
            _ => drive(&runtime, &mut without, prepare()?),
        },
    )?;
    Ok((paired(&with, &without, |with, without| with - without), token.len()))
}

/// What an unseen token costs.
pub struct Unseen {
    /// The layer, in microseconds.
    pub layer: Spread,
    /// The bare verification of the same tokens, in microseconds.
    pub bare: Spread,
    /// The one divided by the other.
    pub ratio: Spread,
    /// What the layer takes on top of the verification, in microseconds.
    pub beyond: Spread,
}

/// Measures tokens that are used once: in each round others, while the memory is full of older ones.
pub fn unseen(algorithm: Algorithm, rounds: usize) -> Result<Unseen> {
    let runtime = runtime()?;
    let (mut mint, api) = issuer(algorithm, 0, CACHED)?;
    let bare = mint.bare()?;
    let mut with = api.layer().layer(service());
    let mut without = service();
    drive(&runtime, &mut with, requests("/", &mint.tokens(CACHED + CACHED / 4)?)?)?;
    let [with, without, bare] = side_by_side(
        rounds,
        || {
            let tokens = mint.tokens(UNSEEN_BATCH)?;
            let signed =
                tokens.iter().map(|token| Signed::of(token)).collect::<Result<Vec<_>>>()?;
            Ok((tokens, signed))
        },
        |arm, (tokens, signed)| match arm {
            0 => drive(&runtime, &mut with, requests("/", tokens)?),
            1 => drive(&runtime, &mut without, requests("/", tokens)?),
            _ => {
                let begin = thread_time()?;
                for signed in signed {
                    bare.verify(signed)?;
                }
                Ok(each(begin, thread_time()?, signed.len()))
            }
        },
    )?;
    let layer: Vec<f64> = with.iter().zip(&without).map(|(with, without)| with - without).collect();
    Ok(Unseen {
        layer: Spread::of(&layer),
        bare: Spread::of(&bare),
        ratio: paired(&layer, &bare, |layer, bare| layer / bare),
        beyond: paired(&layer, &bare, |layer, bare| layer - bare),
    })
}
