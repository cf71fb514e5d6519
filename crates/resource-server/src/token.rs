//! The verified token, as handlers read it.

use std::ops::Deref;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use bailiwick_guard::{Permit, Rule};
use http::request::Parts;
use http::{Method, StatusCode, Uri};

use crate::{Asked, Refused, ResourceServer};

/// A token that was verified for this very request: a [`Permit`], of which it has all the methods.
///
/// An axum extractor; elsewhere, it is among the request's extensions. Only the layer makes one.
#[derive(Debug, Clone)]
pub struct VerifiedToken {
    permit: Permit,
    by: ResourceServer,
    /// The request that it was verified for.
    method: Method,
    uri: Uri,
}

impl VerifiedToken {
    pub(crate) fn new(permit: Permit, by: ResourceServer, asked: &Asked<'_>) -> Self {
        Self { permit, by, method: asked.method.clone(), uri: asked.uri.clone() }
    }

    pub(crate) fn is_from(&self, api: &ResourceServer) -> bool {
        self.by.is(api)
    }

    /// Decides whether the token will do for a rule that only the handler knows: mostly a scope.
    ///
    /// ```
    /// use bailiwick_resource_server::{Refused, Scope, VerifiedToken};
    ///
    /// async fn refund(token: VerifiedToken, scope: Scope) -> Result<String, Refused> {
    ///     token.also(&scope.into())?;
    ///     Ok("refunded".to_owned())
    /// }
    /// ```
    ///
    /// # Errors
    /// The answer: 403, with the scope that would do (RFC 6750 §3.1), or 401 for a login (RFC 9470).
    pub fn also(&self, rule: &Rule) -> Result<(), Refused> {
        self.by.also(&self.permit, rule, &self.method, &self.uri)
    }

    /// The permit.
    pub fn permit(&self) -> &Permit {
        &self.permit
    }
}

impl Deref for VerifiedToken {
    type Target = Permit;

    fn deref(&self) -> &Permit {
        &self.permit
    }
}

impl<S: Sync> FromRequestParts<S> for VerifiedToken {
    type Rejection = LayerMissing;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, LayerMissing> {
        parts.extensions.get().cloned().ok_or(LayerMissing)
    }
}

/// A handler asks for the token of a request that no layer has looked at: answered with 500.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a handler asks for a verified token on a route without the layer; add `api.layer()`")]
pub struct LayerMissing;

impl IntoResponse for LayerMissing {
    fn into_response(self) -> Response {
        tracing::error!("{self}");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}
