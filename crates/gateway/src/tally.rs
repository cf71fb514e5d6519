//! What is counted of requests: decisions, answers and times, for each resource.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use http::StatusCode;

/// The counts of one resource since the start, over reloads.
///
/// Its labels are bounded: verdicts and reasons are words of this program.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    decisions: RwLock<HashMap<Decided, AtomicU64>>,
    /// 1xx to 5xx.
    classes: [AtomicU64; 5],
    times: Times,
}

/// A verdict and its reason.
pub(crate) type Decided = (&'static str, &'static str);

/// How long answers took to begin.
#[derive(Debug, Default)]
struct Times {
    /// By `BOUNDS`, and those beyond the last.
    counts: [AtomicU64; BOUNDS.len() + 1],
    microseconds: AtomicU64,
}

impl Tally {
    /// Counts a request.
    pub(crate) fn count(&self, decided: Decided, status: StatusCode, took: Duration) {
        self.decided(decided);
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        add(&self.classes[class], 1);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|bound| took.as_secs_f64() > *bound);
        add(&self.times.counts[bucket], 1);
        add(&self.times.microseconds, micros);
    }

    fn decided(&self, decided: Decided) {
        let known = self.decisions.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = known.get(&decided) {
            return add(count, 1);
        }
        drop(known);
        let mut known = self.decisions.write().unwrap_or_else(PoisonError::into_inner);
        add(known.entry(decided).or_default(), 1);
    }

    /// How often each decision was taken, in the order of their names.
    pub(crate) fn decisions(&self) -> Vec<(Decided, u64)> {
        let known = self.decisions.read().unwrap_or_else(PoisonError::into_inner);
        let mut counts: Vec<_> = known.iter().map(|(what, count)| (*what, read(count))).collect();
        counts.sort_unstable();
        counts
    }

    /// How often each class of status was answered.
    pub(crate) fn classes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        ["1xx", "2xx", "3xx", "4xx", "5xx"].into_iter().zip(self.classes.iter().map(read))
    }

    /// The sum of the times in seconds, how many there are, and how many by upper bound.
    pub(crate) fn times(&self) -> (f64, u64, Vec<(f64, u64)>) {
        let bounds = BOUNDS.iter().copied().chain([f64::INFINITY]);
        let counts: Vec<_> = bounds.zip(self.times.counts.iter().map(read)).collect();
        let sum = Duration::from_micros(read(&self.times.microseconds)).as_secs_f64();
        (sum, counts.iter().map(|(_, count)| count).sum(), counts)
    }
}

fn add(count: &AtomicU64, more: u64) {
    count.fetch_add(more, Ordering::Relaxed);
}

fn read(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

/// In seconds.
const BOUNDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_decision_class_and_time() {
        let tally = Tally::default();
        for (status, millis) in [(200, 1), (204, 3), (502, 60_000)] {
            let status = StatusCode::from_u16(status).unwrap();
            tally.count(("permitted", ""), status, Duration::from_millis(millis));
        }
        tally.count(("refused", "expired"), StatusCode::UNAUTHORIZED, Duration::ZERO);
        assert_eq!(tally.decisions(), [(("permitted", ""), 3), (("refused", "expired"), 1)]);
        assert_eq!(tally.classes().map(|(_, count)| count).collect::<Vec<_>>(), [0, 2, 0, 1, 1]);
        let (sum, count, by_bound) = tally.times();
        assert!((sum - 60.004).abs() < 1e-9 && count == 4, "{sum} {count}");
        let some: Vec<_> = by_bound.into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(some, [(0.0005, 1), (0.001, 1), (0.005, 1), (f64::INFINITY, 1)]);
    }
}
