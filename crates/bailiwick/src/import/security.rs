//! The security requirements of an operation: alternatives, each of schemes that must all be met.

use std::fmt;

use bailiwick_oauth::Scope;
use serde_json::Value;

use super::document::Document;
use super::{plain, quoted};

/// What a route asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Access {
    Public,
    AllOf(Vec<String>),
    AnyOf(Vec<String>),
}

/// What an operation asks for; `None` when nothing of it can be checked here.
pub(super) fn access(
    document: &Document<'_>,
    operation: &Value,
    what: &str,
    warnings: &mut Vec<String>,
) -> Option<Access> {
    let Some(security) = operation.get("security").or_else(|| document.security()) else {
        warnings
            .push(format!("{what}: the document says nothing of security; a token is asked for"));
        return Some(Access::AllOf(Vec::new()));
    };
    let alternatives = security.as_array()?;
    if alternatives.is_empty() {
        return Some(Access::Public);
    }
    let is_open =
        |alternative: &Value| alternative.as_object().is_some_and(serde_json::Map::is_empty);
    if alternatives.iter().all(is_open) {
        return Some(Access::Public);
    }
    if alternatives.iter().any(is_open) {
        warnings.push(format!("{what}: a token is optional there; here it is asked for"));
    }
    let mut ways: Vec<Vec<String>> = Vec::new();
    for alternative in alternatives.iter().filter(|alternative| !is_open(alternative)) {
        match needed(document, alternative, what, warnings) {
            Some(scopes) if !ways.contains(&scopes) => ways.push(scopes),
            Some(_) => {}
            None => warnings.push(format!("{what}: an alternative without a token is left out")),
        }
    }
    if let Some(any_token) = ways.iter().find(|scopes| scopes.is_empty()) {
        return Some(Access::AllOf(any_token.clone()));
    }
    match ways.as_slice() {
        [] => None,
        [only] => Some(Access::AllOf(only.clone())),
        several if several.iter().all(|scopes| scopes.len() == 1) => {
            Some(Access::AnyOf(several.concat()))
        }
        [first, ..] => {
            warnings.push(format!(
                "{what}: of several sets of scopes the first is asked for: {}",
                first.join(" ")
            ));
            Some(Access::AllOf(first.clone()))
        }
    }
}

/// The scopes of one alternative; `None` when it wants no token, or something unknown.
fn needed(
    document: &Document<'_>,
    alternative: &Value,
    what: &str,
    warnings: &mut Vec<String>,
) -> Option<Vec<String>> {
    let mut scopes: Vec<String> = Vec::new();
    let mut wants_token = false;
    for (name, wanted) in alternative.as_object()? {
        let scheme = document.scheme(name);
        let text = |member: &str| scheme?.get(member)?.as_str();
        match (text("type"), text("scheme").map(str::to_ascii_lowercase).as_deref()) {
            (Some("oauth2" | "openIdConnect"), _) | (Some("http"), Some("bearer")) => {
                wants_token = true;
                for scope in wanted.as_array()? {
                    let scope = Scope::parse(scope.as_str()?).ok()?.to_string();
                    if !scopes.contains(&scope) {
                        scopes.push(scope);
                    }
                }
            }
            (Some(kind), _) => warnings.push(plain(&format!(
                "{what}: '{name}' ({kind}) is not checked here; the upstream must"
            ))),
            (None, _) => {
                warnings.push(plain(&format!("{what}: '{name}' is no security scheme there")));
                return None;
            }
        }
    }
    wants_token.then_some(scopes)
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |scopes: &[String]| {
            scopes.iter().map(|scope| quoted(scope)).collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::Public => f.write_str("public = true"),
            Self::AllOf(scopes) => write!(f, "scopes = [{}]", list(scopes)),
            Self::AnyOf(scopes) => write!(f, "any_scope = [{}]", list(scopes)),
        }
    }
}
