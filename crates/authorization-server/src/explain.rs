//! Explaining to the operator what a request would come to, by the very rules that decide it
//! (rules §9).

use std::collections::BTreeMap;
use std::fmt;

use bailiwick_grant::flow::explain;
use bailiwick_grant::rule::client_metadata;
use bailiwick_grant::state::{Authentication, Client, Introduction, Unvetted, User};
use bailiwick_grant::{Reason, Stored, Tenant, Verdict};
use bailiwick_oauth::register::Metadata;
use bailiwick_oauth::{ClientDocument, ClientId, Scopes};
use bailiwick_store::{Store, StoreError, StoreExt};
use serde::{Deserialize, Serialize};

use crate::load::{self, Named};

/// What is to be explained.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The issuer; the first one of the configuration when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The client.
    pub client: String,
    /// The user's name; without one, what could be asked of any user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The `resource` parameters.
    #[serde(default)]
    pub resources: Vec<String>,
    /// The `scope` parameter.
    #[serde(default)]
    pub scope: String,
}

/// What a request would come to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Explained {
    /// Why all of it would be refused; absent when something would be granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedAs>,
    /// The global scopes that would be granted.
    pub global: Vec<String>,
    /// What would be granted on each resource.
    pub resources: BTreeMap<String, Vec<String>>,
    /// Every pair, with the rule that decided on it.
    pub pairs: Vec<Pair>,
    /// What else is to be known of the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A refusal: what the client would read, and the rule.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RefusedAs {
    /// The code.
    pub error: String,
    /// What the client would read.
    pub description: String,
    /// The rule.
    pub reason: String,
}

/// What became of one scope on one resource.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pair {
    /// The resource; absent for global scopes, and for scopes that no resource defines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The scope.
    pub scope: String,
    /// Whether it would be granted.
    pub kept: bool,
    /// The rule that decided.
    pub reason: String,
    /// The rule in words.
    pub why: String,
}

/// Why there is no explanation.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// The question names what there is not.
    #[error("{0}")]
    Question(String),
    /// The store failed.
    #[error("the store cannot be read")]
    Store(#[from] StoreError),
}

impl Explained {
    /// Whether anything would be granted.
    pub fn is_granted(&self) -> bool {
        self.refused.is_none()
    }
}

/// Explains what an authorization request of a client would come to, if its user allows everything.
///
/// # Errors
/// When client or user are unknown, the scope is malformed, or the store fails.
pub async fn explain_grant(
    tenant: &Tenant,
    store: &dyn Store,
    now: i64,
    question: &Question,
) -> Result<Explained, ExplainError> {
    let scopes = Scopes::parse(&question.scope)
        .map_err(|why| ExplainError::Question(format!("the scope is malformed: {why}")))?;
    let mut notes = Vec::new();
    let client = client(tenant, store, now, &question.client, &mut notes).await?;
    let user = match &question.user {
        None => None,
        Some(name) => Some(user(store, name).await?),
    };
    if user.as_ref().is_some_and(|user| !user.enabled) {
        notes.push("the user is disabled: nobody signs in as that".to_owned());
    }
    let named =
        Named { resource: &question.resources, audience: &[], scope: &scopes, details: &[] };
    let directory = load::directory(store, tenant, &client, named, None).await?;
    let (user, resources) = (user.as_ref(), &question.resources);
    let outcome = explain::explain(tenant, &client, user, &directory, resources, &scopes);
    Ok(match outcome {
        Ok(explained) => {
            let texts = |scopes: &Scopes| scopes.iter().map(|s| s.as_str().to_owned()).collect();
            let granted = explained.grant.resources.iter();
            Explained {
                refused: None,
                global: texts(&explained.grant.global),
                resources: granted.map(|(on, scopes)| (on.to_string(), texts(scopes))).collect(),
                pairs: explained.explanation.verdicts().iter().map(pair).collect(),
                notes,
            }
        }
        Err(refused) => Explained {
            refused: Some(RefusedAs {
                error: refused.error.to_string(),
                description: refused.description,
                reason: refused.reason.to_string(),
            }),
            global: Vec::new(),
            resources: BTreeMap::new(),
            pairs: Vec::new(),
            notes,
        },
    })
}

async fn client(
    tenant: &Tenant,
    store: &dyn Store,
    now: i64,
    name: &str,
    notes: &mut Vec<String>,
) -> Result<Client, ExplainError> {
    let unknown = || ExplainError::Question(format!("no client is registered as '{name}'"));
    let id = ClientId::parse(name).map_err(|_| unknown())?;
    let found = store.load::<Client>(id.as_str()).await?.map(|loaded| loaded.value);
    let found = found.filter(|client| client.expires_at().is_none_or(|until| now < until));
    let client = if let Some(client) = found {
        client
    } else {
        let document = ClientDocument::of(&id).ok_or_else(unknown)?;
        if !tenant.unknown_clients.documents.accept(&document.url().host()) {
            return Err(unknown());
        }
        notes.push("taken for a client whose document narrows nothing; it was not read".into());
        let mut client = Client::new(id.clone(), name, Authentication::None);
        let (metadata, by) = (Metadata::default(), Introduction::Document);
        client.unvetted = Some(Unvetted { metadata, by });
        client
    };
    if client.unvetted.is_some() {
        notes.push("it describes itself: [unknown_clients] is its ceiling".to_owned());
    }
    Ok(client_metadata::hold(tenant, client))
}

async fn user(store: &dyn Store, name: &str) -> Result<User, ExplainError> {
    let found = load::user_named(store, name).await?;
    found.ok_or_else(|| ExplainError::Question(format!("nobody signs in as '{name}'")))
}

fn pair(verdict: &Verdict) -> Pair {
    Pair {
        resource: verdict.resource.as_ref().map(ToString::to_string),
        scope: verdict.scope.as_str().to_owned(),
        kept: verdict.reason == Reason::Kept,
        reason: verdict.reason.to_string(),
        why: why(verdict.reason).to_owned(),
    }
}

/// The rules that a pair can meet, in words.
fn why(reason: Reason) -> &'static str {
    match reason {
        Reason::Kept => "it is asked for, defined, and within every ceiling",
        Reason::ScopeUnknown => "no requested API defines it",
        Reason::NotDefined => "the API does not define it",
        Reason::ClientCeiling => "the client's ceiling does not hold it",
        Reason::SubjectPermission => "none of the user's roles holds it",
        Reason::ResourceUnknown => "no such API is registered",
        Reason::ResourceDisabled => "the API is disabled",
        Reason::ResourceNotOpen => "the API is closed to the client",
        other => other.as_str(),
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = Vec::new();
        if let Some(refused) = &self.refused {
            let RefusedAs { error, description, reason } = refused;
            lines.push(format!("refused: {error} ({reason}): {description}"));
        }
        let width = self.pairs.iter().map(|pair| pair.scope.len()).max().unwrap_or(0);
        let mut places: Vec<&Option<String>> = Vec::new();
        for pair in &self.pairs {
            if !places.contains(&&pair.resource) {
                places.push(&pair.resource);
            }
        }
        for place in places {
            lines.push(place.clone().unwrap_or_else(|| "global".to_owned()));
            for pair in self.pairs.iter().filter(|pair| pair.resource == *place) {
                let mark = if pair.kept { "kept" } else { "dropped" };
                let (scope, reason, why) = (&pair.scope, &pair.reason, &pair.why);
                lines.push(format!("  {mark:<7}  {scope:<width$}  {reason}: {why}"));
            }
        }
        if self.pairs.is_empty() && self.refused.is_none() {
            lines.push("granted without any scope".to_owned());
        }
        lines.extend(self.notes.iter().map(|note| format!("note: {note}")));
        f.write_str(&lines.join("\n"))
    }
}
