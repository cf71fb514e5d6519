//! What the calls of a Model Context Protocol server need: scopes by method and by tool.

use std::collections::{BTreeMap, HashSet};

use bailiwick_oauth::{Scope, Scopes};
use toml::Spanned;

use super::reading::{Checked, fault, parsed};
use super::route::RouteTable;
use super::upgrade::Upgrades;
use crate::mcp::{TOOL_CALL, folded};

/// What the calls in the bodies of a route's requests need, beside the scopes of the route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calls {
    /// The most octets of a body.
    pub limit: usize,
    methods: Listed,
    tools: Option<Tools>,
}

/// The tools that may be called.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Tools {
    listed: Listed,
    /// What all others need; `None` when nobody may call them.
    others: Option<Scopes>,
}

/// Scopes by name, and the names without what tells capitals from small letters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Listed {
    scopes: BTreeMap<String, Scopes>,
    folded: HashSet<String>,
}

/// What a tool needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Tool<'c> {
    /// These scopes, beside the others.
    Needs(&'c Scopes),
    /// It is not listed, and the list has no `*`.
    Unlisted,
}

/// A name that a lenient server takes for a listed one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NearMiss;

impl Calls {
    /// What a method needs: its own entry, or that of the longest beginning of it.
    pub(crate) fn method(&self, method: &str) -> Result<Scopes, NearMiss> {
        // Known without an entry: no other spelling of it may pass for a method that has none.
        if method != TOOL_CALL && folded(method) == TOOL_CALL {
            return Err(NearMiss);
        }
        if let Some(scopes) = self.methods.find(method)? {
            return Ok(scopes.clone());
        }
        for (slash, _) in method.rmatch_indices('/') {
            if let Some(scopes) = self.methods.find(&format!("{}/*", &method[..slash]))? {
                return Ok(scopes.clone());
            }
        }
        Ok(Scopes::new())
    }

    /// What a tool needs beside what the method does.
    pub(crate) fn tool(&self, name: &str) -> Result<Tool<'_>, NearMiss> {
        const NOTHING: &Scopes = &Scopes::new();
        let Some(tools) = &self.tools else { return Ok(Tool::Needs(NOTHING)) };
        let listed = tools.listed.find(name)?;
        Ok(listed.or(tools.others.as_ref()).map_or(Tool::Unlisted, Tool::Needs))
    }
}

impl Listed {
    fn add(&mut self, name: String, scopes: Scopes) {
        self.folded.insert(folded(&name));
        self.scopes.insert(name, scopes);
    }

    fn find(&self, name: &str) -> Result<Option<&Scopes>, NearMiss> {
        match self.scopes.get(name) {
            None if self.folded.contains(&folded(name)) => Err(NearMiss),
            found => Ok(found),
        }
    }
}

/// Scopes by name, as the file has them.
pub(super) type Table = BTreeMap<Spanned<String>, Spanned<Vec<Spanned<String>>>>;

/// Checks what a route says of calls; `None` when it says nothing, and bodies are not read.
pub(super) fn check(table: &RouteTable) -> Checked<Option<Calls>> {
    let limit = match &table.max_message {
        Some(limit) if !(1..=MOST).contains(limit.get_ref()) => {
            return Err(fault(limit, format!("expected 1 to {MOST} octets")));
        }
        Some(limit) => *limit.get_ref(),
        None => USUAL,
    };
    let Some(first) = table.tools.as_ref().or(table.calls.as_ref()) else {
        return match &table.max_message {
            Some(limit) => Err(fault(limit, "no message is read here; add `tools` or `calls`")),
            None => Ok(None),
        };
    };
    if table.public.as_ref().is_some_and(|public| *public.get_ref()) {
        return Err(fault(first, "a public route needs no scopes; remove one of the two"));
    }
    if let Some(any) = &table.any_scope {
        return Err(fault(
            any,
            "`tools` and `calls` add to `scopes`, which are all needed; use that",
        ));
    }
    if let Some(upgrade) = table.upgrade.as_ref().filter(|it| *it.get_ref() != Upgrades::None) {
        return Err(fault(upgrade, "calls could not be read in what the connection switches to"));
    }
    let mut methods = Listed::default();
    for (name, needed) in table.calls.as_ref().map(Spanned::get_ref).into_iter().flatten() {
        let is_pattern = name.get_ref().strip_suffix("/*").is_some_and(is_plain);
        if !is_pattern && !is_plain(name.get_ref()) {
            return Err(fault(
                name,
                "not a method; write it as \"resources/read\", or its beginning as \"resources/*\"",
            ));
        }
        methods.add(name.get_ref().clone(), scopes(needed)?);
    }
    let tools = table.tools.as_ref().map(|tools| self::tools(tools.get_ref())).transpose()?;
    Ok(Some(Calls { limit, methods, tools }))
}

fn tools(table: &Table) -> Checked<Tools> {
    let mut tools = Tools { listed: Listed::default(), others: None };
    for (name, needed) in table {
        let scopes = scopes(needed)?;
        match name.get_ref().as_str() {
            "*" => tools.others = Some(scopes),
            plain if is_plain(plain) => tools.listed.add(plain.to_owned(), scopes),
            _ => {
                return Err(fault(
                    name,
                    "not a tool; write its whole name, or \"*\" for all that are not listed",
                ));
            }
        }
    }
    Ok(tools)
}

fn scopes(names: &Spanned<Vec<Spanned<String>>>) -> Checked<Scopes> {
    let scope = |name| parsed(name, Scope::parse, |error| format!("not a scope: {error}"));
    names.get_ref().iter().map(scope).collect()
}

/// Whether a name stands for nothing but itself.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.trim() == name && !name.contains(|c: char| c == '*' || c.is_control())
}

const USUAL: usize = 1 << 20;
const MOST: usize = 64 << 20;
