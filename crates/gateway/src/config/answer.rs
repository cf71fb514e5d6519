//! Answering other proxies: where they may ask, in which way, and which of them are heard.

use std::fmt;
use std::net::SocketAddr;

use bailiwick_resource_server::TrustedProxies;
use toml::Spanned;

use super::listening::{self, Proxies, Telling};
use super::reading::{Checked, Fault, fault, parsed};
use super::tables::tables;

/// A place where other proxies ask whether a request may pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answering {
    /// How they ask.
    pub mode: Mode,
    /// Where they ask.
    pub listen: SocketAddr,
    /// Who is heard.
    pub peers: Proxies,
}

/// How another proxy asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// NGINX's `auth_request`: a subrequest with `X-Original-*`, answered with 200, 401 or 403.
    AuthRequest,
    /// Traefik's `ForwardAuth`, Caddy's `forward_auth`, HAProxy: a request with `X-Forwarded-*`.
    ForwardAuth,
    /// Envoy's external authorization, over gRPC or HTTP.
    ExtAuthz,
}

impl Mode {
    const ALL: [Self; 3] = [Self::AuthRequest, Self::ForwardAuth, Self::ExtAuthz];

    /// Its name in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuthRequest => "auth_request",
            Self::ForwardAuth => "forward_auth",
            Self::ExtAuthz => "ext_authz",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

tables! {
    /// A place where another proxy asks whether a request that it has may pass: the same decision
    /// by the same routes, while the proxy forwards (`upstream` and `strip_prefix` count for
    /// requests through this gateway alone). Questions go to `/check`; the resources' metadata
    /// stands there too. How each proxy is set up: [other proxies](gateway/other-proxies.md).
    "`[[answer]]`" AnswerTable {
        /// `"auth_request"` for NGINX, `"forward_auth"` for Traefik, Caddy and HAProxy,
        /// `"ext_authz"` for Envoy, over gRPC and HTTP alike.
        mode: Spanned<String>, "text", "required";
        /// Address and port to listen on, without TLS.
        listen: Spanned<String>, "address", "required";
        /// The proxies that may ask: addresses and networks. They are believed about the
        /// request that they ask for; everybody else gets 403.
        peers: Option<Spanned<Vec<Spanned<String>>>>, "networks", "`[\"127.0.0.0/8\", \"::1\"]`";
    }
}

/// Checks all of them; `listen` is where the gateway itself listens.
pub(super) fn check(
    tables: &[Spanned<AnswerTable>],
    listen: SocketAddr,
) -> Checked<Vec<Answering>> {
    let mut answering: Vec<Answering> = Vec::with_capacity(tables.len());
    for table in tables {
        let AnswerTable { mode, listen: place, peers } = table.get_ref();
        let one = Answering {
            mode: named(mode)?,
            listen: parsed(
                place,
                str::parse::<SocketAddr>,
                |_| "expected an address and a port, such as \"127.0.0.1:9902\"",
            )?,
            peers: Proxies {
                trusted: heard(peers.as_ref())?,
                telling: Telling::XForwarded,
                proxy_protocol: false,
            },
        };
        let is_taken = one.listen.port() != 0
            && (one.listen == listen || answering.iter().any(|other| other.listen == one.listen));
        if is_taken {
            return Err(fault(place, format!("{} is listened on already", one.listen)));
        }
        answering.push(one);
    }
    Ok(answering)
}

fn named(mode: &Spanned<String>) -> Checked<Mode> {
    let found = Mode::ALL.into_iter().find(|known| known.as_str() == mode.get_ref());
    found.ok_or_else(|| {
        fault(mode, "expected \"auth_request\" (NGINX), \"forward_auth\" (Traefik, Caddy, HAProxy) or \"ext_authz\" (Envoy)")
    })
}

fn heard(peers: Option<&Spanned<Vec<Spanned<String>>>>) -> Checked<TrustedProxies> {
    match peers {
        Some(peers) if peers.get_ref().is_empty() => {
            Err(fault(peers, "no peer: nobody could ask; name the proxies' addresses"))
        }
        Some(peers) => listening::parsed(peers),
        None => TrustedProxies::parse(["127.0.0.0/8", "::1"])
            .map_err(|error| Fault { span: 0..0, message: error.to_string() }),
    }
}
