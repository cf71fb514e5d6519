//! Checking a configuration beyond its form: what would surprise its operator (RFC 8414 §2,
//! RFC 8707 §2). Nothing of it keeps a gateway from starting.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bailiwick_fetch::{FetchError, metadata};
use bailiwick_guard::IssuerRule;
use bailiwick_guard::profile::ResourceParameter;
use bailiwick_oauth::metadata::AuthorizationServer;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::config::{Config, Identity, KeyPlace, LookedUpBy, Protected, Server, Trusted};
use crate::protect;

/// Something that would surprise the operator of a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The resource that it is about.
    pub resource: String,
    /// What it is.
    pub what: String,
    /// What could be done about it.
    pub remedy: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resource, what, remedy } = self;
        write!(f, "{resource}: {what}; {remedy}")
    }
}

/// What can be said of a configuration alone; nobody is asked.
pub fn offline(config: &Config) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for (at, resource) in config.resources.iter().enumerate() {
        for other in &config.resources[..at] {
            warnings.extend(same_scopes(resource, other));
        }
        for issuer in &resource.issuers {
            warnings.extend(without_resource(resource, issuer));
        }
    }
    warnings
}

/// What those say whom the gateway would ask: issuers and upstreams.
pub async fn online(config: &Config) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut reached: BTreeMap<String, Result<(), String>> = BTreeMap::new();
    for resource in &config.resources {
        for issuer in &resource.issuers {
            warnings.extend(issuer_of(resource, issuer).await);
        }
        for server in &resource.upstream.servers {
            let address = address(server);
            if !reached.contains_key(&address) {
                reached.insert(address.clone(), reach(&address).await);
            }
            if let Some(Err(why)) = reached.get(&address) {
                warnings.push(Warning {
                    resource: resource.identifier.to_string(),
                    what: format!("the upstream {address} cannot be reached: {why}"),
                    remedy: "start it, or correct `upstream`".to_owned(),
                });
            }
        }
    }
    warnings
}

/// One scope name with two meanings: at an issuer that knows no resources, whoever is given the one
/// is given the other's name too.
fn same_scopes(this: &Protected, other: &Protected) -> Option<Warning> {
    let common_issuer = this
        .issuers
        .iter()
        .find(|issuer| other.issuers.iter().any(|theirs| theirs.name() == issuer.name()))?;
    let theirs = other.scopes();
    let common: Vec<String> = this
        .scopes()
        .iter()
        .filter(|scope| theirs.contains(scope))
        .map(ToString::to_string)
        .collect();
    if common.is_empty() {
        return None;
    }
    let (names, other) = (common.join(" "), &other.identifier);
    Some(Warning {
        resource: this.identifier.to_string(),
        what: format!(
            "the scopes {names} are asked for by {other} too, with the same issuer, {}",
            common_issuer.name()
        ),
        remedy: "if they do not mean the same, give each its own name, such as \"read:orders\""
            .to_owned(),
    })
}

/// An identity provider that does not know the parameter `resource`, and no audience to know its
/// tokens by.
fn without_resource(resource: &Protected, issuer: &Trusted) -> Option<Warning> {
    let provider = issuer.provider.as_ref()?;
    let (what, remedy) = match provider.resource_parameter {
        ResourceParameter::Resource | ResourceParameter::None => return None,
        ResourceParameter::Rejected => (
            "refuses requests with `resource`",
            "clients that send it, as MCP clients do, get no token there: they must leave it out",
        ),
        ResourceParameter::Ignored => (
            "ignores `resource`",
            "name what it puts into `aud` in `audience`, and give each API one of its own",
        ),
        ResourceParameter::Audience => (
            "wants `audience` in the place of `resource`",
            "clients must send it, and `aud` be the identifier or in `audience`",
        ),
        ResourceParameter::ScopePrefix => (
            "knows the API by its scopes, not by `resource`",
            "clients must ask for scopes of this API, and `aud` be the identifier or in `audience`",
        ),
    };
    let is_settled =
        !resource.audience.is_empty() && provider.resource_parameter != ResourceParameter::Rejected;
    (!is_settled).then(|| Warning {
        resource: resource.identifier.to_string(),
        what: format!("{} {what}", provider.name),
        remedy: remedy.to_owned(),
    })
}

async fn issuer_of(resource: &Protected, issuer: &Trusted) -> Vec<Warning> {
    let warning = |what: String, remedy: &str| Warning {
        resource: resource.identifier.to_string(),
        what,
        remedy: remedy.to_owned(),
    };
    let name = issuer.name();
    let metadata = match metadata_of(issuer).await {
        None => return Vec::new(),
        Some(Ok(metadata)) => metadata,
        Some(Err(error)) => {
            let what = format!("the metadata of the issuer {name} cannot be had: {error}");
            let remedy = "until it can, tokens get 503; correct `issuer`, or start it";
            return vec![warning(what, remedy)];
        }
    };
    let mut warnings = Vec::new();
    if issuer.signs() {
        match protect::keys(issuer) {
            Ok(keys) => {
                if let Err(error) = keys.keys().await {
                    let what = format!("the keys of the issuer {name} cannot be had: {error}");
                    warnings.push(warning(what, "until they can, tokens get 503"));
                }
            }
            Err(error) => warnings.push(warning(error.to_string(), "correct the issuer")),
        }
    }
    let unlisted: Vec<String> = resource
        .scopes()
        .iter()
        .map(ToString::to_string)
        .filter(|scope| !metadata.scopes_supported.contains(scope))
        .collect();
    if !metadata.scopes_supported.is_empty() && !unlisted.is_empty() {
        let what = format!("the issuer {name} lists no scope {}", unlisted.join(", "));
        let remedy = "register it there, or correct the routes: nobody might ever get it";
        warnings.push(warning(what, remedy));
    }
    let listed = &metadata.protected_resources;
    if !listed.is_empty() && !listed.iter().any(|it| it == resource.identifier.as_str()) {
        let what = format!("the issuer {name} does not list this resource among those it serves");
        warnings.push(warning(what, "register it there, or correct `identifier`"));
    }
    if let Some(LookedUpBy::Endpoint(_, None, _)) = resource.introspection.as_ref().map(|it| &it.by)
        && metadata.introspection_endpoint.is_none()
    {
        let what = format!("the issuer {name} names no introspection endpoint");
        warnings.push(warning(what, "write it as `endpoint` in [resource.introspection]"));
    }
    if let Identity::Exchange(how) = &resource.identity
        && how.endpoint.is_none()
        && !metadata.grant_types_supported.iter().any(|grant| grant == TOKEN_EXCHANGE)
    {
        let what = format!("the issuer {name} does not say that it exchanges tokens");
        warnings.push(warning(what, "look whether it does (RFC 8693)"));
    }
    warnings
}

/// The metadata of an issuer; `None` where it is not looked at.
async fn metadata_of(issuer: &Trusted) -> Option<Result<AuthorizationServer, FetchError>> {
    let fetcher = protect::fetcher([issuer], None, None).ok()?;
    match (&issuer.place, &issuer.trust.issuer) {
        (KeyPlace::Metadata { issuer, url }, _) => {
            Some(metadata::authorization_server_at(&fetcher, url, issuer).await)
        }
        (KeyPlace::WellKnown, IssuerRule::Exactly(issuer)) => {
            Some(metadata::authorization_server(&fetcher, issuer).await)
        }
        _ => None,
    }
}

fn address(server: &Server) -> String {
    let authority = &server.authority;
    let port =
        authority.port_u16().unwrap_or(if server.scheme.as_str() == "https" { 443 } else { 80 });
    format!("{}:{port}", authority.host())
}

async fn reach(address: &str) -> Result<(), String> {
    match timeout(LONGEST, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", LONGEST.as_secs())),
    }
}

const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const LONGEST: Duration = Duration::from_secs(3);
