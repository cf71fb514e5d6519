//! What was measured, as a reader sees it.

use bailiwick_jose::Algorithm;
use bench_resource_server::machine;
use bench_resource_server::measure::Spread;
use bench_resource_server::options::Options;
use bench_resource_server::peers::{Kind, Report};
use bench_resource_server::scale::{ROUTES, SIZES, Sizes};
use bench_resource_server::table::{Table, cells};
use bench_resource_server::token::Unseen;

/// What a token that was seen before may cost, in microseconds.
const SEEN_AT_MOST: f64 = 1.5;
/// What an unseen one may cost, as a multiple of the bare verification.
const UNSEEN_AT_MOST: f64 = 1.15;

const OURS: &str = "bailiwick-resource-server";

/// The head: with what, on what, how often.
pub(crate) fn head(options: &Options) -> String {
    let mut text = String::from(
        "# Results of `cargo xtask bench resource-server`\n\n\
         Written by the command itself with `--write`; what is measured, and how, stands in\n\
         [README.md](README.md). Each figure is the median of its rounds, with the tenth and the\n\
         ninetieth percentile beside it. Ratios hold elsewhere, microseconds do not.\n\n",
    );
    for (name, fact) in machine::facts() {
        text += &format!("- {name}: {fact}\n");
    }
    let (rounds, peer_rounds) = (options.rounds(), options.peer_rounds());
    text += &format!("- interleaved rounds: {rounds} in process, {peer_rounds} over HTTP\n");
    if options.quick {
        text += "- **a quick run: too few rounds for conclusions**\n";
    }
    println!("{text}");
    text + "\n"
}

pub(crate) fn seen(measured: &[(Algorithm, (Spread, usize))]) -> String {
    let mut table = Table::new(["token", "bytes", "µs", "p10–p90", "target", ""]);
    for (algorithm, (cost, length)) in measured {
        let [median, around] = cells(*cost);
        table.row(vec![
            algorithm.to_string(),
            length.to_string(),
            median,
            around,
            format!("≤ {SEEN_AT_MOST}"),
            verdict(cost.median <= SEEN_AT_MOST),
        ]);
    }
    section(
        "A token that was seen before",
        "In process, CPU time of a request with the layer less without it.",
        &table,
    )
}

pub(crate) fn unseen(measured: &[(Algorithm, Unseen)]) -> String {
    let names = ["token", "layer, µs", "p10–p90", "bare, µs", "p10–p90", "ratio", "p10–p90"];
    let [token, layer, tenths, bare, bare_tenths, ratio, ratio_tenths] = names;
    let mut table = Table::new([
        token,
        layer,
        tenths,
        bare,
        bare_tenths,
        "beyond, µs",
        ratio,
        ratio_tenths,
        "target",
        "",
    ]);
    for (algorithm, unseen) in measured {
        let mut row = vec![algorithm.to_string()];
        row.extend(cells(unseen.layer));
        row.extend(cells(unseen.bare));
        row.push(format!("{:.2}", unseen.beyond.median));
        row.extend(cells(unseen.ratio));
        row.push(format!("≤ {UNSEEN_AT_MOST}"));
        row.push(verdict(unseen.ratio.median <= UNSEEN_AT_MOST));
        table.row(row);
    }
    section(
        "A token that was not",
        "In process, the layer less without it, beside aws-lc-rs verifying the same signatures with\n\
         a parsed key and nothing else.",
        &table,
    )
}

pub(crate) fn sizes(sizes: &Sizes) -> String {
    let mut table = Table::new([
        "keys in the set",
        "cached tokens",
        "seen, µs",
        "p10–p90",
        "× first",
        "unseen, µs",
        "p10–p90",
        "× first",
    ]);
    for (at, (keys, cached)) in SIZES.into_iter().enumerate() {
        let mut row = vec![keys.to_string(), cached.to_string()];
        for costs in [&sizes.seen, &sizes.unseen] {
            row.extend(cells(costs[at]));
            row.push(format!("{:.2}", costs[at].median / costs[0].median));
        }
        table.row(row);
    }
    section(
        "Keys and cached tokens",
        "In process, the layer less without it; EdDSA. The same 50 tokens recur in each row.",
        &table,
    )
}

pub(crate) fn routes(library: &([Spread; 2], Spread), gateway: &([Spread; 2], Spread)) -> String {
    let mut table = Table::new(["what", "routes", "µs", "p10–p90", "× first", "p10–p90"]);
    let whats = ["axum, `require` on each route", "gateway, finding a route"];
    for (what, (costs, ratio)) in whats.into_iter().zip([library, gateway]) {
        for (at, count) in ROUTES.into_iter().enumerate() {
            let mut row = vec![what.to_owned(), count.to_string()];
            row.extend(cells(costs[at]));
            if at > 0 {
                row.extend(cells(*ratio));
            }
            table.row(row);
        }
    }
    section(
        "Routes",
        "In process. The first is the router with the layers less the same router without them, with\n\
         a token that was seen before; the second the gateway's `explain` of a public route.",
        &table,
    )
}

pub(crate) fn allocations(counted: &str) -> String {
    let mut table = Table::new(["request", "allocations", "bytes"]);
    for line in counted.lines() {
        table.row(line.split('\t').map(str::to_owned).collect());
    }
    section("Allocations", "In process, for each request, the layer less without it.", &table)
}

pub(crate) fn peers(report: &Report) -> String {
    let mut table = Table::new([
        "server",
        "version",
        "token",
        "µs",
        "p10–p90",
        "× ours",
        "protection, µs",
        "p10–p90",
        "× ours",
    ]);
    let ours = report.servers.iter().position(|peer| peer.name == OURS);
    for (kind, algorithm, costs) in &report.measured {
        let kind = if *kind == Kind::Seen { "seen" } else { "unseen" };
        let our = ours.map(|at| &costs[at]);
        let times = |cost: Option<Spread>, ours: Option<Spread>| match (cost, ours) {
            (Some(cost), Some(ours)) => format!("{:.2}", cost.median / ours.median),
            _ => String::new(),
        };
        for (peer, cost) in report.servers.iter().zip(costs) {
            let mut row = vec![peer.name.to_owned(), peer.version(), format!("{algorithm} {kind}")];
            row.extend(cells(cost.whole));
            row.push(times(Some(cost.whole), our.map(|our| our.whole)));
            if let Some(protection) = cost.protection {
                row.extend(cells(protection));
                row.push(times(cost.protection, our.and_then(|our| our.protection)));
            }
            table.row(row);
        }
    }
    let mut text = section(
        "Peers",
        "Over HTTP on this machine, CPU time of the server's process for each request. Protection is\n\
         the whole less the same framework without it. axum and express stand without protection.",
        &table,
    );
    for (name, why) in &report.left_out {
        text += &format!("Left out: {name}, because {why}.\n\n");
    }
    text + &answers(report)
}

fn answers(report: &Report) -> String {
    let names: Vec<&str> = report
        .servers
        .iter()
        .filter(|peer| peer.framework.is_some())
        .map(|peer| peer.name)
        .collect();
    let mut table = Table::new(["RS256"]);
    table.head(&names);
    for (presented, statuses) in &report.answers {
        let mut row = vec![(*presented).to_owned()];
        let protected = report.servers.iter().zip(statuses);
        row.extend(
            protected
                .filter(|(peer, _)| peer.framework.is_some())
                .map(|(_, status)| status.to_string()),
        );
        table.row(row);
    }
    section(
        "What they answer",
        "Not a test, only for comparing like with like: who lets in more also checks less. Each is\n\
         configured with an issuer and an audience, as its documentation begins.",
        &table,
    )
}

fn section(title: &str, about: &str, table: &Table) -> String {
    format!("## {title}\n\n{about}\n\n{}\n", table.render())
}

fn verdict(met: bool) -> String {
    if met { "met" } else { "missed" }.to_owned()
}
