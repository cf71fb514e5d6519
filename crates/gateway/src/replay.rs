//! Replaying recorded decisions against another configuration: what it would change.
//!
//! A record holds no subject, claim or path, so some rules cannot be decided from it; which, is
//! told.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, BufRead};

use bailiwick_guard::{Implied, Reason, Rule, Step};
use bailiwick_oauth::Scopes;
use http::Method;

use crate::config::{Access, Config, Protected, Route, Trusted};
use crate::path::Path;
use crate::records::{Record, Token};
use crate::route::{Chosen, NoRoute, Pattern, Routes};

/// What another configuration would change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// How many decisions were replayed.
    pub records: u64,
    /// How many lines were no record.
    pub unreadable: u64,
    /// What becomes of them, for each route whose decisions are not all as before.
    pub routes: BTreeMap<RecordedRoute, Changes>,
}

/// A route as it was when the decision was recorded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordedRoute {
    /// The identifier of the resource.
    pub resource: String,
    /// The path.
    pub path: String,
    /// The method of the requests.
    pub method: String,
}

/// What becomes of the decisions on one route; with each of them how often.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// As before.
    pub unchanged: u64,
    /// Passed, and would be refused: why, and for which client with which scopes.
    pub refused: BTreeMap<String, u64>,
    /// Was refused, and would pass: why it was, and for whom.
    pub passing: BTreeMap<String, u64>,
    /// Cannot be told from the record: for want of what.
    pub undecidable: BTreeMap<String, u64>,
}

/// What would become of a recorded request.
enum Becomes {
    Passes,
    Refused(String),
    Undecidable(String),
}

impl Replayed {
    /// Replays records against a configuration.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn of(records: impl BufRead, config: &Config) -> io::Result<Self> {
        let mut replayed = Self::default();
        let mut all = Vec::new();
        for line in records.lines() {
            match serde_json::from_str::<Record>(&line?) {
                Ok(record) => all.push(record),
                Err(_) => replayed.unreadable += 1,
            }
        }
        let world = World {
            config,
            routes: Routes::new(&config.resources),
            recorded: all.iter().map(|at| (at.resource.clone(), at.route.clone())).collect(),
        };
        for record in &all {
            replayed.records += 1;
            let route = RecordedRoute {
                resource: record.resource.clone(),
                path: record.route.clone(),
                method: record.method.clone(),
            };
            let changes = replayed.routes.entry(route).or_default();
            let whom = || match &record.token {
                Some(Token { client, scopes, .. }) => {
                    format!("{} with \"{scopes}\"", client.as_deref().unwrap_or("no client"))
                }
                None => "no good token".to_owned(),
            };
            let counted = match (record.passed(), world.becomes(record)) {
                (true, Becomes::Refused(why)) => {
                    changes.refused.entry(format!("{why}: {}", whom()))
                }
                (false, Becomes::Passes) => {
                    changes.passing.entry(format!("{}: {}", record.reason, whom()))
                }
                (_, Becomes::Undecidable(why)) => changes.undecidable.entry(why),
                _ => {
                    changes.unchanged += 1;
                    continue;
                }
            };
            *counted.or_default() += 1;
        }
        replayed.routes.retain(|_, changes| !changes.is_nothing());
        Ok(replayed)
    }

    /// Whether something that passed would be refused.
    pub fn refuses_more(&self) -> bool {
        self.routes.values().any(|changes| !changes.refused.is_empty())
    }
}

impl Changes {
    fn is_nothing(&self) -> bool {
        self.refused.is_empty() && self.passing.is_empty() && self.undecidable.is_empty()
    }
}

impl Record {
    /// Whether the request was let through, by a token, a public route, or to be reported only.
    fn passed(&self) -> bool {
        self.verdict != "refused"
    }

    /// What was wrong with the token itself, whatever the route asks for.
    fn token_is_bad(&self) -> Option<&str> {
        let reason = Reason::ALL.iter().find(|reason| reason.as_str() == self.reason)?;
        (reason.step() != Step::Allowed).then_some(reason.as_str())
    }
}

/// Another configuration, and what the records tell of the one before.
struct World<'c> {
    config: &'c Config,
    routes: Routes,
    /// Resources and paths.
    recorded: BTreeSet<(String, String)>,
}

impl World<'_> {
    fn becomes(&self, record: &Record) -> Becomes {
        let resources = &self.config.resources;
        let is_it = |resource: &&Protected| resource.identifier.as_str() == record.resource;
        let Some(resource) = resources.iter().find(is_it) else {
            return Becomes::Refused("the resource is gone".to_owned());
        };
        let (Ok(path), Ok(method)) =
            (Pattern::parse(&record.route), Method::from_bytes(record.method.as_bytes()))
        else {
            return Becomes::Undecidable("the record's route or method is malformed".to_owned());
        };
        match self.route(resource, &path, &method) {
            Ok(route) => decide(record, resource, route),
            Err(becomes) => becomes,
        }
    }

    /// The route that takes a path's requests now.
    fn route<'r>(
        &self,
        resource: &'r Protected,
        path: &Pattern,
        method: &Method,
    ) -> Result<&'r Route, Becomes> {
        let is_new = |route: &&Route| {
            let name = (resource.identifier.to_string(), route.path.as_str().to_owned());
            !self.recorded.contains(&name)
        };
        let mut others = resource.routes.iter().filter(|route| route.path.takes_from(path));
        if let Some(taker) = others.find(is_new) {
            let why = format!("{} takes some of its paths, and paths are not recorded", taker.path);
            return Err(Becomes::Undecidable(why));
        }
        let same: Vec<&Route> = resource.routes.iter().filter(|at| at.path == *path).collect();
        let named = same.iter().find(|route| route.methods.contains(method));
        let any_other = || same.iter().find(|route| route.methods.is_empty());
        match named.or_else(any_other) {
            Some(route) => Ok(route),
            None if !same.is_empty() => {
                Err(Becomes::Refused("the path does not have the method any more".to_owned()))
            }
            None if path.is_literal() => self.literal(resource, path, method),
            None => {
                let why = "the path is gone, and which other route takes what it took is not \
                           recorded";
                Err(Becomes::Undecidable(why.to_owned()))
            }
        }
    }

    /// A path without `*` is the path of its requests.
    fn literal<'r>(
        &self,
        resource: &'r Protected,
        path: &Pattern,
        method: &Method,
    ) -> Result<&'r Route, Becomes> {
        let gone = |why: &str| Becomes::Refused(why.to_owned());
        let full = format!("{}{}", resource.prefix, path.as_str());
        let full = Path::parse(&full).map_err(|_| gone("the path is gone"))?;
        let host = resource.host.as_deref().unwrap_or_default();
        match self.routes.find(host, full, method, &self.config.resources) {
            Ok(Chosen { route, .. }) => resource.routes.get(route).ok_or_else(|| gone("gone")),
            Err(NoRoute::Method(..)) => Err(gone("the path does not have the method any more")),
            Err(_) => Err(gone("the path is gone")),
        }
    }
}

fn decide(record: &Record, resource: &Protected, route: &Route) -> Becomes {
    let rule = match &route.access {
        Access::Public => return Becomes::Passes,
        Access::Token(_) if route.report_only => return Becomes::Passes,
        Access::Token(rule) => rule,
    };
    if let Some(reason) = record.token_is_bad() {
        return Becomes::Refused(reason.to_owned());
    }
    let Some(token) = &record.token else {
        return Becomes::Undecidable("the record has no token, since none was needed".to_owned());
    };
    let is_trusted = |issuer: &Trusted| issuer.trust.issuer.find(&token.issuer).is_some();
    if !resource.issuers.iter().any(is_trusted) {
        return Becomes::Refused(Reason::IssuerMismatch.as_str().to_owned());
    }
    let Ok(held) = Scopes::parse(&token.scopes) else {
        return Becomes::Undecidable("the record's scopes are malformed".to_owned());
    };
    let is_in = |client: &str| token.client.as_deref() == Some(client);
    if rule.clients.as_ref().is_some_and(|all| !all.iter().any(|one| is_in(one.as_str()))) {
        return Becomes::Refused(Reason::ClientRefused.as_str().to_owned());
    }
    if rule.scope.check(&held, &Implied::new(resource.implies.iter().cloned())).is_err() {
        return Becomes::Refused(Reason::InsufficientScope.as_str().to_owned());
    }
    match unrecorded(rule) {
        Some(what) => Becomes::Undecidable(format!("{what} of a token are not recorded")),
        None => Becomes::Passes,
    }
}

/// What a rule looks at and no record holds.
fn unrecorded(rule: &Rule) -> Option<String> {
    let parts = [
        ("subjects", rule.subjects.is_some()),
        ("roles", !rule.roles.is_empty()),
        ("claims", !rule.claims.is_empty() || !rule.policies.is_empty()),
        ("authorization details", !rule.details.is_empty()),
        ("logins", rule.login != bailiwick_guard::LoginRule::ANY),
    ];
    let looked_at: Vec<&str> =
        parts.into_iter().filter(|(_, is)| *is).map(|(what, _)| what).collect();
    (!looked_at.is_empty()).then(|| looked_at.join(", "))
}

/// For people: the routes that change, and in sum.
impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sums = [0; 3];
        for (RecordedRoute { resource, path, method }, changes) in &self.routes {
            writeln!(f, "{resource} {method} {path}")?;
            let kinds = [
                ("would be refused", &changes.refused),
                ("would pass", &changes.passing),
                ("undecidable", &changes.undecidable),
            ];
            for ((what, counts), sum) in kinds.into_iter().zip(&mut sums) {
                for (why, count) in counts {
                    writeln!(f, "  {what:<16} {count:>8}  {why}")?;
                    *sum += count;
                }
            }
        }
        let [refused, passing, undecidable] = sums;
        let unchanged = self.records - refused - passing - undecidable;
        write!(
            f,
            "{} decisions: {unchanged} unchanged, {refused} would be refused, {passing} would \
             pass, {undecidable} undecidable",
            self.records
        )?;
        if self.unreadable > 0 {
            write!(f, "; {} lines are no records", self.unreadable)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(routes: &str) -> Config {
        let text = format!(
            "[[resource]]\nidentifier = \"https://a\"\nissuer = \"https://id\"\n\
             upstream = \"http://127.0.0.1:1\"\nprefix = \"/a\"\nroutes = [{routes}]\n\
             implies = {{ admin = [\"read\"] }}\n"
        );
        Config::parse("next.toml", &text).unwrap()
    }

    fn record(route: &str, verdict: &str, reason: &str, scopes: Option<&str>) -> String {
        let token = scopes.map_or(String::new(), |scopes| {
            format!(",\"issuer\":\"https://id\",\"client\":\"shop\",\"scopes\":\"{scopes}\"")
        });
        format!(
            "{{\"time\":\"2026-01-01T00:00:00Z\",\"resource\":\"https://a\",\"route\":\"{route}\",\
             \"method\":\"GET\",\"verdict\":\"{verdict}\",\"reason\":\"{reason}\"{token}}}\n"
        )
    }

    /// The first line of what changes, or the sum when nothing does.
    fn verdict(records: &str, routes: &str) -> String {
        let replayed = Replayed::of(records.as_bytes(), &config(routes)).unwrap().to_string();
        let line = replayed.lines().nth(1).or(replayed.lines().next()).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_changes_is_told_with_its_reason() {
        let good = |scopes| record("/files/**", "permitted", "", Some(scopes));
        let poor = record("/files/**", "refused", "insufficient_scope", Some("other"));
        let bad = |verdict| record("/files/**", verdict, "expired", None);
        let public = record("/files/**", "public", "", None);
        let none = "1 decisions: 1 unchanged,";
        let read = "{ path = \"/files/**\", scopes = [\"read\"] }";
        for (record, routes, expected) in [
            (good("read"), read, none),
            (good("admin"), read, none),
            (good("write"), read, "would be refused 1 insufficient_scope: shop with \"write\""),
            (poor.clone(), read, none),
            (
                poor,
                "{ path = \"/files/**\", scopes = [] }",
                "would pass 1 insufficient_scope: shop with \"other\"",
            ),
            (bad("refused"), read, none),
            (bad("reported"), read, "would be refused 1 expired: no good token"),
            (bad("reported"), "{ path = \"/files/**\", scopes = [], report_only = true }", none),
            (
                bad("refused"),
                "{ path = \"/files/**\", public = true }",
                "would pass 1 expired: no good token",
            ),
            (public, read, "undecidable 1 the record has no token, since none was needed"),
            (
                good("read"),
                "{ path = \"/files/**\", scopes = [\"read\"], any_role = [\"r\"], subjects = [\"s\"] }",
                "undecidable 1 subjects, roles of a token are not recorded",
            ),
            (
                good("write"),
                "{ path = \"/files/**\", scopes = [\"read\"], any_role = [\"r\"] }",
                "would be refused 1 insufficient_scope: shop with \"write\"",
            ),
            (
                good("read"),
                "{ path = \"/files/**\", scopes = [], clients = [\"other\"] }",
                "would be refused 1 client_refused: shop with \"read\"",
            ),
            (
                good("read"),
                "{ path = \"/files/**\", methods = [\"PUT\"], scopes = [] }",
                "would be refused 1 the path does not have the method any more: shop with \"read\"",
            ),
            (
                good("read"),
                "{ path = \"/**\", scopes = [] }",
                "undecidable 1 the path is gone, and which other route takes what it took is not \
                 recorded",
            ),
            (
                good("read"),
                &format!("{read}, {{ path = \"/files/secret\", scopes = [\"admin\"] }}"),
                "undecidable 1 /files/secret takes some of its paths, and paths are not recorded",
            ),
            (good("read"), &format!("{read}, {{ path = \"/**\", scopes = [] }}"), none),
            (
                record("/files/a", "permitted", "", Some("read")),
                "{ path = \"/files/*\", scopes = [\"write\"] }",
                "would be refused 1 insufficient_scope: shop with \"read\"",
            ),
        ] {
            let said = verdict(&record, routes);
            assert!(said.starts_with(expected), "{record}{routes}: {said}");
        }
    }

    #[test]
    fn lines_that_are_no_records_are_counted() {
        let read = "{ path = \"/**\", scopes = [] }";
        let records = format!("{}{{}}\n", record("/**", "permitted", "", Some("")));
        let replayed = Replayed::of(records.as_bytes(), &config(read)).unwrap();
        assert_eq!((replayed.records, replayed.unreadable), (1, 1));
        assert!(!replayed.refuses_more() && replayed.routes.is_empty());
    }
}
