//! Decision records: what a decision went by, without saying on whom.
//!
//! No token, no subject, no path and no claim of a person is in one: what is not recorded cannot
//! leak, and `replay` says what it cannot decide for want of it.

use bailiwick_guard::Permit;
use http::Method;
use serde::{Deserialize, Serialize};

use crate::decide::Event;
use crate::log;
use crate::site::Site;

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    /// RFC 3339, in UTC.
    pub(crate) time: String,
    pub(crate) resource: String,
    /// The route's path, which stands for the request's.
    pub(crate) route: String,
    pub(crate) method: String,
    pub(crate) verdict: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) reason: String,
    /// Of a token that is genuine, current, and meant for the resource.
    #[serde(flatten)]
    pub(crate) token: Option<Token>,
}

/// What is recorded of a good token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Token {
    pub(crate) issuer: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<String>,
    /// With spaces between.
    pub(crate) scopes: String,
}

impl Site {
    /// Records a decision on a request that has a route.
    pub(crate) fn record(&self, event: &Event<'_>, method: &Method) {
        let (Some(lines), Some(resource), Some(route)) =
            (&self.records, event.resource, event.route)
        else {
            return;
        };
        let record = Record {
            time: log::now(),
            resource: resource.identifier.to_string(),
            route: route.to_owned(),
            method: log::name(method),
            verdict: event.verdict.to_owned(),
            reason: event.reason.to_owned(),
            token: event.permit.as_ref().map(Token::from),
        };
        let mut line = serde_json::to_vec(&record).unwrap_or_default();
        line.push(b'\n');
        lines.write(line);
    }
}

impl From<&Permit> for Token {
    fn from(permit: &Permit) -> Self {
        Self {
            issuer: permit.issuer().to_string(),
            client: permit.client_id().map(ToString::to_string),
            scopes: permit.scopes().to_string(),
        }
    }
}
