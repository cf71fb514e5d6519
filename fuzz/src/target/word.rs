//! The words that are text: each has one spelling, and is what it claims to be (RFC 8707 §2,
//! RFC 8414 §2, RFC 6749 §3.3, RFC 9449 §4.3).

use std::sync::LazyLock;

use bailiwick_guard::{IssuerRule, IssuerTemplate, Tenants};
use bailiwick_oauth::{
    ClientId, Form, Issuer, RedirectUri, Resource, Scopes, Subject, dpop, form, metadata,
};
use http::Uri;

use crate::{Outcome, oracle};

/// One text; accepted when it is the name of a resource, an issuer, a template or a URI.
pub fn target(data: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(data) else { return Outcome::Refused };
    scopes(text);
    names(text);
    parameters(text);
    let found = [resource(text), issuer(text), template(text), redirect_uri(text), htu(text)];
    Outcome::of(found.contains(&true))
}

fn resource(text: &str) -> bool {
    let Ok(resource) = Resource::parse(text) else { return false };
    let canonical = resource.as_str();
    assert_eq!(Resource::parse(canonical), Ok(resource.clone()), "{canonical}: two spellings");
    let stored = serde_json::to_string(&resource).unwrap();
    assert_eq!(serde_json::from_str::<Resource>(&stored).unwrap(), resource);
    assert!(canonical.len() <= text.len() && !text.contains('#'));
    if let Some(origin) = resource.origin() {
        web(canonical);
        let url = metadata::protected_resource_url(&resource).unwrap();
        let rest = url.strip_prefix(origin).expect("metadata on another host");
        let rest = rest.strip_prefix("/.well-known/oauth-protected-resource").unwrap();
        assert_eq!(format!("{origin}{rest}"), canonical);
    }
    true
}

fn issuer(text: &str) -> bool {
    let Ok(issuer) = Issuer::parse(text) else { return false };
    assert_eq!(issuer.as_str(), text, "an issuer is kept as it was written");
    assert!(!text.contains(['?', '#', '\\', ' ']));
    web(text);
    let origin = issuer.origin();
    assert!(text.starts_with(origin) && !origin.contains('@'));
    for url in metadata::authorization_server_urls(&issuer) {
        let same_host = url.strip_prefix(origin).is_some_and(|rest| rest.starts_with('/'));
        assert!(same_host && url.contains("/.well-known/"), "{url} for {text}");
    }
    assert!(issuer.endpoint("token").starts_with(origin));
    true
}

/// What another reader of URIs must agree on: that it is one, and which host it names.
fn web(text: &str) {
    let uri: Uri = text.parse().expect("a URI that another reader refuses");
    let (scheme, rest) = text.split_once("://").expect("a web address");
    assert_eq!(uri.scheme_str(), Some(scheme));
    let authority = rest.split(['/', '?']).next().unwrap();
    assert_eq!(uri.authority().map(http::uri::Authority::as_str), Some(authority));
    assert!(uri.host().is_some_and(|host| !host.is_empty() && authority.starts_with(host)));
    if scheme == "http" {
        let host = uri.host().unwrap().to_ascii_lowercase();
        let is_near = host == "localhost" || host == "[::1]" || host.starts_with("127.");
        assert!(is_near, "plain http to {host}");
    }
}

static TENANTS: LazyLock<IssuerRule> = LazyLock::new(|| {
    let template = "https://login.example.com/{tenantid}/v2.0";
    IssuerRule::Template(
        IssuerTemplate::parse(template, Tenants::EveryTenantOfTheProvider).unwrap(),
    )
});

fn template(text: &str) -> bool {
    if let Some(issuer) = TENANTS.find(text) {
        assert_eq!(issuer.as_str(), text);
        assert_eq!(issuer.origin(), "https://login.example.com");
        assert_eq!(text.split('/').count(), 5, "a tenant is one segment: {text}");
    }
    let every = Tenants::EveryTenantOfTheProvider;
    let Ok(template) = IssuerTemplate::parse(text, every) else {
        return TENANTS.find(text).is_some();
    };
    let rule = IssuerRule::Template(template);
    let meant = text.replace(IssuerTemplate::TENANT, "one");
    assert!(rule.find(&meant).is_some_and(|issuer| issuer.as_str() == meant), "{text}");
    assert_eq!(rule.find(text), None, "a template is not an issuer");
    for elsewhere in
        ["https://evil.example/", "one/../..", "one/two", "", ".", "..", "one?", "one#"]
    {
        let other = text.replace(IssuerTemplate::TENANT, elsewhere);
        assert_eq!(rule.find(&other), None, "{other} for {text}");
    }
    true
}

fn redirect_uri(text: &str) -> bool {
    let Ok(uri) = RedirectUri::parse(text) else { return false };
    assert_eq!(uri.as_str(), text, "redirect URIs are compared byte for byte");
    assert!(!text.contains('#'));
    let scheme = text.split(':').next().unwrap().to_ascii_lowercase();
    assert!(
        !["javascript", "data", "file", "vbscript", "blob", "about"].contains(&&*scheme),
        "{text}"
    );
    let answer = uri.with_query(&[("code", "c&d#e"), ("iss", "https://id.example.com")]);
    assert!(answer.starts_with(text.split('?').next().unwrap()) && !answer.contains('#'));
    let added = answer.split_once('?').map(|(_, query)| oracle::query_names(query));
    assert!(added.is_some_and(|names| names.iter().any(|name| name == "code")), "{answer}");
    true
}

fn htu(text: &str) -> bool {
    let Some(normal) = dpop::normalise(text) else { return false };
    assert_eq!(dpop::normalise(&normal).as_ref(), Some(&normal), "two normal forms");
    assert!(!normal.contains(['?', '#', ' ', '\\']), "{normal}");
    let uri: Uri = normal.parse().expect("a URI that another reader refuses");
    assert!(uri.query().is_none() && uri.path().starts_with('/'));
    let is_step = |segment: &str| segment == "." || segment == "..";
    assert!(!uri.path().split('/').any(is_step), "{normal} has dot segments");
    for behind in ["?a=b", "#c", "?d#e"] {
        let longer = format!("{}{behind}", text.split(['?', '#']).next().unwrap());
        assert_eq!(dpop::normalise(&longer).as_ref(), Some(&normal));
    }
    true
}

fn scopes(text: &str) {
    let Ok(scopes) = Scopes::parse(text) else { return };
    assert_eq!(Scopes::parse(&scopes.to_string()).unwrap(), scopes);
    assert!(scopes.iter().all(|one| text.split(' ').any(|name| name == one.as_str())));
    assert!(text.split(' ').filter(|name| !name.is_empty()).all(|name| scopes.has(name)));
}

fn names(text: &str) {
    if let Ok(client) = ClientId::parse(text) {
        assert!(client.as_str() == text && text.bytes().all(|c| c.is_ascii_graphic()));
    }
    if let Ok(subject) = Subject::parse(text) {
        assert!(subject.as_str() == text && text.trim() == text && text.is_ascii());
    }
}

fn parameters(text: &str) {
    if let Ok(form) = Form::parse(text) {
        assert!(oracle::same_names(text, &form), "another reader finds other parameters");
    }
    if !text.is_empty() {
        let written = form::encode([(text, "value")]);
        assert!(Form::parse(&written).unwrap().names(text), "{written}");
    }
}
