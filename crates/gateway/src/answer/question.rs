//! Rebuilding the request that another proxy asks about, as its client sent it.

use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};

use crate::answer::Fault;

/// Where questions go.
pub(super) const PLACE: &str = "/check";

/// The headers in which a proxy says what its client asked for.
pub(super) struct Original {
    pub(super) method: HeaderName,
    pub(super) host: HeaderName,
    pub(super) target: HeaderName,
}

impl Original {
    /// Rebuilds the request that a question is about; its other headers are the client's.
    pub(super) fn request(&self, mut headers: HeaderMap) -> Result<Request<()>, Fault> {
        let [method, host, target] = [
            taken(&mut headers, &self.method)?,
            taken(&mut headers, &self.host)?,
            taken(&mut headers, &self.target)?,
        ];
        rebuilt(method.as_bytes(), host, target.as_bytes(), headers)
    }
}

/// A request of these parts.
///
/// The proxy forwards the target by itself, so only one that reads back as it was is taken: one
/// with a fragment, say, would be checked without it and forwarded with it.
pub(super) fn rebuilt(
    method: &[u8],
    host: HeaderValue,
    target: &[u8],
    mut headers: HeaderMap,
) -> Result<Request<()>, Fault> {
    let method = Method::from_bytes(method).map_err(|_| malformed("its method is no method"))?;
    let read = PathAndQuery::try_from(target).ok();
    let read = read.filter(|read| target.starts_with(b"/") && read.as_str().as_bytes() == target);
    let target = read.ok_or_else(|| {
        Fault::bad_request("ambiguous_path", "the target is no path and query as they must be")
    })?;
    headers.insert(HOST, host);
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = Uri::from(target);
    *request.headers_mut() = headers;
    Ok(request)
}

/// A question that the proxy asks in the wrong way.
pub(super) fn malformed(why: &str) -> Fault {
    let remedy = "see deploy/ for how the proxy must be set up";
    Fault::bad_request("malformed_question", format!("the proxy's question: {why}; {remedy}"))
}

/// Takes out a header that must be there once.
fn taken(headers: &mut HeaderMap, name: &HeaderName) -> Result<HeaderValue, Fault> {
    let mut values = headers.get_all(name).iter();
    let (first, more) = (values.next().cloned(), values.next());
    if more.is_some() {
        return Err(malformed(&format!("{name} is there twice")));
    }
    let value = first.ok_or_else(|| malformed(&format!("{name} is missing")))?;
    headers.remove(name);
    Ok(value)
}
