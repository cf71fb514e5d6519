//! Extractors that ask for a scope: a handler says in its arguments what it needs (RFC 6750 §3.1).

use std::marker::PhantomData;
use std::ops::Deref;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use bailiwick_guard::ScopeRule;
use http::request::Parts;

use crate::{LayerMissing, Refused, VerifiedToken, config};

/// A scope, or several with spaces between, by the name of a type.
pub trait Needs: Send + Sync + 'static {
    /// The scopes, each of which the token must have.
    const SCOPES: &'static str;
}

/// Names scopes as types, for [`Scoped`].
///
/// ```
/// use bailiwick_resource_server::{Scoped, scopes};
///
/// scopes! {
///     /// Reads orders.
///     pub ReadOrders = "read:orders";
///     /// Writes orders.
///     pub WriteOrders = "write:orders";
/// }
///
/// async fn list(token: Scoped<ReadOrders>) -> String {
///     format!("the orders of {}", token.subject())
/// }
/// ```
#[macro_export]
macro_rules! scopes {
    ($($(#[$doc:meta])* $visible:vis $name:ident = $scopes:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        $visible struct $name;

        impl $crate::Needs for $name {
            const SCOPES: &'static str = $scopes;
        }
    )*};
}

/// A verified token that has the scopes of `N`: the extractor answers 403 when it has not.
///
/// The route must stand behind [`ResourceServer::layer`](crate::ResourceServer::layer).
#[derive(Debug, Clone)]
pub struct Scoped<N> {
    token: VerifiedToken,
    needs: PhantomData<N>,
}

impl<N> Scoped<N> {
    /// The token.
    pub fn into_token(self) -> VerifiedToken {
        self.token
    }
}

impl<N> Deref for Scoped<N> {
    type Target = VerifiedToken;

    fn deref(&self) -> &VerifiedToken {
        &self.token
    }
}

impl<S: Sync, N: Needs> FromRequestParts<S> for Scoped<N> {
    type Rejection = NotScoped;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, NotScoped> {
        let token = VerifiedToken::from_request_parts(parts, state).await?;
        let scopes = config::needed_scopes(N::SCOPES).map_err(NotScoped::Malformed)?;
        token.also(&ScopeRule::AllOf(scopes).into())?;
        Ok(Self { token, needs: PhantomData })
    }
}

/// Why there is no [`Scoped`] token.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotScoped {
    /// The token lacks the scope: 403.
    #[error(transparent)]
    Refused(#[from] Box<Refused>),
    /// The route has no layer: 500.
    #[error(transparent)]
    LayerMissing(#[from] LayerMissing),
    /// The type names none, or what is no scope: 500.
    #[error("a handler's scope is malformed")]
    Malformed(config::ConfigError),
}

impl From<Refused> for NotScoped {
    fn from(refused: Refused) -> Self {
        Self::Refused(Box::new(refused))
    }
}

impl IntoResponse for NotScoped {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(refused) => refused.into_response(),
            Self::LayerMissing(missing) => missing.into_response(),
            Self::Malformed(error) => {
                tracing::error!(%error, "a handler's scope is malformed");
                http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}
