//! A route: a part of a resource, and what it takes to reach it.

use std::collections::{BTreeMap, HashSet};

use bailiwick_guard::Rule;
use http::Method;
use toml::Spanned;

use super::calls::{self, Calls};
use super::limits::{self, Limits, LimitsTable};
use super::reading::{Checked, fault, parsed};
use super::rule::{self, DetailTable};
use super::tables::tables;
use super::upgrade::{self, Upgrades};
use crate::route::{Pattern, Trie};

/// A part of a resource and what it takes to reach it.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// The paths, below the resource's prefix.
    pub path: Pattern,
    /// The methods; empty is every method that no other route of the same path names.
    pub methods: Vec<Method>,
    /// Who may pass.
    pub access: Access,
    /// Whether `Authorization` and `DPoP` are passed on to the upstream.
    pub forward_token: bool,
    /// What the calls in its bodies need beside that; `None` where bodies are not looked at.
    pub calls: Option<Calls>,
    /// Whether what would be refused is let through, and only counted, logged and recorded.
    pub report_only: bool,
    /// Its own limits, beside those of the resource.
    pub limits: Limits,
    /// Which protocols connections may switch to.
    pub upgrade: Upgrades,
    /// The most octets that the body of a request may have; `None` is what the resource says.
    pub max_body: Option<u64>,
}

/// Who may pass a route.
#[derive(Debug, Clone, PartialEq)]
pub enum Access {
    /// Everyone, without a token.
    Public,
    /// Who has a token for the resource with all that the rule asks for, which may be nothing.
    Token(Box<Rule>),
}

impl Route {
    /// What a token needs here, part by part, in words; nothing where everyone may pass.
    pub fn needs(&self) -> Vec<String> {
        self.access.rule().map(rule::in_words).unwrap_or_default()
    }
}

impl Access {
    /// The rule for tokens; `None` where everyone may pass.
    pub fn rule(&self) -> Option<&Rule> {
        match self {
            Self::Public => None,
            Self::Token(rule) => Some(rule),
        }
    }
}

tables! {
    /// A part of a resource and what it takes to reach it: what its token must have, mostly
    /// `scopes`, or `public = true`. All that is said must be met. Which route a request takes depends on its path alone, never on the order in the
    /// file: segment by segment from the left a literal beats `*`, and `*` beats `**`. Its method
    /// is looked at afterwards; one that the chosen path does not have is answered with 405.
    "`routes`" RouteTable {
        /// The path below the prefix. A segment is literal, `*` (any one segment) or, as the last,
        /// `**` (any number of segments, none too). A slash at the end of a request's path makes
        /// no difference.
        path: Spanned<String>, "pattern", "required";
        /// The methods; without it, all that no other route with the same path names. `GET` does
        /// not include `HEAD`.
        methods: Option<Spanned<Vec<Spanned<String>>>>, "list of methods", "all";
        /// The scopes that the token must have, all of them. An empty list takes any token for
        /// this resource.
        scopes: Option<Spanned<Vec<Spanned<String>>>>, "list of scopes", "none";
        /// Scopes, one of which the token must have. Clients are told of the first: put the least
        /// there.
        any_scope: Option<Spanned<Vec<Spanned<String>>>>, "list of scopes", "none";
        /// Roles, one of which the token must have, from wherever its issuer puts them.
        any_role: Option<Spanned<Vec<Spanned<String>>>>, "list of texts", "none";
        /// Claims of the token, each with what it must be: a value, a list of values of which it
        /// must be one, `{ contains = value }` for a list or a text of names, or
        /// `{ present = true }`. A name with a slash in front is a JSON pointer (RFC 6901).
        claims: Option<Spanned<BTreeMap<Spanned<String>, Spanned<toml::Value>>>>, "table", "none";
        /// The only clients that are let in.
        clients: Option<Spanned<Vec<Spanned<String>>>>, "list of client identifiers", "all";
        /// The only subjects that are let in. Where the resource trusts several issuers, `claims`
        /// must say which `iss` is meant.
        subjects: Option<Spanned<Vec<Spanned<String>>>>, "list of texts", "all";
        /// Authentication context classes, one of which the login must have had. Clients whose
        /// login was weaker are told to sign the user in again (RFC 9470).
        acr: Option<Spanned<Vec<Spanned<String>>>>, "list of texts", "any";
        /// How long ago the login may have been; 0 is just now.
        max_age: Option<Spanned<u64>>, "seconds", "any time";
        /// Authorization details (RFC 9396) that the token must have, each of them.
        authorization_details: Option<Spanned<Vec<Spanned<DetailTable>>>>, "tables", "none";
        /// Let everyone pass, without a token and without identity headers.
        public: Option<Spanned<bool>>, "boolean", "`false`";
        /// Pass `Authorization` and `DPoP` on to the upstream, which then can act as the client.
        forward_token: Option<bool>, "boolean", "`false`";
        /// In front of a Model Context Protocol server: the further scopes that `tools/call` needs,
        /// by the tool's name, as in `{ create_issue = ["write:issues"], "*" = ["read:issues"] }`.
        /// `*` is every tool that is not listed; without it, nobody may call those.
        tools: Option<Spanned<calls::Table>>, "table of scopes", "none";
        /// The further scopes of JSON-RPC methods, as in `{ "resources/*" = ["read:files"] }`: by
        /// name, or by the beginning of the name. Others need those of the route.
        calls: Option<Spanned<calls::Table>>, "table of scopes", "none";
        /// The most octets that the body of a request may have, in place of the resource's.
        max_body: Option<u64>, "octets", "the resource's";
        /// The longest JSON-RPC message, where `tools` or `calls` make the gateway read them.
        max_message: Option<Spanned<usize>>, "octets", "`1048576`";
        /// Let through what would be refused, without identity headers, and count and log it as
        /// `reported`: for the time in which clients learn to send tokens. Requests that are
        /// malformed are refused all the same.
        report_only: Option<Spanned<bool>>, "boolean", "`false`";
        /// Limits of this route.
        limits: Option<LimitsTable>, "table", "none";
        /// Let connections switch to another protocol (`Upgrade`, RFC 9110 §7.8): to any that the
        /// upstream agrees to, or to those listed, such as `["websocket"]`.
        upgrade: Option<Spanned<Upgrades>>, "boolean or list of texts", "`false`";
    }
}

/// Checks one route.
pub(super) fn check(table: &RouteTable) -> Checked<Route> {
    let path = parsed(&table.path, Pattern::parse, |error| format!("not a route's path: {error}"))?;
    let mut methods = Vec::new();
    if let Some(names) = &table.methods {
        if names.get_ref().is_empty() {
            return Err(fault(names, "no method; leave `methods` out to allow all of them"));
        }
        for name in names.get_ref() {
            let method = method(name)?;
            if methods.contains(&method) {
                return Err(fault(name, format!("{method} is listed twice")));
            }
            methods.push(method);
        }
    }
    let access = rule::access(table)?;
    Ok(Route {
        path,
        methods,
        forward_token: table.forward_token.unwrap_or(false),
        max_body: table.max_body,
        calls: calls::check(table)?,
        report_only: report_only(table, &access)?,
        limits: limits::check(table.limits.as_ref())?,
        access,
        upgrade: upgrade::check(table.upgrade.as_ref())?,
    })
}

fn report_only(table: &RouteTable, access: &Access) -> Checked<bool> {
    match &table.report_only {
        Some(report) if *report.get_ref() && *access == Access::Public => {
            Err(fault(report, "a public route refuses nothing; remove one of the two"))
        }
        Some(report) if *report.get_ref() && (table.tools.is_some() || table.calls.is_some()) => {
            Err(fault(
                report,
                "bodies are read for whoever has a token; remove `tools` and `calls`",
            ))
        }
        report => Ok(report.as_ref().is_some_and(|report| *report.get_ref())),
    }
}

fn method(name: &Spanned<String>) -> Checked<Method> {
    let text = name.get_ref();
    let is_usual = !text.is_empty() && text.bytes().all(|c| c.is_ascii_uppercase() || c == b'-');
    match Method::from_bytes(text.as_bytes()) {
        Ok(Method::CONNECT | Method::TRACE) => {
            Err(fault(name, format!("{text} is never forwarded; remove it")))
        }
        Ok(method) if is_usual => Ok(method),
        _ => Err(fault(name, "not a method; write it in capitals, such as \"GET\"")),
    }
}

/// Each method of a path belongs to one route, and no `**` is hidden behind others.
pub(super) fn unambiguous(tables: &[Spanned<RouteTable>], routes: &[Route]) -> Checked<()> {
    let mut seen: HashSet<(&Pattern, Option<&Method>)> = HashSet::new();
    let mut trie = Trie::new();
    for (at, (table, route)) in tables.iter().zip(routes).enumerate() {
        let methods = route.methods.iter().map(Some);
        let everything = route.methods.is_empty().then_some(None);
        for method in methods.chain(everything) {
            if !seen.insert((&route.path, method)) {
                let what = method.map_or("every other method", Method::as_str);
                return Err(fault(
                    &table.get_ref().path,
                    format!(
                        "another route has {what} of {} already; this one is unreachable for \
                             it: merge the two or change one",
                        route.path
                    ),
                ));
            }
        }
        *trie.entry(&route.path) = Some(at);
    }
    match trie.unreachable() {
        Some(at) => Err(fault(
            &tables[*at].get_ref().path,
            format!(
                "{} is unreachable: more specific routes take every path of it; remove it",
                routes[*at].path
            ),
        )),
        None => Ok(()),
    }
}
