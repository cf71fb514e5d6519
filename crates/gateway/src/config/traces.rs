//! Traces: where spans are sent, and of which requests.

use http::Uri;
use http::uri::PathAndQuery;
use toml::Spanned;

use super::reading::{Checked, fault, parsed};
use super::tables::tables;

/// Where spans are sent, and of which requests.
#[derive(Debug, Clone, PartialEq)]
pub struct Traces {
    /// Where the collector takes spans.
    pub endpoint: Uri,
    /// Which share of the requests is sampled.
    pub sample: f64,
    /// Whether any client's word on what is sampled counts, not only a trusted proxy's.
    pub believe_clients: bool,
    /// What the gateway is called in traces.
    pub service: String,
}

tables! {
    /// Traces, sent to a collector by OTLP over HTTP, in JSON. A request that is sampled is a span,
    /// its way to the upstream another; each upstream hears in `traceparent` what it is part of.
    /// Never a token, a query, a path or a claim of a person. Without the table `traceparent`
    /// passes on as it came.
    "`[traces]`" TracesTable {
        /// The collector, such as `http://127.0.0.1:4318`; `/v1/traces` is added.
        endpoint: Spanned<String>, "URL", "required";
        /// Which share of the requests is sampled, from `0` to `1`. What a trusted proxy says of a
        /// request (`trusted_proxies`) goes before it.
        sample: Option<Spanned<f64>>, "number", "`0.01`";
        /// Every client is believed on whether a request is sampled. Each can then have all of its
        /// requests recorded: for places where no stranger is a client.
        believe_clients: Option<bool>, "boolean", "`false`";
        /// What the gateway is called in traces: `service.name`.
        service: Option<Spanned<String>>, "text", "`\"bailiwick-gateway\"`";
    }
}

/// Checks the table.
pub(super) fn check(table: &TracesTable) -> Checked<Traces> {
    let sample = match &table.sample {
        Some(sample) if !(0.0..=1.0).contains(sample.get_ref()) => {
            return Err(fault(sample, "expected a share from 0 to 1, such as 0.05"));
        }
        sample => sample.as_ref().map_or(0.01, |sample| *sample.get_ref()),
    };
    let service = match &table.service {
        Some(name) if name.get_ref().trim().is_empty() => {
            return Err(fault(name, "the name is empty"));
        }
        name => name.as_ref().map_or("bailiwick-gateway", |name| name.get_ref()).to_owned(),
    };
    Ok(Traces {
        endpoint: parsed(&table.endpoint, endpoint, |why| {
            format!("{why}; write for example \"http://127.0.0.1:4318\"")
        })?,
        sample,
        believe_clients: table.believe_clients == Some(true),
        service,
    })
}

/// The place for spans below a collector's URL (OTLP 1, "OTLP/HTTP Request").
fn endpoint(url: &str) -> Result<Uri, &'static str> {
    let mut parts = url.parse::<Uri>().map_err(|_| "not a URL")?.into_parts();
    let is_http = parts.scheme.as_ref().is_some_and(|at| matches!(at.as_str(), "http" | "https"));
    if !is_http {
        return Err("the URL begins with neither http:// nor https://");
    }
    if parts.authority.as_ref().is_none_or(|authority| authority.as_str().contains('@')) {
        return Err("the URL has no host, or a user name");
    }
    let path = parts.path_and_query.as_ref().map_or("/", PathAndQuery::as_str);
    if path.contains('?') {
        return Err("the URL has a query");
    }
    let path = format!("{}/v1/traces", path.trim_end_matches('/'));
    parts.path_and_query = Some(path.parse().map_err(|_| "not a path")?);
    Uri::from_parts(parts).map_err(|_| "not a URL")
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn verdict(traces: &str) -> String {
        let text = format!(
            "traces = {traces}\n[[resource]]\nidentifier = \"https://a\"\nissuer = \"https://b\"\n\
             upstream = \"http://127.0.0.1:1\"\nroutes = [{{ path = \"/**\", scopes = [] }}]"
        );
        match Config::parse("g.toml", &text) {
            Ok(config) => {
                let traces = config.traces.unwrap();
                format!("{} {} {}", traces.endpoint, traces.sample, traces.service)
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn settings_are_good_or_named_with_what_would_be_right() {
        for (traces, expected) in [
            (
                "{ endpoint = \"http://127.0.0.1:4318\" }",
                "http://127.0.0.1:4318/v1/traces 0.01 bailiwick-gateway",
            ),
            (
                "{ endpoint = \"https://c.example/otlp/\", sample = 1, service = \"edge\" }",
                "https://c.example/otlp/v1/traces 1 edge",
            ),
            ("{ endpoint = \"127.0.0.1:4318\" }", "g.toml:1:23: the URL begins with neither"),
            ("{ endpoint = \"grpc://a\" }", "g.toml:1:23: the URL begins with neither http:// nor"),
            (
                "{ endpoint = \"http://a?b\" }",
                "g.toml:1:23: the URL has a query; write for example",
            ),
            ("{ endpoint = \"http://u:p@a\" }", "g.toml:1:23: the URL has no host, or a user name"),
            (
                "{ endpoint = \"http://a\", sample = 1.5 }",
                "g.toml:1:44: expected a share from 0 to",
            ),
            (
                "{ endpoint = \"http://a\", sample = nan }",
                "g.toml:1:44: expected a share from 0 to",
            ),
            ("{ endpoint = \"http://a\", service = \" \" }", "g.toml:1:45: the name is empty"),
            ("{ sample = 1 }", "g.toml:1:10: missing field `endpoint`"),
        ] {
            let found = verdict(traces);
            assert!(found.starts_with(expected), "{traces}: {found}");
        }
    }
}
