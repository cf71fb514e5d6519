//! The rule of a route: what its token must say (RFC 6750 §3.1, RFC 9396 §9, RFC 9470 §3).

use bailiwick_guard::{ClaimPath, ClaimRule, ClaimTest, DetailRule, LoginRule, Rule, ScopeRule};
use bailiwick_oauth::{ClientId, Scope, Scopes, Subject};
use toml::{Spanned, Value};

use super::reading::{Checked, fault, parsed};
use super::route::{Access, RouteTable};
use super::tables::tables;

tables! {
    /// What one of the token's authorization details (RFC 9396) must hold, all of it in the same
    /// one. A detail that names other `locations` than this resource does not count.
    "`authorization_details`" DetailTable {
        /// The type, as the resource defines it.
        r#type: Spanned<String>, "text", "required";
        /// Actions, each of which it must name.
        actions: Option<Vec<String>>, "list of texts", "none";
        /// Data types, each of which it must name.
        datatypes: Option<Vec<String>>, "list of texts", "none";
        /// Privileges, each of which it must name.
        privileges: Option<Vec<String>>, "list of texts", "none";
        /// The identifier that it must have.
        identifier: Option<String>, "text", "any";
    }
}

/// Who may pass: everyone, or whoever has a token that the rule lets in. A route that says nothing
/// is refused.
pub(super) fn access(table: &RouteTable) -> Checked<Access> {
    let first = asks(table).into_iter().flatten().next();
    let is_public = table.public.as_ref().is_some_and(|public| *public.get_ref());
    match first {
        Some((name, span)) if is_public => {
            let why = format!("a public route needs no {name}; remove one of the two");
            Err(super::reading::Fault { span, message: why })
        }
        None if is_public => Ok(Access::Public),
        None => Err(fault(
            &table.path,
            "this route says neither `scopes`, or what else its token must have, nor \
             `public = true`; `scopes = []` takes any token for this resource",
        )),
        Some(_) => Ok(Access::Token(Box::new(rule(table)?))),
    }
}

/// The settings that ask something of a token, where they are set, with their places.
fn asks(table: &RouteTable) -> [Option<(&'static str, std::ops::Range<usize>)>; 9] {
    fn set<T>(
        name: &'static str,
        setting: Option<&Spanned<T>>,
    ) -> Option<(&'static str, std::ops::Range<usize>)> {
        setting.map(|setting| (name, setting.span()))
    }
    [
        set("scopes", table.scopes.as_ref()),
        set("any_scope", table.any_scope.as_ref()),
        set("any_role", table.any_role.as_ref()),
        set("claims", table.claims.as_ref()),
        set("clients", table.clients.as_ref()),
        set("subjects", table.subjects.as_ref()),
        set("acr", table.acr.as_ref()),
        set("max_age", table.max_age.as_ref()),
        set("authorization_details", table.authorization_details.as_ref()),
    ]
}

fn rule(table: &RouteTable) -> Checked<Rule> {
    Ok(Rule {
        clients: table.clients.as_ref().map(clients).transpose()?,
        subjects: table.subjects.as_ref().map(subjects).transpose()?,
        scope: scope(table)?,
        roles: table.any_role.as_ref().map_or(Ok(Vec::new()), texts)?,
        claims: claims(table)?,
        details: details(table)?,
        login: LoginRule {
            acr_values: table.acr.as_ref().map_or(Ok(Vec::new()), texts)?,
            max_age: table.max_age.as_ref().map(max_age).transpose()?,
        },
        policies: Vec::new(),
    })
}

fn scope(table: &RouteTable) -> Checked<ScopeRule> {
    match (&table.scopes, &table.any_scope) {
        (Some(_), Some(any)) => Err(fault(
            any,
            "the route has `scopes` already; write `scopes` for all of them or `any_scope` for one",
        )),
        (Some(all), None) => scopes(all).map(ScopeRule::AllOf),
        (None, Some(any)) => scopes(not_empty(any)?).map(ScopeRule::AnyOf),
        (None, None) => Ok(ScopeRule::NONE),
    }
}

fn scopes(names: &Spanned<Vec<Spanned<String>>>) -> Checked<Scopes> {
    let names = names.get_ref().iter();
    names.map(|name| parsed(name, Scope::parse, |error| format!("not a scope: {error}"))).collect()
}

fn clients(names: &Spanned<Vec<Spanned<String>>>) -> Checked<Vec<ClientId>> {
    let explain = |_| "not a client identifier: it is printable ASCII, and not empty";
    not_empty(names)?.get_ref().iter().map(|id| parsed(id, ClientId::parse, explain)).collect()
}

fn subjects(names: &Spanned<Vec<Spanned<String>>>) -> Checked<Vec<String>> {
    let explain = |_| "not a subject: it is up to 255 characters of printable ASCII";
    let names = not_empty(names)?.get_ref().iter();
    names.map(|name| Ok(parsed(name, Subject::parse, explain)?.as_str().to_owned())).collect()
}

fn texts(names: &Spanned<Vec<Spanned<String>>>) -> Checked<Vec<String>> {
    let mut texts = Vec::new();
    for name in not_empty(names)?.get_ref() {
        if name.get_ref().is_empty() {
            return Err(fault(name, "an empty text; remove it"));
        }
        texts.push(name.get_ref().clone());
    }
    Ok(texts)
}

/// An empty list would let nobody in, or everybody: neither is what was meant.
fn not_empty<T>(list: &Spanned<Vec<T>>) -> Checked<&Spanned<Vec<T>>> {
    if list.get_ref().is_empty() {
        return Err(fault(list, "an empty list; leave the setting out where it does not matter"));
    }
    Ok(list)
}

fn max_age(seconds: &Spanned<u64>) -> Checked<i64> {
    match i64::try_from(*seconds.get_ref()) {
        Ok(age) if age <= LONGEST_AGE => Ok(age),
        _ => Err(fault(seconds, "expected 0 to 31536000 seconds, which is a year")),
    }
}

const LONGEST_AGE: i64 = 365 * 86_400;

fn claims(table: &RouteTable) -> Checked<Vec<ClaimRule>> {
    let Some(claims) = &table.claims else { return Ok(Vec::new()) };
    if claims.get_ref().is_empty() {
        return Err(fault(claims, "no claim; leave `claims` out where none matters"));
    }
    claims.get_ref().iter().map(|(name, wanted)| claim(name, wanted)).collect()
}

/// A claim with what it must be: a value, a list of values one of which it must be, `{ contains =
/// … }` or `{ present = true }`.
fn claim(name: &Spanned<String>, wanted: &Spanned<Value>) -> Checked<ClaimRule> {
    if name.get_ref().is_empty() {
        return Err(fault(name, "a claim without a name"));
    }
    let wrong = || {
        fault(
            wanted,
            "expected a value (text, number, true or false), a list of them, \
             `{ contains = value }` or `{ present = true }`",
        )
    };
    let test = match wanted.get_ref() {
        Value::Array(values) if values.is_empty() => {
            return Err(fault(wanted, "an empty list: no token would pass"));
        }
        Value::Array(values) => {
            let values: Option<_> = values.iter().map(scalar).collect();
            ClaimTest::OneOf(values.ok_or_else(wrong)?)
        }
        Value::Table(test) => match test.iter().next() {
            Some((key, value)) if test.len() == 1 && key == "contains" => {
                ClaimTest::Contains(scalar(value).ok_or_else(wrong)?)
            }
            Some((key, Value::Boolean(true))) if test.len() == 1 && key == "present" => {
                ClaimTest::Present
            }
            _ => return Err(wrong()),
        },
        value => ClaimTest::OneOf(vec![scalar(value).ok_or_else(wrong)?]),
    };
    Ok(ClaimRule { claim: ClaimPath::parse(name.get_ref()), test })
}

/// A value as it stands in a token.
pub(super) fn scalar(value: &Value) -> Option<serde_json::Value> {
    match value {
        Value::String(text) => Some(text.clone().into()),
        Value::Integer(number) => Some((*number).into()),
        Value::Float(number) => serde_json::Number::from_f64(*number).map(Into::into),
        Value::Boolean(truth) => Some((*truth).into()),
        Value::Datetime(_) | Value::Array(_) | Value::Table(_) => None,
    }
}

fn details(table: &RouteTable) -> Checked<Vec<DetailRule>> {
    let Some(details) = &table.authorization_details else { return Ok(Vec::new()) };
    not_empty(details)?.get_ref().iter().map(|detail| self::detail(detail.get_ref())).collect()
}

fn detail(table: &DetailTable) -> Checked<DetailRule> {
    if table.r#type.get_ref().is_empty() {
        return Err(fault(&table.r#type, "an empty type; write the one that the resource defines"));
    }
    Ok(DetailRule {
        kind: table.r#type.get_ref().clone(),
        actions: table.actions.clone().unwrap_or_default(),
        datatypes: table.datatypes.clone().unwrap_or_default(),
        privileges: table.privileges.clone().unwrap_or_default(),
        identifier: table.identifier.clone(),
    })
}

/// A rule in words, a line for each part: what `explain` shows beside its outcome.
pub(crate) fn in_words(rule: &Rule) -> Vec<String> {
    let mut words = Vec::new();
    let list = |names: &[String]| names.join(", ");
    if let Some(clients) = &rule.clients {
        let names: Vec<String> = clients.iter().map(ToString::to_string).collect();
        words.push(format!("one of the clients {}", list(&names)));
    }
    if let Some(subjects) = &rule.subjects {
        words.push(format!("one of the subjects {}", list(subjects)));
    }
    words.push(match &rule.scope {
        ScopeRule::AllOf(scopes) if scopes.is_empty() => "any scope, or none".to_owned(),
        ScopeRule::AllOf(scopes) => format!("the scopes {scopes}"),
        ScopeRule::AnyOf(scopes) => format!("one of the scopes {scopes}"),
    });
    if !rule.roles.is_empty() {
        words.push(format!("one of the roles {}", list(&rule.roles)));
    }
    for claim in &rule.claims {
        words.push(match &claim.test {
            ClaimTest::Present => format!("a claim '{}'", claim.claim),
            ClaimTest::Contains(value) => format!("{value} in the claim '{}'", claim.claim),
            ClaimTest::OneOf(values) => {
                let values: Vec<String> = values.iter().map(ToString::to_string).collect();
                format!("the claim '{}' as {}", claim.claim, values.join(" or "))
            }
        });
    }
    for detail in &rule.details {
        let mut said = format!("authorization details of type {}", detail.kind);
        let parts = [
            ("actions", list(&detail.actions)),
            ("datatypes", list(&detail.datatypes)),
            ("privileges", list(&detail.privileges)),
            ("identifier", detail.identifier.clone().unwrap_or_default()),
        ];
        for (name, value) in parts.iter().filter(|(_, value)| !value.is_empty()) {
            said.extend([" with ", name, " ", value]);
        }
        words.push(said);
    }
    if !rule.login.acr_values.is_empty() {
        words.push(format!("a login of the class {}", rule.login.acr_values.join(" or ")));
    }
    if let Some(age) = rule.login.max_age {
        words.push(format!("a login at most {age} seconds ago"));
    }
    words
}

#[cfg(test)]
mod tests;
