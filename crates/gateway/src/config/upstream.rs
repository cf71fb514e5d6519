//! An upstream: where requests are forwarded to.

use std::time::Duration;

use http::Uri;
use http::uri::{Authority, Scheme};

use super::reading::{Checked, fault, seconds};
use super::resource::ResourceTable;

/// Where requests are forwarded to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// `http` or `https`.
    pub scheme: Scheme,
    /// Host and port.
    pub authority: Authority,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long the upstream may take to begin its answer after the last octet of the request.
    pub first_byte_timeout: Duration,
}

/// Checks the upstream of a resource.
pub(super) fn check(table: &ResourceTable) -> Checked<Upstream> {
    let wrong = |why: &str| {
        fault(
            &table.upstream,
            format!("{why}; write scheme, host and port, such as \"http://127.0.0.1:7000\""),
        )
    };
    let uri: Uri =
        table.upstream.get_ref().parse().map_err(|_| wrong("the upstream is not a URL"))?;
    let parts = uri.into_parts();
    let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
        return Err(wrong("the upstream is not absolute"));
    };
    if !matches!(scheme.as_str(), "http" | "https") {
        return Err(wrong("the upstream's scheme is neither http nor https"));
    }
    if authority.as_str().contains('@') {
        return Err(wrong("the upstream has a user name in it"));
    }
    if parts.path_and_query.is_some_and(|path| path != "/") {
        return Err(wrong("the upstream has a path, but requests keep theirs"));
    }
    Ok(Upstream {
        scheme,
        authority,
        connect_timeout: seconds(table.connect_timeout.as_ref(), 5)?,
        first_byte_timeout: seconds(table.first_byte_timeout.as_ref(), 60)?,
    })
}
