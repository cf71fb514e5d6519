//! How the gateway listens, and everything else that stands at the top of the file.

use std::net::SocketAddr;
use std::time::Duration;

use toml::Spanned;

use super::Config;
use super::admin::{self, AdminTable};
use super::answer::{self, AnswerTable};
use super::bounds::{self, HttpTable};
use super::held::Around;
use super::listening;
use super::log::{self, LogTable};
use super::reading::{Checked, Fault, parsed, positive, seconds};
use super::records::{self, RecordsTable};
use super::resource::{self, ResourceTable, Shared};
use super::signing::{self, SigningTable};
use super::tables::tables;
use super::tls::{self, TlsTable};
use super::traces::{self, TracesTable};

tables! {
    /// How the gateway listens, which may be left out, and what it protects.
    "At the top of the file" Top {
        /// Address and port to listen on.
        listen: Option<Spanned<String>>, "address", "`\"127.0.0.1:8080\"`";
        /// Threads that serve, each with its own listener and its own upstream connections.
        workers: Option<Spanned<usize>>, "number", "one per core";
        /// The most client connections at once; further ones wait to be accepted.
        max_connections: Option<Spanned<usize>>, "number", "`10000`";
        /// How long a client may take to send the head of a request, in seconds; also how long
        /// an idle connection is kept.
        head_timeout: Option<Spanned<u64>>, "seconds", "`30`";
        /// How long connections are still accepted after the gateway was told to stop, while
        /// `/readyz` says 503: so long do those who send it requests need to notice.
        drain_delay: Option<Spanned<u64>>, "seconds", "`0`";
        /// How long requests may go on after that.
        drain_timeout: Option<Spanned<u64>>, "seconds", "`30`";
        /// Proxies in front of the gateway, as addresses and networks: what they say of who asked
        /// them is believed and passed on, and nobody else's word is.
        trusted_proxies: Option<Spanned<Vec<Spanned<String>>>>, "list of networks", "none";
        /// Where they say it: `"x-forwarded"` is `X-Forwarded-For`, `-Proto` and `-Host`,
        /// `"forwarded"` is `Forwarded` (RFC 7239). The other one is removed, since proxies pass on
        /// what they do not know. Routes go by `Host`, whatever stands here.
        trusted_header: Option<Spanned<String>>, "text", "`\"x-forwarded\"`";
        /// The trusted proxies begin each connection with the PROXY protocol, version 1 or 2, and
        /// nobody else may connect.
        proxy_protocol: Option<Spanned<bool>>, "boolean", "`false`";
        /// What one client may ask of the gateway.
        http: Option<HttpTable>, "table", "its defaults";
        /// TLS with clients.
        tls: Option<TlsTable>, "table", "plain HTTP";
        /// Where other proxies may ask whether a request may pass.
        answer: Option<Vec<Spanned<AnswerTable>>>, "tables", "none";
        /// The operator's listener: metrics, health, explanations.
        admin: Option<AdminTable>, "table", "none";
        /// The access log.
        log: Option<LogTable>, "table", "the process's log";
        /// Records of decisions, to replay.
        records: Option<RecordsTable>, "table", "none";
        /// The gateway's own key, for what it signs itself.
        signing: Option<SigningTable>, "table", "none";
        /// Traces, sent to a collector.
        traces: Option<TracesTable>, "table", "none";
        /// The protected resources, at least one.
        resource: Option<Vec<Spanned<ResourceTable>>>, "tables", "required";
    }
}

/// Checks the whole file.
pub(super) fn check(top: Top, around: &Around) -> Checked<Config> {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let proxies = listening::proxies(&top)?;
    let tables = top.resource.unwrap_or_default();
    if tables.is_empty() {
        return Err(Fault {
            span: 0..0,
            message: "there is nothing to protect; add a [[resource]] with identifier, issuer, \
                      upstream and routes"
                .to_owned(),
        });
    }
    let signing = top.signing.as_ref().map(|it| signing::check(it, around)).transpose()?;
    let shared = Shared { around, proxies: &proxies, signing: signing.as_ref() };
    let mut resources = Vec::with_capacity(tables.len());
    for table in &tables {
        resources.push(resource::check(table.get_ref(), &shared)?);
    }
    resource::distinct(&tables, &resources)?;
    resource::reachable(&tables, &resources)?;
    let listen = match &top.listen {
        Some(text) => parsed(
            text,
            str::parse::<SocketAddr>,
            |_| "expected an address and a port, such as \"127.0.0.1:8080\" or \"[::]:8080\"",
        )?,
        None => SocketAddr::from(([127, 0, 0, 1], 8080)),
    };
    Ok(Config {
        listen,
        answering: answer::check(top.answer.as_deref().unwrap_or_default(), listen)?,
        workers: positive(top.workers.as_ref())?.unwrap_or_else(cores),
        max_connections: positive(top.max_connections.as_ref())?.unwrap_or(10_000),
        head_timeout: seconds(top.head_timeout.as_ref(), 30)?,
        drain_delay: match &top.drain_delay {
            None => Duration::ZERO,
            Some(delay) if *delay.get_ref() == 0 => Duration::ZERO,
            delay => seconds(delay.as_ref(), 0)?,
        },
        drain_timeout: seconds(top.drain_timeout.as_ref(), 30)?,
        proxies,
        http: bounds::check(top.http.as_ref())?,
        tls: top.tls.as_ref().map(|table| tls::check(table, &around.folder)).transpose()?,
        signing,
        admin: top.admin.as_ref().map(admin::check).transpose()?,
        log: top.log.as_ref().map(log::check).transpose()?,
        records: top.records.as_ref().map(records::check).transpose()?,
        traces: top.traces.as_ref().map(traces::check).transpose()?,
        resources,
    })
}
