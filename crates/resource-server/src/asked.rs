//! A request as the verdict sees it: its head, and what its server put beside it (RFC 9110 §6).

use std::borrow::Cow;
use std::fmt;

use axum::extract::OriginalUri;
use http::{Extensions, HeaderMap, Method, Request, Uri, request};

/// The head of a request, with what the layers before put into its extensions: the client's
/// certificate, its address, and the URI before a nested router cut it.
#[derive(Clone, Copy)]
pub struct Asked<'r> {
    /// Its method.
    pub method: &'r Method,
    /// Its URI, as the client called it.
    pub uri: &'r Uri,
    /// Its headers.
    pub headers: &'r HeaderMap,
    /// What its server put beside it.
    pub extensions: &'r Extensions,
}

impl<'r> Asked<'r> {
    /// The URI that the client called, in full; `origin` is this server's.
    pub(crate) fn full_uri(&self, origin: &str) -> Cow<'r, str> {
        Cow::Owned(format!("{origin}{}", self.uri.path()))
    }
}

/// Shows neither headers nor query: tokens stand there.
impl fmt::Debug for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked")
            .field("method", self.method)
            .field("path", &self.uri.path())
            .finish_non_exhaustive()
    }
}

impl<'r> From<&'r request::Parts> for Asked<'r> {
    fn from(parts: &'r request::Parts) -> Self {
        let request::Parts { method, uri, headers, extensions, .. } = parts;
        let uri = extensions.get::<OriginalUri>().map_or(uri, |original| &original.0);
        Self { method, uri, headers, extensions }
    }
}

impl<'r, B> From<&'r Request<B>> for Asked<'r> {
    fn from(request: &'r Request<B>) -> Self {
        let extensions = request.extensions();
        let uri = extensions.get::<OriginalUri>().map_or(request.uri(), |original| &original.0);
        Self { method: request.method(), uri, headers: request.headers(), extensions }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_shows_neither_token_nor_query() {
        let request = Request::get("/orders?access_token=query-secret")
            .header("authorization", "Bearer header-secret")
            .header("dpop", "proof-secret")
            .body(())
            .unwrap();
        let shown = format!("{:?}", Asked::from(&request));
        assert!(shown.contains("/orders") && !shown.contains("secret"), "{shown}");
    }
}
