//! Fails on a forbidden arrow, a foreign crate in a pure row, and a module without a real name.
//!
//! What is allowed is read from the tables of ARCHITECTURE.md, so that the document and the check
//! cannot diverge. The rules under "Never" are written down here: no table can lift them.

mod charter;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;

use crate::Result;
use crate::workspace::{Package, Workspace, row};
use charter::Charter;

/// Rows 1 and 2: no socket, no clock, no randomness.
const PURE: [&str; 4] = ["jose", "oauth", "grant", "guard"];

/// What issues tokens, and what lets them in: they meet only on the wire.
const ISSUING: [&str; 3] = ["grant", "store", "authorization-server"];
const ADMITTING: [&str; 2] = ["resource-server", "gateway"];

/// Names that say nothing.
const NAMELESS: [&str; 8] =
    ["common", "util", "utils", "helper", "helpers", "misc", "types", "core"];

/// One thing that the architecture forbids.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    file: String,
    fault: String,
    remedy: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.file, self.fault, self.remedy)
    }
}

/// Checks the workspace and prints what is forbidden in it, a line each.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let violations = check(workspace)?;
    if violations.is_empty() {
        println!("layers: {} crates keep to ARCHITECTURE.md", workspace.packages.len());
        return Ok(());
    }
    let lines: Vec<_> = violations.iter().map(Violation::to_string).collect();
    Err(lines.join("\n").into())
}

fn check(workspace: &Workspace) -> Result<BTreeSet<Violation>> {
    let charter = Charter::parse(&fs::read_to_string(workspace.root.join("ARCHITECTURE.md"))?)?;
    let crates = Crates::of(workspace);
    let mut violations = BTreeSet::new();
    for package in &workspace.packages {
        let manifest = workspace.relative(package.manifest());
        let mut forbid = |fault: String, remedy: String| {
            violations.insert(Violation { file: manifest.clone(), fault, remedy });
        };
        arrows(package, &charter, &crates, &mut forbid);
        never_meet(package, &crates, &mut forbid);
        foreign(package, &charter, &crates, &mut forbid);
        if NAMELESS.contains(&package.row()) {
            forbid(format!("a crate called `{}`", package.row()), "name it by what it does".into());
        }
    }
    for package in &workspace.packages {
        source::check(workspace, package, &charter, &mut violations)?;
    }
    Ok(violations)
}

/// Which crates are ours, and what each links.
struct Crates<'w> {
    links: BTreeMap<&'w str, BTreeSet<&'w str>>,
}

impl<'w> Crates<'w> {
    fn of(workspace: &'w Workspace) -> Self {
        let ours: BTreeSet<_> = workspace.packages.iter().map(|p| p.name.as_str()).collect();
        let links = workspace.packages.iter().map(|package| {
            let linked = package.dependencies.iter().filter(|d| !d.is_dev());
            let linked = linked.filter(|d| ours.contains(d.name.as_str()));
            (package.row(), linked.map(|d| row(&d.name)).collect())
        });
        Self { links: links.collect() }
    }

    fn is_ours(&self, package: &str) -> bool {
        self.links.contains_key(row(package))
    }

    /// All that a crate of ours links, at any distance.
    fn reach(&self, from: &str) -> BTreeSet<&'w str> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&str> = self.links.get(from).into_iter().flatten().copied().collect();
        while let Some(next) = open.pop() {
            if reached.insert(next) {
                open.extend(self.links.get(next).into_iter().flatten());
            }
        }
        reached
    }
}

fn arrows(
    package: &Package,
    charter: &Charter,
    crates: &Crates<'_>,
    forbid: &mut impl FnMut(String, String),
) {
    let from = package.row();
    let Some(allowed) = charter.arrows(from) else {
        let remedy = format!("add the line `{from} → …` to Arrows in ARCHITECTURE.md");
        return forbid(format!("`{from}` has no row in the table of arrows"), remedy);
    };
    for to in crates.links.get(from).into_iter().flatten() {
        if !allowed.permits(to) {
            let remedy = "drop the dependency, or make the arrow an event of its own: \
                          a commit and a line in ARCHITECTURE.md";
            forbid(format!("forbidden arrow {from} → {to}"), remedy.into());
        }
    }
}

fn never_meet(package: &Package, crates: &Crates<'_>, forbid: &mut impl FnMut(String, String)) {
    let from = package.row();
    let sibling = match from {
        "grant" => Some("guard"),
        "guard" => Some("grant"),
        _ => None,
    };
    // Tests included: what both decisions need is a word, in tests as well.
    if let Some(sibling) = sibling
        && package.dependencies.iter().any(|d| row(&d.name) == sibling)
    {
        let remedy = "what both need is a word: move it to `oauth`";
        forbid(format!("`{from}` imports `{sibling}` (Never 2)"), remedy.into());
    }
    if ADMITTING.contains(&from) {
        for to in crates.reach(from) {
            if ISSUING.contains(&to) || to.starts_with("store-") {
                let remedy = "learn it over the wire, as any resource server does";
                forbid(format!("`{from}` links `{to}` (Never 3)"), remedy.into());
            }
        }
    }
}

fn foreign(
    package: &Package,
    charter: &Charter,
    crates: &Crates<'_>,
    forbid: &mut impl FnMut(String, String),
) {
    let home = package.row();
    let linked = package.dependencies.iter().filter(|d| !d.is_dev());
    for name in linked.map(|d| d.name.as_str()).filter(|name| !crates.is_ours(name)) {
        if PURE.contains(&home) && !charter.is_pure(home, name) {
            let remedy = "pure rows take such things as arguments; \
                          the few exceptions stand in ARCHITECTURE.md, Foreign crates";
            forbid(
                format!("foreign crate `{name}` in the pure row `{home}` (Never 1)"),
                remedy.into(),
            );
        }
        if let Some(homes) = charter.homes(name)
            && !homes.contains(home)
        {
            let homes: Vec<_> = homes.iter().map(String::as_str).collect();
            let remedy = format!("it stands in {} alone", homes.join(", "));
            forbid(format!("`{name}` in `{home}` (Never 4)"), remedy);
        }
    }
}

#[cfg(test)]
mod tests;
