//! The admin listener: where metrics, health and explanations are had.

use std::net::SocketAddr;

use toml::Spanned;

use super::reading::{Checked, fault, parsed};
use super::tables::tables;

/// Where metrics, health and explanations are had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admin {
    /// Where to listen.
    pub listen: SocketAddr,
}

tables! {
    /// A listener for the operator alone: `/metrics`, `/healthz`, `/readyz`, `/explain`. Without the
    /// table there is none. Nobody has to sign in there.
    "`[admin]`" AdminTable {
        /// Address and port, of the loopback interface.
        listen: Spanned<String>, "address", "required";
        /// Listen on another interface than loopback, where everyone who gets through to it reads
        /// metrics, and asks what a token would be let in to: for containers whose network nobody
        /// else is on.
        unprotected_beyond_loopback: Option<bool>, "boolean", "`false`";
    }
}

/// Checks the table.
pub(super) fn check(table: &AdminTable) -> Checked<Admin> {
    let listen = parsed(
        &table.listen,
        str::parse::<SocketAddr>,
        |_| "expected an address and a port, such as \"127.0.0.1:9901\"",
    )?;
    if !listen.ip().is_loopback() && table.unprotected_beyond_loopback != Some(true) {
        return Err(fault(
            &table.listen,
            "whoever reaches this address reads it, and nobody signs in; write \"127.0.0.1:9901\", \
             or say `unprotected_beyond_loopback = true`",
        ));
    }
    Ok(Admin { listen })
}
