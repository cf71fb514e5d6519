//! What ARCHITECTURE.md allows: its tables of arrows and of foreign crates.

use std::collections::{BTreeMap, BTreeSet};

use crate::Result;

/// The tables of ARCHITECTURE.md.
pub(super) struct Charter {
    arrows: BTreeMap<String, Targets>,
    pure: BTreeMap<String, BTreeSet<String>>,
    homes: BTreeMap<String, BTreeSet<String>>,
}

/// What a crate may link of ours.
pub(super) enum Targets {
    /// Any: crates for development only.
    Anything,
    /// These.
    Only(BTreeSet<String>),
}

impl Targets {
    pub(super) fn permits(&self, row: &str) -> bool {
        match self {
            Self::Anything => true,
            Self::Only(rows) => rows.contains(row),
        }
    }
}

impl Charter {
    /// Reads the tables under the headings `Arrows`, `Foreign crates: pure rows` and
    /// `Foreign crates: homes`.
    pub(super) fn parse(markdown: &str) -> Result<Self> {
        let arrows = table(markdown, "Arrows", "→")?;
        let groups: BTreeMap<_, _> = statements(block(markdown, "Arrows")?)
            .iter()
            .filter_map(|line| line.split_once('='))
            .map(|(name, rows)| (name.trim().to_owned(), names(rows)))
            .collect();
        let known: BTreeSet<_> = arrows.iter().flat_map(|(from, _)| from.clone()).collect();
        let expand = |row: String| -> Result<Vec<String>> {
            match groups.get(&row) {
                Some(rows) => Ok(rows.clone()),
                None if known.contains(&row) => Ok(vec![row]),
                None => Err(format!("ARCHITECTURE.md: `{row}` has no row under Arrows").into()),
            }
        };
        let expand_all = |rows: Vec<String>| -> Result<BTreeSet<String>> {
            let rows: Result<Vec<_>> = rows.into_iter().map(expand).collect();
            Ok(rows?.into_iter().flatten().collect())
        };

        let mut charter =
            Self { arrows: BTreeMap::new(), pure: BTreeMap::new(), homes: BTreeMap::new() };
        for (from, to) in arrows {
            for from in from {
                let targets = match to.as_slice() {
                    [word] if word == "anything" => Targets::Anything,
                    [word] if word == "nothing" => Targets::Only(BTreeSet::new()),
                    rows => Targets::Only(expand_all(rows.to_vec())?),
                };
                if charter.arrows.insert(from.clone(), targets).is_some() {
                    return Err(
                        format!("ARCHITECTURE.md: `{from}` has two rows under Arrows").into()
                    );
                }
            }
        }
        for (rows, foreign) in table(markdown, "Foreign crates: pure rows", ":")? {
            for row in expand_all(rows)? {
                charter.pure.entry(row).or_default().extend(foreign.clone());
            }
        }
        for (foreign, homes) in table(markdown, "Foreign crates: homes", "only in")? {
            let homes = expand_all(homes)?;
            for name in foreign {
                charter.homes.entry(name).or_default().extend(homes.clone());
            }
        }
        Ok(charter)
    }

    /// What a crate of ours may link; `None` when it has no row.
    pub(super) fn arrows(&self, from: &str) -> Option<&Targets> {
        self.arrows.get(from)
    }

    /// Whether a pure row may link this foreign crate.
    pub(super) fn is_pure(&self, row: &str, foreign: &str) -> bool {
        self.pure.get(row).is_some_and(|allowed| allowed.contains(foreign))
    }

    /// Where a foreign crate or a path in one may stand; `None` when it may stand anywhere.
    pub(super) fn homes(&self, foreign: &str) -> Option<&BTreeSet<String>> {
        self.homes.get(foreign)
    }

    /// The foreign paths (`hyper::client`) that have homes.
    pub(super) fn paths(&self) -> impl Iterator<Item = (&str, &BTreeSet<String>)> {
        self.homes.iter().filter(|(name, _)| name.contains("::")).map(|(n, h)| (n.as_str(), h))
    }
}

/// The rows of a table, left and right of `separator`.
fn table(
    markdown: &str,
    heading: &str,
    separator: &str,
) -> Result<Vec<(Vec<String>, Vec<String>)>> {
    let mut rows = Vec::new();
    for line in statements(block(markdown, heading)?) {
        if let Some((left, right)) = line.split_once(separator) {
            rows.push((names(left), names(right)));
        } else if !line.contains('=') {
            return Err(format!("ARCHITECTURE.md, {heading}: no `{separator}` in `{line}`").into());
        }
    }
    Ok(rows)
}

/// The lines of the first ```` ```text ```` block under a heading.
fn block<'m>(markdown: &'m str, heading: &str) -> Result<Vec<&'m str>> {
    let is_heading =
        |line: &&str| line.starts_with('#') && line.trim_start_matches('#').trim() == heading;
    let lines: Vec<_> = markdown
        .lines()
        .skip_while(|line| !is_heading(line))
        .skip(1)
        .take_while(|line| !line.starts_with('#'))
        .skip_while(|line| line.trim() != "```text")
        .skip(1)
        .take_while(|line| line.trim() != "```")
        .collect();
    if lines.is_empty() {
        return Err(
            format!("ARCHITECTURE.md has no ```text block under the heading `{heading}`").into()
        );
    }
    Ok(lines)
}

/// Lines with their continuations (indented) joined, and remarks in parentheses taken out.
fn statements(lines: Vec<&str>) -> Vec<String> {
    let mut joined: Vec<String> = Vec::new();
    for line in lines.into_iter().filter(|line| !line.trim().is_empty()) {
        match joined.last_mut() {
            Some(last) if line.starts_with(' ') => {
                last.push(' ');
                last.push_str(line.trim());
            }
            _ => joined.push(line.trim().to_owned()),
        }
    }
    joined.iter().map(|line| without_remarks(line)).collect()
}

fn without_remarks(line: &str) -> String {
    let mut depth = 0_usize;
    let mut kept = String::new();
    for c in line.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            c if depth == 0 => kept.push(c),
            _ => {}
        }
    }
    kept
}

fn names(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
