//! What one client may ask of the gateway: the limits of requests and connections.

use std::time::Duration;

use toml::Spanned;

use super::reading::{Checked, fault, positive, seconds};
use super::tables::tables;

/// What one client may ask of the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// The longest target of a request, in octets.
    pub max_uri: usize,
    /// The longest head of a request, in octets.
    pub max_head: usize,
    /// The most headers of a request.
    pub max_headers: usize,
    /// The most requests at once in one HTTP/2 connection.
    pub max_streams: u32,
    /// How long a client may pause in the body of a request, and take nothing of what it is sent.
    pub body_timeout: Duration,
    /// The most connections at once from one address; `None` is any number.
    pub max_connections_per_address: Option<usize>,
}

tables! {
    /// What one client may ask of the gateway.
    "`[http]`" HttpTable {
        /// The longest target of a request, path and query, in octets; a longer one is answered
        /// with 414.
        max_uri: Option<Spanned<usize>>, "octets", "`8192`";
        /// The longest head of a request, in octets, 8192 at least; a longer one is answered with
        /// 431.
        max_head: Option<Spanned<usize>>, "octets", "`65536`";
        /// The most headers of a request; more are answered with 431.
        max_headers: Option<Spanned<usize>>, "number", "`100`";
        /// The most requests at once in one HTTP/2 connection.
        max_streams: Option<Spanned<usize>>, "number", "`200`";
        /// How long a client may pause in the body of a request, in seconds; then it is answered
        /// with 408. One that takes nothing of what it is sent for as long is cut off.
        body_timeout: Option<Spanned<u64>>, "seconds", "`60`";
        /// The most connections at once from one address (one /64 network, with IPv6), over all
        /// workers; further ones are closed. Trusted proxies have no such limit.
        max_connections_per_address: Option<Spanned<usize>>, "number", "none";
    }
}

/// Checks the table.
pub(super) fn check(table: Option<&HttpTable>) -> Checked<Http> {
    let setting =
        |of: fn(&HttpTable) -> &Option<Spanned<usize>>| table.and_then(|table| of(table).as_ref());
    let max_head = match setting(|table| &table.max_head) {
        Some(octets) if !(8192..=1 << 20).contains(octets.get_ref()) => {
            return Err(fault(octets, "expected 8192 to 1048576 octets"));
        }
        octets => octets.map_or(64 * 1024, |octets| *octets.get_ref()),
    };
    let max_uri = match setting(|table| &table.max_uri) {
        Some(octets) if !(1..max_head).contains(octets.get_ref()) => {
            let what = format!("expected 1 to {} octets: less than the whole head", max_head - 1);
            return Err(fault(octets, what));
        }
        octets => octets.map_or(8192.min(max_head - 1), |octets| *octets.get_ref()),
    };
    let max_streams = match setting(|table| &table.max_streams) {
        None => 200,
        Some(number) => match u32::try_from(*number.get_ref()) {
            Ok(streams @ 1..=10_000) => streams,
            _ => return Err(fault(number, "expected a number from 1 to 10000")),
        },
    };
    Ok(Http {
        max_uri,
        max_head,
        max_headers: positive(setting(|table| &table.max_headers))?.unwrap_or(100),
        max_streams,
        body_timeout: seconds(table.and_then(|table| table.body_timeout.as_ref()), 60)?,
        max_connections_per_address: positive(setting(|table| &table.max_connections_per_address))?,
    })
}
