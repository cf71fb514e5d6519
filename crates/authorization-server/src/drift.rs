//! The closed loop with resource servers: what an API publishes about itself (RFC 9728 §2), made
//! into a registration, or held against one.

use std::fmt;

use bailiwick_grant::Tenant;
use bailiwick_grant::state::{ResourceServer, ScopeDefinition};
use bailiwick_oauth::metadata::ProtectedResource;
use bailiwick_oauth::{Resource, Scope};

/// One difference between a registration and what the API publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drift {
    /// The API does not name this issuer among its authorization servers.
    Issuer {
        /// Whom it names.
        named: Vec<String>,
    },
    /// The API publishes a scope that is not registered: no client can get it.
    NotRegistered(String),
    /// A scope is registered that the API does not publish: no client will ask for it.
    NotPublished(Scope),
    /// The API takes tokens in no `Authorization` header, the one way that is safe.
    BearerMethods(Vec<String>),
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Issuer { named } if named.is_empty() => {
                f.write_str("it names no authorization server; publish this issuer")
            }
            Self::Issuer { named } => {
                let named = named.join(", ");
                write!(
                    f,
                    "its authorization servers are {named}; publish this issuer, byte for byte"
                )
            }
            Self::NotRegistered(scope) => {
                write!(f, "it publishes the scope `{scope}`, which is not registered here")
            }
            Self::NotPublished(scope) => {
                write!(f, "the scope `{scope}` is registered here, but it does not publish it")
            }
            Self::BearerMethods(methods) => {
                let methods = methods.join(", ");
                write!(f, "it takes tokens by {methods}; publish the method header")
            }
        }
    }
}

/// Holds a registration against what the API publishes.
///
/// Scopes are compared only where the API publishes some; global ones (`openid` …) are not the API's.
pub fn compare(
    tenant: &Tenant,
    server: &ResourceServer,
    published: &ProtectedResource,
) -> Vec<Drift> {
    let mut found = Vec::new();
    let issuer = tenant.issuer.as_str();
    if !published.authorization_servers.iter().any(|named| named == issuer) {
        found.push(Drift::Issuer { named: published.authorization_servers.clone() });
    }
    let of_api = scopes(tenant, published);
    for name in &of_api {
        if !server.scopes.iter().any(|scope| scope.name.as_str() == *name) {
            found.push(Drift::NotRegistered((*name).to_owned()));
        }
    }
    let is_missing = |scope: &&ScopeDefinition| !of_api.contains(&scope.name.as_str());
    if !published.scopes_supported.is_empty() {
        let missing = server.scopes.iter().filter(is_missing);
        found.extend(missing.map(|scope| Drift::NotPublished(scope.name.clone())));
    }
    let methods = &published.bearer_methods_supported;
    if !methods.is_empty() && !methods.iter().any(|method| method == "header") {
        found.push(Drift::BearerMethods(methods.clone()));
    }
    found
}

/// Makes a registration of what an API publishes; its scopes have no descriptions yet.
pub fn import(
    tenant: &Tenant,
    identifier: Resource,
    published: &ProtectedResource,
) -> ResourceServer {
    let name = published.resource_name.clone().filter(|name| !name.trim().is_empty());
    let name = name.unwrap_or_else(|| identifier.as_str().to_owned());
    let mut server = ResourceServer::new(identifier, name);
    let names = scopes(tenant, published).into_iter();
    server.scopes = names
        .filter_map(|name| Scope::parse(name).ok())
        .map(|name| ScopeDefinition {
            description: name.as_str().to_owned(),
            name,
            default: false,
            sensitive: false,
        })
        .collect();
    server
}

/// The published scopes that are the API's own, each once.
fn scopes<'p>(tenant: &Tenant, published: &'p ProtectedResource) -> Vec<&'p str> {
    let mut own: Vec<&str> = Vec::new();
    for name in &published.scopes_supported {
        let is_global = tenant.global_scopes.has(name);
        if !is_global && !own.contains(&name.as_str()) {
            own.push(name);
        }
    }
    own
}

#[cfg(test)]
mod tests {
    use bailiwick_oauth::Issuer;

    use super::*;

    fn tenant() -> Tenant {
        Tenant::new(Issuer::parse("https://id.example.com").unwrap())
    }

    fn published(
        authorization_servers: &[&str],
        scopes: &[&str],
        methods: &[&str],
    ) -> ProtectedResource {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        ProtectedResource {
            resource: "https://a.example".to_owned(),
            authorization_servers: texts(authorization_servers),
            scopes_supported: texts(scopes),
            bearer_methods_supported: texts(methods),
            ..ProtectedResource::default()
        }
    }

    #[test]
    fn what_is_imported_does_not_drift() {
        let ours =
            published(&["https://id.example.com"], &["read", "openid", "write"], &["header"]);
        let identifier = Resource::parse("https://a.example").unwrap();
        let server = import(&tenant(), identifier, &ours);
        let names: Vec<_> = server.scopes.iter().map(|scope| scope.name.as_str()).collect();
        assert_eq!((server.name.as_str(), names), ("https://a.example", vec!["read", "write"]));
        assert_eq!(compare(&tenant(), &server, &ours), []);
        let told = |published: &ProtectedResource| {
            let drift = compare(&tenant(), &server, published);
            drift.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            told(&published(
                &["https://id.example.com/"],
                &["read", "delete", "offline_access"],
                &["body"]
            )),
            [
                "its authorization servers are https://id.example.com/; \
                 publish this issuer, byte for byte",
                "it publishes the scope `delete`, which is not registered here",
                "the scope `write` is registered here, but it does not publish it",
                "it takes tokens by body; publish the method header",
            ]
        );
        let silent = published(&[], &[], &[]);
        assert_eq!(told(&silent), ["it names no authorization server; publish this issuer"]);
    }
}
