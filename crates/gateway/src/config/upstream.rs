//! An upstream: where requests are forwarded to, how, and for how long.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use rustls::pki_types::ServerName;
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use toml::Spanned;

use super::reading::{Checked, fault, parsed, positive, seconds};
use super::resource::ResourceTable;
use super::tables::tables;

/// Where requests are forwarded to, how, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// The servers, at least one.
    pub servers: Vec<Server>,
    /// Which of them gets the next request.
    pub balance: Balance,
    /// What they speak.
    pub protocol: Protocol,
    /// How they are known, and how they know the gateway.
    pub tls: Tls,
    /// How long a connection may take to be made, TLS included.
    pub connect_timeout: Duration,
    /// How long the upstream may take to begin its answer after the last octet of the request.
    pub first_byte_timeout: Duration,
    /// How long an answer may pause.
    pub idle_timeout: Duration,
    /// How long a request may take with its whole answer; `None` is without end.
    pub total_timeout: Option<Duration>,
    /// How the servers are asked whether they are well; `None` is not at all.
    pub health_check: Option<HealthCheck>,
}

/// One server of an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// `http` or `https`.
    pub scheme: Scheme,
    /// Host and port.
    pub authority: Authority,
}

/// Which server gets the next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Balance {
    /// One after the other.
    RoundRobin,
    /// The one with the fewest requests under way.
    LeastLoaded,
}

/// What an upstream speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2; without TLS by prior knowledge (RFC 9113 §3.3).
    Http2,
    /// With TLS what ALPN says, HTTP/2 rather; without TLS HTTP/1.1.
    Auto,
}

/// How the servers of an upstream are known, and how they know the gateway.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// The authorities that vouch for the servers, in place of the public ones (PEM).
    pub ca_file: Option<PathBuf>,
    /// The gateway's certificates and its private key (PEM).
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The name in the servers' certificates, where it is not the host.
    pub server_name: Option<ServerName<'static>>,
}

/// How a server is asked whether it is well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// What is asked for.
    pub path: PathAndQuery,
    /// The pause between two questions.
    pub interval: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// After how many bad answers in a row the server gets no more requests.
    pub failures: usize,
}

tables! {
    /// How every server of an upstream is asked whether it is well: with `GET`, by each worker
    /// for itself. A server whose answers are no 2xx, or none, gets no requests until one is.
    "`health_check`" HealthCheckTable {
        /// The path to ask for, with a query if need be.
        path: Spanned<String>, "path", "required";
        /// The pause between two questions.
        interval: Option<Spanned<u64>>, "seconds", "`10`";
        /// How long an answer may take.
        timeout: Option<Spanned<u64>>, "seconds", "`5`";
        /// After how many bad answers in a row the server gets no more requests.
        failures: Option<Spanned<usize>>, "number", "`3`";
    }
}

/// One text, or a list of them.
pub(super) struct OneOrMore(Vec<String>);

/// Checks the upstream of a resource.
pub(super) fn check(table: &ResourceTable) -> Checked<Upstream> {
    let OneOrMore(urls) = table.upstream.get_ref();
    if urls.is_empty() || urls.len() > MOST_SERVERS {
        let message = format!("expected 1 to {MOST_SERVERS} servers");
        return Err(fault(&table.upstream, message));
    }
    let mut servers: Vec<Server> = Vec::new();
    for url in urls {
        let server = server(url).map_err(|why| {
            let example = "write scheme, host and port, such as \"http://127.0.0.1:7000\"";
            fault(&table.upstream, format!("{why}; {example}"))
        })?;
        if servers.contains(&server) {
            return Err(fault(&table.upstream, format!("{url} is listed twice")));
        }
        servers.push(server);
    }
    Ok(Upstream {
        balance: match &table.balance {
            None => Balance::RoundRobin,
            Some(name) => match name.get_ref().as_str() {
                "round_robin" => Balance::RoundRobin,
                "least_loaded" => Balance::LeastLoaded,
                _ => return Err(fault(name, "expected \"round_robin\" or \"least_loaded\"")),
            },
        },
        protocol: match &table.upstream_protocol {
            None => Protocol::Auto,
            Some(name) => match name.get_ref().as_str() {
                "http1" => Protocol::Http1,
                "http2" => Protocol::Http2,
                "auto" => Protocol::Auto,
                _ => return Err(fault(name, "expected \"http1\", \"http2\" or \"auto\"")),
            },
        },
        tls: tls(table, &servers)?,
        connect_timeout: seconds(table.connect_timeout.as_ref(), 5)?,
        first_byte_timeout: seconds(table.first_byte_timeout.as_ref(), 60)?,
        idle_timeout: seconds(table.idle_timeout.as_ref(), 300)?,
        total_timeout: match &table.total_timeout {
            Some(_) => Some(seconds(table.total_timeout.as_ref(), 0)?),
            None => None,
        },
        health_check: table
            .health_check
            .as_ref()
            .map(|check| health_check(check.get_ref()))
            .transpose()?,
        servers,
    })
}

fn server(url: &str) -> Result<Server, &'static str> {
    let uri: Uri = url.parse().map_err(|_| "the upstream is not a URL")?;
    let parts = uri.into_parts();
    let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
        return Err("the upstream is not absolute");
    };
    if !matches!(scheme.as_str(), "http" | "https") {
        return Err("the upstream's scheme is neither http nor https");
    }
    if authority.as_str().contains('@') {
        return Err("the upstream has a user name in it");
    }
    if parts.path_and_query.is_some_and(|path| path != "/") {
        return Err("the upstream has a path, but requests keep theirs");
    }
    Ok(Server { scheme, authority })
}

fn tls(table: &ResourceTable, servers: &[Server]) -> Checked<Tls> {
    let settings = [
        &table.upstream_ca_file,
        &table.upstream_certificate_file,
        &table.upstream_key_file,
        &table.upstream_server_name,
    ];
    if !servers.iter().any(|server| server.scheme == Scheme::HTTPS)
        && let Some(setting) = settings.into_iter().flatten().next()
    {
        return Err(fault(setting, "no upstream has https: this is for TLS; remove it"));
    }
    let path = |text: &Spanned<String>| PathBuf::from(text.get_ref());
    let identity = match (&table.upstream_certificate_file, &table.upstream_key_file) {
        (None, None) => None,
        (Some(certificates), Some(key)) => Some((path(certificates), path(key))),
        (Some(certificates), None) => {
            return Err(fault(certificates, "a certificate needs its key: `upstream_key_file`"));
        }
        (None, Some(key)) => {
            let message = "a key needs its certificate: `upstream_certificate_file`";
            return Err(fault(key, message));
        }
    };
    let name = |text: &Spanned<String>| {
        parsed(text, |name| ServerName::try_from(name.to_owned()), |_| "not a host name")
    };
    Ok(Tls {
        ca_file: table.upstream_ca_file.as_ref().map(path),
        identity,
        server_name: table.upstream_server_name.as_ref().map(name).transpose()?,
    })
}

fn health_check(table: &HealthCheckTable) -> Checked<HealthCheck> {
    let path = parsed(&table.path, str::parse::<PathAndQuery>, |_| "not a path")?;
    if !table.path.get_ref().starts_with('/') {
        return Err(fault(&table.path, "not a path; write for example \"/healthz\""));
    }
    Ok(HealthCheck {
        path,
        interval: seconds(table.interval.as_ref(), 10)?,
        timeout: seconds(table.timeout.as_ref(), 5)?,
        failures: positive(table.failures.as_ref())?.unwrap_or(3),
    })
}

impl<'de> Deserialize<'de> for OneOrMore {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;

        impl<'de> Visitor<'de> for Texts {
            type Value = OneOrMore;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a URL or a list of URLs")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<OneOrMore, E> {
                Ok(OneOrMore(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OneOrMore, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element()? {
                    texts.push(text);
                }
                Ok(OneOrMore(texts))
            }
        }

        deserializer.deserialize_any(Texts)
    }
}

/// More would want a service of their own to find them.
const MOST_SERVERS: usize = 64;
