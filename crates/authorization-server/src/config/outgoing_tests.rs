use std::path::Path;

use bailiwick_fetch::FetchError;

use super::*;
use crate::config::{Config, ConfigError, Surroundings};

fn parse(issuer: &str, lines: &str) -> Result<Config, ConfigError> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/config/tests"));
    let around = Surroundings { name: "as.toml", folder, environment: &|_| None };
    Config::parse(&format!("issuer = \"{issuer}\"\n[outgoing]\n{lines}"), &around)
}

const ISSUER: &str = "https://id.example.com";

/// Whether a URL is refused before anybody is asked.
async fn verdict(config: &Config, url: &str) -> &'static str {
    let fetcher = config.outgoing.fetcher(&config.tenant.issuer).unwrap();
    match fetcher.get_json(url).await {
        Err(FetchError::Url { .. }) => "url",
        Err(FetchError::Address { .. }) => "address",
        _ => "asked",
    }
}

#[tokio::test]
async fn a_private_host_is_reached_when_it_is_named_and_no_other() {
    let none = parse(ISSUER, "").unwrap();
    assert_eq!(none.outgoing, Outgoing::default());
    assert!(none.warnings.is_empty());
    let one = parse(ISSUER, "dangerous_allow_private_hosts = [\"127.0.0.1\"]\n").unwrap();
    // Nobody listens on port 1: an answer about the connection means that it was tried.
    for (config, url, expected) in [
        (&none, "https://127.0.0.1:1", "address"),
        (&one, "https://127.0.0.1:1", "asked"),
        (&one, "http://127.0.0.1:1", "url"),
        (&one, "https://127.0.0.2:1", "address"),
        (&one, "https://10.0.0.1", "address"),
    ] {
        assert_eq!(verdict(config, url).await, expected, "{url}");
    }
    assert_eq!(
        one.warnings[0].to_string(),
        "as.toml:3:34: requests to others may reach the private host `127.0.0.1`; take it out of \
         `dangerous_allow_private_hosts` outside development"
    );
}

#[tokio::test]
async fn this_machine_is_asked_only_where_the_issuer_is_on_it() {
    let public = parse(ISSUER, "").unwrap();
    let here = parse("http://127.0.0.1:9000", "").unwrap();
    for url in ["http://127.0.0.1:1", "http://localhost:1"] {
        assert_eq!(verdict(&public, url).await, "url", "{url}");
        assert_eq!(verdict(&here, url).await, "asked", "{url}");
    }
    assert_eq!(verdict(&here, "https://10.0.0.1").await, "address");
}

#[test]
fn an_authority_is_read_from_its_file() {
    let config = parse(ISSUER, "authorities = [\"authority.pem\"]\n").unwrap();
    assert_eq!(config.outgoing.authorities.len(), 1);
    assert!(config.outgoing.fetcher(&config.tenant.issuer).is_ok());
    for (lines, expected) in [
        ("authorities = [\"nowhere.pem\"]", "as.toml:3:16: cannot read the authority from"),
        ("authorities = [\"keys.json\"]", "it holds no certificate; name a file that holds"),
    ] {
        let error = parse(ISSUER, lines).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_private_host_is_one_host() {
    for host in ["*", "*.internal", "https://idp.internal", "idp.internal:443", "10.0.0.0/8", ""] {
        let lines = format!("dangerous_allow_private_hosts = [\"{host}\"]");
        let error = parse(ISSUER, &lines).unwrap_err().to_string();
        assert!(error.starts_with("as.toml:3:34: ") && error.contains("is no host"), "{error}");
    }
    let config = parse(ISSUER, "dangerous_allow_private_hosts = [\"IDP.internal\", \"::1\"]");
    assert_eq!(config.unwrap().outgoing.private_hosts, ["idp.internal", "::1"]);
}
