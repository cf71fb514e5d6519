//! Writes SPECS.md: RFC section → rule → test.
//!
//! Rules are files whose first doc paragraph names a section; tests are those that cite one
//! (`//= https://www.rfc-editor.org/rfc/rfcNNNN#section-X`, `//= type=test`, `//# the sentence`);
//! deviations are the lines `Deviates: RFC NNNN §X — what is done instead` of the decision records.

mod citation;
mod reference;
mod render;
mod title;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::Result;
use crate::workspace::{Workspace, files};
use reference::{Reference, Section, Spec};

const PAGE: &str = "SPECS.md";

/// Folders whose files may cite; `xtask` itself is no part of the product.
const CITING: [&str; 4] = ["crates", "examples", "testkit", "e2e"];

/// All that SPECS.md says.
#[derive(Default)]
struct Specs {
    sections: BTreeMap<Spec, BTreeMap<Section, Entry>>,
    deviations: BTreeSet<Deviation>,
}

/// What the repository holds about one section.
#[derive(Default)]
struct Entry {
    rules: BTreeSet<Rule>,
    proofs: BTreeSet<Proof>,
}

/// A file that names the section in its first paragraph.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rule {
    file: String,
}

/// A test that cites a sentence of the section.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Proof {
    sentence: String,
    test: String,
    file: String,
}

/// A place where we do otherwise, and the record that says why.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Deviation {
    reference: Reference,
    instead: String,
    record: String,
}

/// Writes SPECS.md.
pub(crate) fn write(workspace: &Workspace) -> Result<()> {
    fs::write(workspace.root.join(PAGE), page(workspace)?)?;
    println!("specs: {PAGE} is written");
    Ok(())
}

/// Fails when SPECS.md is not what [`write()`] would make.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let written = fs::read_to_string(workspace.root.join(PAGE)).unwrap_or_default();
    if written != page(workspace)? {
        return Err(format!("{PAGE} is stale; run `cargo xtask specs` and commit it").into());
    }
    println!("specs: {PAGE} is up to date");
    Ok(())
}

fn page(workspace: &Workspace) -> Result<String> {
    let mut specs = Specs::default();
    let mut faults = Vec::new();
    specs.rules(workspace)?;
    specs.proofs(workspace, &mut faults)?;
    specs.deviations(workspace, &mut faults)?;
    if faults.is_empty() { Ok(render::page(&specs)) } else { Err(faults.join("\n").into()) }
}

impl Specs {
    fn entry(&mut self, reference: Reference) -> &mut Entry {
        self.sections.entry(reference.spec).or_default().entry(reference.section).or_default()
    }

    fn rules(&mut self, workspace: &Workspace) -> Result<()> {
        for file in files(&workspace.root.join("crates"), &["rs"])? {
            let name = workspace.relative(&file);
            if name.split('/').nth(2) != Some("src") {
                continue;
            }
            for reference in reference::find(&first_paragraph(&fs::read_to_string(&file)?)) {
                self.entry(reference).rules.insert(Rule { file: name.clone() });
            }
        }
        Ok(())
    }

    fn proofs(&mut self, workspace: &Workspace, faults: &mut Vec<String>) -> Result<()> {
        for folder in CITING {
            for file in files(&workspace.root.join(folder), &["rs", "js", "mjs", "ts"])? {
                let name = workspace.relative(&file);
                for citation in citation::find(&fs::read_to_string(&file)?) {
                    match citation {
                        Ok(citation) => {
                            let test = format!("{}::{}", module(&name), citation.test);
                            let proof =
                                Proof { sentence: citation.sentence, test, file: name.clone() };
                            self.entry(citation.reference).proofs.insert(proof);
                        }
                        Err(fault) => faults.push(format!("{name}:{fault}")),
                    }
                }
            }
        }
        Ok(())
    }

    fn deviations(&mut self, workspace: &Workspace, faults: &mut Vec<String>) -> Result<()> {
        for file in files(&workspace.root.join("docs/adr"), &["md"])? {
            let record = workspace.relative(&file);
            for (at, line) in fs::read_to_string(&file)?.lines().enumerate() {
                let line = line.trim_start_matches(['-', '*', '>', ' ']);
                let Some(deviation) = line.strip_prefix("Deviates:") else { continue };
                let read = deviation.split_once('—').and_then(|(reference, instead)| {
                    let reference = reference::find(reference).into_iter().next()?;
                    let instead = instead.trim().to_owned();
                    Some(Deviation { reference, instead, record: record.clone() })
                });
                match read {
                    Some(deviation) => _ = self.deviations.insert(deviation),
                    None => faults.push(format!(
                        "{record}:{}: write `Deviates: RFC NNNN §X — what is done instead`",
                        at + 1
                    )),
                }
            }
        }
        Ok(())
    }
}

/// The first paragraph of a file's `//!` lines.
fn first_paragraph(text: &str) -> String {
    let doc = text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
    doc.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The path of a file as a module: `crates/oauth/src/resource.rs` is `oauth::resource`.
fn module(file: &str) -> String {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let parts = stem
        .split('/')
        .filter(|part| !matches!(*part, "crates" | "examples" | "src" | "lib" | "main" | "mod"));
    parts.collect::<Vec<_>>().join("::")
}

#[cfg(test)]
mod tests;
