//! Hostile requests: every class of token that got into some well-known API, by name (RFC 8725 §2,
//! RFC 6750 §5, RFC 9449 §11).
//!
//! Each has one fault and is good in everything else: where it gets in, that very check is missing.
//! The names are stable.

mod algorithms;
mod binding;
mod claims;
mod encrypted;
mod form;
mod headers;
mod plan;

use std::fmt;

use bailiwick_guard::{Reason, Refusal};
use bailiwick_oauth::Resource;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};

use self::plan::Plan;
use crate::testing::TestIssuer;
use crate::{ClientCertificate, ResourceServer};

/// Who is behind it.
pub(super) const EVIL: &str = "https://evil.example";

/// The name of the key that test issuers encrypt with.
pub(super) const SHARED: &str = "shared";

/// The name of the symmetric key in test issuers' sets.
pub(super) const SYMMETRIC: &str = "symmetric";

/// What becomes of tokens that are no JWT: where opaque ones are looked up, these are too.
const NO_JWT: &[Reason] = &[Reason::TokenMalformed, Reason::TokenInactive];

/// A request that must not be let in.
#[derive(Clone)]
#[non_exhaustive]
pub struct Hostile {
    /// What it is.
    pub name: String,
    /// What it tries.
    pub why: &'static str,
    /// Its method.
    pub method: Method,
    /// Its path and query.
    pub target: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body: a form, or empty.
    pub body: String,
    /// The client certificate of its connection. What is refused with one, is so without.
    pub certificate: Option<ClientCertificate>,
    /// Why it is refused: the first of these by an API that the issuer
    /// [protects](TestIssuer::protect), any of them by others.
    pub expected: &'static [Reason],
}

impl Hostile {
    /// The status of its answer.
    pub fn status(&self) -> StatusCode {
        let reason = self.expected.first().copied().unwrap_or(Reason::NoCredentials);
        Refusal::new(reason, "").status()
    }

    /// The request, with a body of any kind that is made of text: axum's `Body`, a `String`, and
    /// others. Its certificate is among its extensions.
    pub fn request<B: From<String>>(&self) -> Request<B> {
        let mut request = Request::new(B::from(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.target.parse().expect("a path and a query");
        *request.headers_mut() = self.headers.clone();
        if let Some(certificate) = self.certificate {
            request.extensions_mut().insert(certificate);
        }
        request
    }
}

impl fmt::Display for Hostile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for Hostile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hostile").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What hostile requests are aimed at: a resource, and a request that would be good there.
///
/// A resource alone stands for a `GET` of its identifier, by a token without scope. Say the rest where
/// the API has routes and scopes, so that nothing is refused for a reason of no interest:
///
/// ```
/// use bailiwick_resource_server::testing::{Aim, TestIssuer};
///
/// let issuer = TestIssuer::new();
/// let aim = Aim::at("https://api.example.com").path("/orders").scope("read:orders");
/// assert!(issuer.hostile(aim).len() >= 60);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Aim {
    resource: String,
    scope: String,
    method: Method,
    uri: String,
}

impl Aim {
    /// Aims at a resource.
    ///
    /// # Panics
    /// When it is no resource identifier.
    pub fn at(resource: &str) -> Self {
        let resource = Resource::parse(resource).expect("a resource identifier");
        Self {
            uri: resource.as_str().to_owned(),
            resource: resource.as_str().to_owned(),
            scope: String::new(),
            method: Method::GET,
        }
    }

    /// The scope of the tokens: what the route asks for, with spaces between.
    pub fn scope(mut self, scope: &str) -> Self {
        scope.clone_into(&mut self.scope);
        self
    }

    /// The method of the requests.
    pub fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// The path of the requests, at the host of the resource.
    pub fn path(mut self, path: &str) -> Self {
        let resource = Resource::parse(&self.resource).expect("parsed before");
        let origin = resource.origin().expect("a resource with a host");
        self.uri = format!("{origin}{path}");
        self
    }

    /// The whole URI of the requests, where the API is called by another host.
    pub fn uri(mut self, uri: &str) -> Self {
        uri.clone_into(&mut self.uri);
        self
    }

    /// Path and query of the requests.
    fn target(&self) -> String {
        let uri: Uri = self.uri.parse().expect("a URI");
        uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string)
    }
}

impl From<&str> for Aim {
    fn from(resource: &str) -> Self {
        Self::at(resource)
    }
}

impl From<&ResourceServer> for Aim {
    fn from(api: &ResourceServer) -> Self {
        Self::at(api.resource().as_str())
    }
}

/// Every hostile request to an API that trusts this issuer.
///
/// They are made for the present of the issuer's clock. Those that need more than one request are not
/// among them: send a good proof twice, or a good token after [`TestIssuer::revoke`] or its end. Nor are
/// those that take a key nobody here can make: RSA under 2048 bits.
pub fn all(issuer: &TestIssuer, aim: impl Into<Aim>) -> Vec<Hostile> {
    let mut plan = Plan::new(issuer, aim.into());
    algorithms::add(&mut plan);
    headers::add(&mut plan);
    claims::add(&mut plan);
    form::add(&mut plan);
    binding::add(&mut plan);
    encrypted::add(&mut plan);
    plan.hostile
}

/// The further ones to an API that asks for the nonces of [`TestIssuer::dpop`] (RFC 9449 §9).
pub fn nonces(issuer: &TestIssuer, aim: impl Into<Aim>) -> Vec<Hostile> {
    let mut plan = Plan::new(issuer, aim.into());
    binding::add_nonces(&mut plan);
    plan.hostile
}

/// A header's value of any text, line breaks excepted.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_bytes(text.as_bytes()).expect("a text without line breaks")
}

/// The headers of a form that is sent as a body.
fn form_headers() -> HeaderMap {
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    HeaderMap::from_iter([(CONTENT_TYPE, form)])
}

#[cfg(test)]
mod tests {
    use super::binding::Bound;
    use super::plan::authorization;
    use super::*;
    use crate::{Algorithm, Asked, Rule, ScopeRule, Scopes};

    // Otherwise each could be refused for a fault that it shares with all others.
    #[tokio::test]
    async fn what_hostile_requests_are_made_of_is_good() {
        for algorithm in Algorithm::ALL {
            let issuer = TestIssuer::signing_with(algorithm);
            let api = issuer.builder("https://api.example.com").unwrap().build().unwrap();
            let aim = Aim::at("https://api.example.com").path("/orders").scope("read:orders");
            let rule = Rule::from(ScopeRule::AllOf(Scopes::parse("read:orders").unwrap()));
            let mut plan = Plan::new(&issuer, aim);
            let token = plan.good();
            plan.bearer("a good one", &[], &token);
            let bound = Bound::new(&plan);
            plan.add("a bound one", &[], bound.headers(&bound.proof()));
            let header = r#"{"alg":"dir","enc":"A256GCM","kid":"shared","cty":"JWT"}"#;
            let token = crate::testing::forge::sealed(issuer.shared(), header, token.as_bytes());
            plan.add("an encrypted one", &[], authorization(&format!("Bearer {token}")));
            for good in plan.hostile {
                let request = good.request::<String>();
                let verdict = api.admit(&Asked::from(&request), &rule).await;
                assert!(verdict.is_ok(), "{algorithm}: {good}: {verdict:?}");
            }
        }
    }

    #[test]
    fn an_aim_is_a_resource_a_path_and_a_method() {
        let aim = Aim::at("https://api.example.com/v1").path("/v1/orders?page=2");
        assert_eq!(aim.target(), "/v1/orders?page=2");
        assert_eq!(aim.uri, "https://api.example.com/v1/orders?page=2");
        assert_eq!(Aim::from("https://api.example.com").target(), "/");
        assert_eq!(Aim::at("https://a.example").uri("http://127.0.0.1:1/x").target(), "/x");
    }
}
