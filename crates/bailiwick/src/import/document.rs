//! An OpenAPI document: versions 3.0 and 3.1, as far as a gateway reads it.

use http::Uri;
use serde_json::{Map, Value};

use super::plain;

/// A document of a version that is known.
pub(super) struct Document<'d> {
    root: &'d Map<String, Value>,
}

/// What the first server says.
#[derive(Default)]
pub(super) struct Server {
    /// The whole address.
    pub(super) address: Option<String>,
    /// Scheme, host and port.
    pub(super) origin: Option<String>,
    /// The path below which the API is.
    pub(super) prefix: Option<String>,
}

impl<'d> Document<'d> {
    pub(super) fn new(value: &'d Value) -> Result<Self, String> {
        let root = value.as_object().ok_or("this is no OpenAPI document")?;
        match root.get("openapi").and_then(Value::as_str) {
            Some(version) if version.starts_with("3.0.") || version.starts_with("3.1.") => {}
            Some(version) => {
                return Err(format!("OpenAPI {} is not read; 3.0 and 3.1 are", plain(version)));
            }
            None if root.contains_key("swagger") => {
                return Err("Swagger 2.0 is not read; convert the document to OpenAPI 3".into());
            }
            None => return Err("this is no OpenAPI document: it has no text `openapi`".into()),
        }
        Ok(Self { root })
    }

    pub(super) fn title(&self) -> Option<&'d str> {
        self.root.get("info")?.get("title")?.as_str().filter(|title| !title.is_empty())
    }

    /// The security requirements that hold where an operation says none.
    pub(super) fn security(&self) -> Option<&'d Value> {
        self.root.get("security")
    }

    /// A security scheme by its name.
    pub(super) fn scheme(&self, name: &str) -> Option<&'d Value> {
        let scheme = self.root.get("components")?.get("securitySchemes")?.get(name)?;
        self.followed(scheme)
    }

    /// The issuer, where an OpenID Connect scheme says whose metadata it is.
    pub(super) fn issuer(&self) -> Option<String> {
        let schemes = self.root.get("components")?.get("securitySchemes")?.as_object()?;
        let metadata = schemes.values().find_map(|it| self.followed(it)?.get("openIdConnectUrl"));
        let issuer = metadata?.as_str()?.strip_suffix("/.well-known/openid-configuration")?;
        bailiwick_oauth::Issuer::parse(issuer).ok().map(|issuer| issuer.to_string())
    }

    /// The paths with their items.
    pub(super) fn paths(&self, warnings: &mut Vec<String>) -> Vec<(&'d str, &'d Value)> {
        let mut paths = Vec::new();
        for (path, item) in self.root.get("paths").and_then(Value::as_object).into_iter().flatten()
        {
            if !path.starts_with('/') {
                continue; // an extension, `x-…`
            }
            match self.followed(item) {
                Some(item) => paths.push((path.as_str(), item)),
                None => {
                    warnings.push(plain(&format!("{path}: left out: it is in another document")));
                }
            }
        }
        paths
    }

    /// The first server, with the defaults of its variables.
    pub(super) fn server(&self, warnings: &mut Vec<String>) -> Server {
        let servers = self.root.get("servers").and_then(Value::as_array);
        let Some(first) = servers.and_then(|servers| servers.first()) else {
            return Server::default();
        };
        if servers.is_some_and(|servers| servers.len() > 1) {
            warnings.push("several servers: the first is taken".into());
        }
        let mut url = first.get("url").and_then(Value::as_str).unwrap_or_default().to_owned();
        let variables = first.get("variables").and_then(Value::as_object);
        for (name, variable) in variables.into_iter().flatten() {
            let default = variable.get("default").and_then(Value::as_str).unwrap_or_default();
            url = url.replace(&format!("{{{name}}}"), default);
        }
        let url = url.trim_end_matches('/');
        let Ok(uri) = url.parse::<Uri>() else { return Server::default() };
        let prefix = Some(uri.path()).filter(|path| path.len() > 1).map(str::to_owned);
        match (uri.scheme_str(), uri.authority()) {
            (Some(scheme @ ("http" | "https")), Some(authority)) => {
                let origin = format!("{scheme}://{authority}");
                Server { address: Some(url.to_owned()), origin: Some(origin), prefix }
            }
            _ => Server { prefix, ..Server::default() },
        }
    }

    /// What a reference within the document leads to; the value itself where it is none.
    fn followed(&self, value: &'d Value) -> Option<&'d Value> {
        let Some(reference) = value.get("$ref") else { return Some(value) };
        let pointer = reference.as_str()?.strip_prefix('#')?;
        let mut segments = pointer.strip_prefix('/')?.split('/');
        let name = |segment: &str| segment.replace("~1", "/").replace("~0", "~");
        let first = self.root.get(&name(segments.next()?))?;
        let found = segments.try_fold(first, |value, segment| value.get(name(segment)))?;
        found.get("$ref").is_none().then_some(found) // one step: no circles
    }
}

/// The operations of a path, each with its method.
pub(super) fn operations(item: &Value) -> impl Iterator<Item = (&'static str, &Value)> {
    METHODS.iter().filter_map(|(name, method)| Some((*method, item.get(*name)?)))
}

const METHODS: [(&str, &str); 8] = [
    ("get", "GET"),
    ("head", "HEAD"),
    ("post", "POST"),
    ("put", "PUT"),
    ("patch", "PATCH"),
    ("delete", "DELETE"),
    ("options", "OPTIONS"),
    ("trace", "TRACE"),
];
