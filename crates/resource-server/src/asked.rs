//! A request as the verdict sees it: its head, and what its server put beside it (RFC 9110 §6).

use std::borrow::Cow;

use axum::extract::OriginalUri;
use http::{Extensions, HeaderMap, Method, Request, Uri, request};

/// The head of a request, with what the layers before put into its extensions: the client's
/// certificate, its address, and the URI before a nested router cut it.
#[derive(Debug, Clone, Copy)]
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
