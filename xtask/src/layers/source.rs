//! What source files show: names of modules, and paths into foreign crates.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::charter::Charter;
use super::{NAMELESS, Violation};
use crate::Result;
use crate::workspace::{Package, Workspace, files};

/// Checks the source files of a package.
pub(super) fn check(
    workspace: &Workspace,
    package: &Package,
    charter: &Charter,
    violations: &mut BTreeSet<Violation>,
) -> Result<()> {
    for file in files(package.folder(), &["rs"])? {
        let text = fs::read_to_string(&file)?;
        let inside = file.strip_prefix(package.folder()).unwrap_or(&file);
        let name = workspace.relative(&file);
        let mut forbid = |fault: String, remedy: String| {
            violations.insert(Violation { file: name.clone(), fault, remedy });
        };
        for module in nameless(inside, &text) {
            let fault = format!("a module called `{module}` (Never 5)");
            forbid(fault, "name it by what it does".into());
        }
        if !inside.starts_with("src") || inside.ends_with("tests.rs") {
            continue;
        }
        for (path, homes) in charter.paths() {
            if !homes.contains(package.row()) && mentions(product(&text), path) {
                let homes: Vec<_> = homes.iter().map(String::as_str).collect();
                forbid(
                    format!("`{path}` (Never 4)"),
                    format!("it stands in {} alone", homes.join(", ")),
                );
            }
        }
    }
    Ok(())
}

/// Modules without a real name: by file, by folder, or written in place.
fn nameless<'t>(file: &'t Path, text: &'t str) -> BTreeSet<&'t str> {
    let parts =
        file.components().filter_map(|part| Path::new(part.as_os_str()).file_stem()?.to_str());
    let declared = text.lines().filter_map(declared_module);
    parts.chain(declared).filter(|name| NAMELESS.contains(name)).collect()
}

/// The name in a line such as `pub(crate) mod name;`.
fn declared_module(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = match line.strip_prefix("pub(") {
        Some(rest) => rest.split_once(')')?.1,
        None => line.strip_prefix("pub ").unwrap_or(line),
    };
    let name = line.trim_start().strip_prefix("mod ")?.trim_start();
    name.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

/// A file without its tests, which stand last.
fn product(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod ").next().unwrap_or(text)
}

/// Whether code names `a::b`, also in `a::{b, …}`.
fn mentions(text: &str, path: &str) -> bool {
    let Some((first, second)) = path.rsplit_once("::") else { return false };
    let code: String = text.lines().map(|line| line.split("//").next().unwrap_or(line)).collect();
    let first = format!("{first}::");
    code.match_indices(&first).any(|(at, _)| {
        let begins_there = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let rest = code[at + first.len()..].trim_start();
        begins_there
            && match rest.strip_prefix('{') {
                Some(group) => members(group).iter().any(|member| is_word(member, second)),
                None => is_word(rest, second),
            }
    })
}

/// The members of a `{…}` group, from behind its opening brace, without what is nested in them.
fn members(group: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                found.push(group[start..at].trim());
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(group[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    found
}

fn is_word(text: &str, word: &str) -> bool {
    text.strip_prefix(word)
        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_alone_and_in_a_group() {
        for code in [
            "use hyper_util::client::legacy::Client;",
            "use hyper_util::{rt::{TokioIo, TokioExecutor}, client::legacy::Client};",
            "use hyper_util::{\n    client,\n};",
            "let c = hyper_util::client::legacy::Client::builder(e);",
        ] {
            assert!(mentions(code, "hyper_util::client"), "{code}");
        }
        for code in [
            "use hyper_util::rt::TokioIo;",
            "use hyper_util::{rt::{client}, server};",
            "use hyper_util::clients;",
            "use my_hyper_util::client;",
            "// use hyper_util::client",
        ] {
            assert!(!mentions(code, "hyper_util::client"), "{code}");
        }
    }

    #[test]
    fn a_module_is_found_by_file_folder_and_declaration() {
        let found = |file: &str, text: &str| nameless(Path::new(file), text).len();
        assert_eq!(found("src/util.rs", ""), 1);
        assert_eq!(found("src/helpers/mod.rs", ""), 1);
        assert_eq!(found("src/lib.rs", "pub(crate) mod types;"), 1);
        assert_eq!(found("src/lib.rs", "    mod misc {"), 1);
        assert_eq!(found("src/lib.rs", "use core::fmt;\nmod coretime;\nmod r#type;"), 0);
        assert_eq!(found("src/utility.rs", "mod commons;"), 0);
    }
}
