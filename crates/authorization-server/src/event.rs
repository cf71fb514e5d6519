//! One log event per request: verdict, reason, client, resource; never tokens, codes or claims.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{FromRequestParts, MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use bailiwick_grant::Explanation;
use bailiwick_oauth::{ClientId, Resource};
use http::request::Parts;

/// What is told of a request, filled in as it becomes known.
#[derive(Clone, Default)]
pub(crate) struct Event(Arc<Mutex<Facts>>);

#[derive(Default)]
struct Facts {
    verdict: Option<&'static str>,
    reason: Option<&'static str>,
    client: Option<String>,
    resource: Option<String>,
    dropped: Vec<String>,
    failure: Option<String>,
}

/// The most dropped pairs that one event lists.
const MOST_DROPPED: usize = 64;

impl Event {
    /// Who asks.
    pub(crate) fn client(&self, client: &ClientId) {
        self.with(|facts| facts.client = Some(client.to_string()));
    }

    /// What for.
    pub(crate) fn resource(&self, resource: &Resource) {
        self.with(|facts| facts.resource = Some(resource.to_string()));
    }

    /// What came out.
    pub(crate) fn verdict(&self, verdict: &'static str) {
        self.with(|facts| facts.verdict = Some(verdict));
    }

    /// What came out, and the rule that said so.
    pub(crate) fn refused(&self, verdict: &'static str, reason: &'static str) {
        self.with(|facts| {
            facts.verdict = Some(verdict);
            facts.reason = Some(reason);
        });
    }

    /// The pairs that fell out, each with its rule (rules §9).
    pub(crate) fn dropped(&self, explanation: &Explanation) {
        self.with(|facts| {
            facts.dropped = explanation
                .dropped()
                .take(MOST_DROPPED)
                .map(|one| match &one.resource {
                    Some(resource) => format!("{} on {resource}: {}", one.scope, one.reason),
                    None => format!("{}: {}", one.scope, one.reason),
                })
                .collect();
        });
    }

    /// What failed on this side, with its whole chain of causes.
    pub(crate) fn failed(&self, verdict: &'static str, error: &dyn std::error::Error) {
        let mut chain = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            chain = format!("{chain}: {cause}");
            source = cause.source();
        }
        self.with(|facts| {
            facts.verdict = Some(verdict);
            facts.failure = Some(chain);
        });
    }

    fn with(&self, change: impl FnOnce(&mut Facts)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl<S: Sync> FromRequestParts<S> for Event {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// Writes the event of each request that it passes on.
pub(crate) async fn log(mut request: Request, next: Next) -> Response {
    let event = Event::default();
    request.extensions_mut().insert(event.clone());
    let method = request.method().clone();
    // The route, not the path: what a stranger writes there is not ours to repeat.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("", MatchedPath::as_str);
    let status = response.status().as_u16();
    event.with(|facts| {
        let verdict = facts.verdict.unwrap_or("answered");
        let (reason, failure) = (facts.reason, facts.failure.as_deref());
        let (client, resource) = (facts.client.as_deref(), facts.resource.as_deref());
        let dropped = (!facts.dropped.is_empty()).then(|| facts.dropped.join(", "));
        if status >= 500 {
            tracing::error!(%method, route, status, verdict, reason, client, resource, failure, "request");
        } else {
            tracing::info!(%method, route, status, verdict, reason, client, resource, dropped, "request");
        }
    });
    response
}
