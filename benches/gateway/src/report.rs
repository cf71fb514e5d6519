//! What was measured, as a reader sees it.

use std::fmt::Write;

use bailiwick_jose::Algorithm;
use bench_resource_server::machine;
use bench_resource_server::measure::{Spread, paired};
use bench_resource_server::table::{Table, cells};

use crate::arms::{Arm, Asks, PROXIES};
use crate::options::Options;

/// What was measured of each arm in each round.
struct Measured<'m>(&'m [Arm], &'m [Vec<f64>]);

impl Measured<'_> {
    fn rounds(&self, proxy: usize, asks: Asks) -> &[f64] {
        let place = self.0.iter().position(|arm| *arm == Arm { proxy, asks });
        place.and_then(|place| self.1.get(place)).map_or(&[], Vec::as_slice)
    }

    fn spread(&self, proxy: usize, asks: Asks) -> Spread {
        Spread::of(self.rounds(proxy, asks))
    }

    /// The ratio of two arms, paired round by round.
    fn ratio(&self, above: (usize, Asks), below: (usize, Asks)) -> Spread {
        paired(self.rounds(above.0, above.1), self.rounds(below.0, below.1), |a, b| a / b)
    }
}

/// The whole report.
pub(crate) fn write(
    options: &Options,
    arms: &[Arm],
    measured: &[Vec<f64>],
    memory: &[(&'static str, u64)],
    versions: &[(&'static str, String)],
) -> String {
    let measured = Measured(arms, measured);
    let mut text = head(options, versions);
    text += "\n## Microseconds of CPU time a request\n\n";
    let mut table = Table::new(["what is asked", "proxy", "µs", "p10–p90", "× ours", "p10–p90"]);
    for arm in arms {
        let name =
            if matches!(arm.asks, Asks::Bare(_)) { "(no proxy)" } else { PROXIES[arm.proxy] };
        let ratio = measured.ratio((arm.proxy, arm.asks), (0, arm.asks));
        let [middle, around] = cells(measured.spread(arm.proxy, arm.asks));
        let [times, times_around] = cells(ratio);
        table.row(vec![said(arm.asks), name.into(), middle, around, times, times_around]);
    }
    text += &table.render();
    text += "\n## Targets\n\n";
    text += &targets(&measured, memory).render();
    text += "\n## Memory\n\nWith 1,000 connections that are open and idle.\n\n";
    let mut table = Table::new(["proxy", "MiB"]);
    for (name, kibibytes) in memory {
        table.row(vec![(*name).into(), format!("{:.1}", mebibytes(*kibibytes))]);
    }
    text + &table.render()
}

fn head(options: &Options, versions: &[(&'static str, String)]) -> String {
    let mut text = String::from(
        "# Results of `cargo xtask bench gateway`\n\n\
         Written by the command itself with `--write`; what is measured, and how, stands in\n\
         [README.md](README.md). Each figure is the median of its rounds, with the tenth and the\n\
         ninetieth percentile beside it. Ratios hold elsewhere, microseconds do not.\n\n",
    );
    for (name, fact) in machine::facts() {
        let _ = writeln!(text, "- {name}: {fact}");
    }
    for (name, version) in versions {
        let _ = writeln!(text, "- {name}: {version}");
    }
    let _ = writeln!(text, "- interleaved rounds: {}", options.rounds());
    if options.quick {
        text += "- **a quick run: too few rounds for conclusions**\n";
    }
    text
}

/// What the project set itself, and what came of it.
fn targets(measured: &Measured<'_>, memory: &[(&'static str, u64)]) -> Table {
    const OURS: usize = 0;
    const NGINX: usize = 1;
    const HAPROXY: usize = 2;
    const ENVOY: usize = 3;
    let mut table = Table::new(["target", "at most", "measured", "p10–p90", ""]);
    let mut row = |name: String, most: f64, value: Spread| {
        let [middle, around] = cells(value);
        let verdict = if value.median <= most { "met" } else { "missed" };
        table.row(vec![name, format!("{most:.2}"), middle, around, verdict.into()]);
    };
    let ratio = |above, below| measured.ratio(above, below);
    let small = Asks::Small;
    row("pass-through, × nginx".into(), 1.3, ratio((OURS, small), (NGINX, small)));
    row("pass-through, × HAProxy".into(), 1.0, ratio((OURS, small), (HAPROXY, small)));
    row("64 KiB, × nginx".into(), 1.0, ratio((OURS, Asks::Large), (NGINX, Asks::Large)));
    for algorithm in [Algorithm::Rs256, Algorithm::Es256] {
        let (seen, unseen) = (Asks::Seen(algorithm), Asks::Unseen(algorithm));
        let bare = measured.rounds(OURS, Asks::Bare(algorithm));
        let allowed: Vec<f64> = measured
            .rounds(OURS, small)
            .iter()
            .zip(bare)
            .map(|(passed, bare)| passed + 1.15 * bare)
            .collect();
        let name = |what: &str| format!("{algorithm} {what}");
        row(name("seen, × our pass-through"), 1.15, ratio((OURS, seen), (OURS, small)));
        row(name("seen, × Envoy with its cache"), 0.6, ratio((OURS, seen), (ENVOY, seen)));
        row(
            name("unseen, × (pass-through + 1.15 bare)"),
            1.0,
            paired(measured.rounds(OURS, unseen), &allowed, |ours, allowed| ours / allowed),
        );
        row(name("unseen, × HAProxy"), 1.0, ratio((OURS, unseen), (HAPROXY, unseen)));
        row(name("unseen, × Envoy"), 1.0, ratio((OURS, unseen), (ENVOY, unseen)));
    }
    let ours = memory.iter().find(|(name, _)| *name == PROXIES[OURS]).map_or(0, |(_, kib)| *kib);
    row("MiB with 1,000 idle connections".into(), 30.0, Spread::of(&[mebibytes(ours)]));
    table
}

fn said(asks: Asks) -> String {
    match asks {
        Asks::Small => "90 octets".into(),
        Asks::Large => "64 KiB".into(),
        Asks::Seen(algorithm) => format!("{algorithm}, seen token"),
        Asks::Unseen(algorithm) => format!("{algorithm}, unseen token"),
        Asks::Bare(algorithm) => format!("{algorithm}, signature alone"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "memory of a process")]
fn mebibytes(kibibytes: u64) -> f64 {
    kibibytes as f64 / 1024.0
}
