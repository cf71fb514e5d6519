//! Clocks of the operating system, interleaved rounds, and what is said of them.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::Result;

/// The CPU time that this thread has used so far.
pub fn thread_time() -> Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}

/// The microseconds of CPU time that each of `count` requests took between two readings of a clock.
#[expect(clippy::cast_precision_loss, reason = "a batch has some thousands of requests at most")]
pub fn each(begin: Duration, end: Duration, count: usize) -> f64 {
    end.saturating_sub(begin).as_secs_f64() * 1e6 / count as f64
}

/// Runs arms one after the other, round by round, and gives what each measured in each round.
///
/// `prepare` makes what the arms of a round share, outside of any clock. Each round begins with
/// another arm, so that none has always the same neighbour before it. A first round is thrown away.
pub fn interleave<T>(
    rounds: usize,
    arms: usize,
    mut prepare: impl FnMut() -> Result<T>,
    mut run: impl FnMut(usize, &T) -> Result<f64>,
) -> Result<Vec<Vec<f64>>> {
    let mut measured = vec![Vec::new(); arms];
    for round in 0..=rounds {
        let shared = prepare()?;
        for place in 0..arms {
            let arm = (place + round) % arms;
            let value = run(arm, &shared)?;
            if round > 0 {
                measured[arm].push(value);
            }
        }
    }
    Ok(measured)
}

/// The same with a number of arms that is known beforehand, so that each can be named.
pub fn side_by_side<T, const N: usize>(
    rounds: usize,
    prepare: impl FnMut() -> Result<T>,
    run: impl FnMut(usize, &T) -> Result<f64>,
) -> Result<[Vec<f64>; N]> {
    let measured = interleave(rounds, N, prepare, run)?;
    measured.try_into().map_err(|_| "as many arms as were asked for".into())
}

/// Pairs two arms round by round.
pub fn paired(left: &[f64], right: &[f64], of: impl Fn(f64, f64) -> f64) -> Spread {
    let values: Vec<f64> = left.iter().zip(right).map(|(left, right)| of(*left, *right)).collect();
    Spread::of(&values)
}

/// What rounds said: the middle of them, and how far they lie apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Half of the rounds lie below.
    pub median: f64,
    /// A tenth of the rounds lies below.
    pub p10: f64,
    /// A tenth of the rounds lies above.
    pub p90: f64,
}

impl Spread {
    /// Sums rounds up; of none, all is zero.
    pub fn of(rounds: &[f64]) -> Self {
        let mut sorted = rounds.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |tenths: usize| {
            let index = (sorted.len().saturating_sub(1) * tenths + 5) / 10;
            sorted.get(index).copied().unwrap_or_default()
        };
        Self { median: at(5), p10: at(1), p90: at(9) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_and_the_tenths_of_eleven_rounds_are_those_in_order() {
        let rounds: Vec<f64> = (0..11).rev().map(f64::from).collect();
        assert_eq!(Spread::of(&rounds), Spread { median: 5.0, p10: 1.0, p90: 9.0 });
    }

    #[test]
    fn every_arm_runs_once_in_each_round_and_the_first_round_does_not_count() {
        let mut order = Vec::new();
        let measured: [Vec<f64>; 2] = side_by_side(
            2,
            || Ok(()),
            |arm, ()| {
                order.push(arm);
                Ok(f64::from(u8::try_from(order.len())?))
            },
        )
        .unwrap_or_default();
        assert_eq!(order, [0, 1, 1, 0, 0, 1]);
        assert_eq!(measured, [vec![4.0, 5.0], vec![3.0, 6.0]]);
    }
}
