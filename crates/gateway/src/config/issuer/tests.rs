//! What is said of issuers and tokens: what comes out, and each mistake with its place.

use bailiwick_guard::Binding;
use bailiwick_jose::Algorithm;

use super::*;
use crate::config::{Config, LookedUpBy, Protected};

/// The resource with these settings, or what is said about them.
fn resource_of(settings: &str) -> Result<Protected, String> {
    let text = format!(
        "[[resource]]\nidentifier = \"https://a.example\"\nupstream = \"http://127.0.0.1:1\"\n\
         routes = [{{ path = \"/a\", scopes = [] }}]\n{settings}\n"
    );
    let config = Config::parse("/nowhere/g.toml", &text).map_err(|error| error.to_string())?;
    Ok(config.resources[0].clone())
}

const ISSUER: &str = "issuer = \"https://id.example\"\n";

#[test]
fn an_issuer_is_a_name_a_list_or_a_provider() {
    let names = |settings: &str| {
        let resource = resource_of(settings).unwrap();
        resource.issuers.iter().map(|issuer| issuer.name().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(ISSUER), ["https://id.example"]);
    assert_eq!(
        names("issuer = [\"https://a.id\", \"https://b.id\"]"),
        ["https://a.id", "https://b.id"]
    );
    let okta = "provider = \"okta\"\nissuer = \"https://t.okta.com/oauth2/default\"";
    let resource = resource_of(okta).unwrap();
    assert_eq!(resource.issuers[0].trust.algorithms, [Algorithm::Rs256]);
    assert_eq!(resource.issuers[0].provider.as_ref().unwrap().trust.profile.client_id, ["cid"]);
    for kind in Provider::KINDS {
        let settings = format!("provider = \"{}\"\nissuer = \"{}\"", kind.name, kind.example);
        match resource_of(&settings) {
            Ok(resource) => assert_eq!(resource.issuers.len(), 1),
            Err(said) => assert!(said.contains("add [resource.credentials]"), "{said}"),
        }
    }
}

#[test]
fn a_template_names_its_tenants_and_its_metadata() {
    let template = |rest: &str| {
        resource_of(&format!(
            "[[resource.issuers]]\nissuer = \"https://login.example/{{tenantid}}/v2.0\"\n{rest}"
        ))
    };
    let metadata = "metadata_url = \"https://login.example/common/openid-configuration\"";
    let resource = template(&format!("{metadata}\ntenants = [\"one\", \"two\"]")).unwrap();
    let issuer = &resource.issuers[0].trust.issuer;
    assert!(issuer.find("https://login.example/two/v2.0").is_some());
    assert!(issuer.find("https://login.example/three/v2.0").is_none());
    let every = template(&format!("{metadata}\nevery_tenant_of_the_provider = true")).unwrap();
    assert!(every.issuers[0].trust.issuer.find("https://login.example/three/v2.0").is_some());
    for (rest, expected) in [
        (metadata, "a template needs `tenants"),
        ("tenants = [\"one\"]", "a template needs `metadata_url`"),
        ("tenants = [\"a/b\"]", "a tenant is"),
    ] {
        let said = template(rest).unwrap_err();
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn a_google_token_is_looked_up_and_no_jwt_passes() {
    let google = "provider = \"google\"\nissuer = \"https://accounts.google.com\"\n\
                  audience = [\"1-a.apps.googleusercontent.com\"]";
    let resource = resource_of(google).unwrap();
    assert!(!resource.issuers[0].signs());
    let how = resource.introspection.unwrap();
    assert_eq!(how.by, LookedUpBy::Tokeninfo("https://oauth2.googleapis.com/tokeninfo".to_owned()));
}

#[test]
fn a_mistake_is_named_with_what_would_be_right() {
    let cases = [
        ("", "no issuer: nobody could have a token"),
        ("issuer = []", "an empty list"),
        ("issuer = 5", "expected an issuer, or a list of issuers"),
        ("issuer = [\"https://a.id\", \"https://a.id\"]", "is named twice"),
        ("issuer = \"http://id.example\"", "not an issuer"),
        ("issuer = \"x\"\nissuers = []", "`issuer` already"),
        ("provider = \"oktopus\"\nissuer = \"x\"", "no such provider; known are auth0,"),
        ("provider = \"okta\"\nissuer = \"https://x\"", "such as \"https://tenant.okta.com/oauth2"),
        ("provider = \"okta\"\nissuer = [\"a\", \"b\"]", "each with its `provider`"),
        ("audience = [\"\"]\nissuer = \"https://id.example\"", "an empty audience"),
        (
            "[[resource.issuers]]\nissuer = \"https://a.id\"\nalgorithms = [\"HS256\"]",
            "known are RS256",
        ),
        ("[[resource.issuers]]\nissuer = \"https://a.id\"\nalgorithms = []", "no token could pass"),
        ("[[resource.issuers]]\nissuer = \"https://a.id\"\ntenants = [\"a\"]", "only a template"),
        (
            "[[resource.issuers]]\nissuer = \"https://a.id\"\njwks_uri = \"http://a.id/k\"",
            "write https",
        ),
        (
            "[[resource.issuers]]\nissuer = \"https://a.id\"\nauthorities_file = \"x\"",
            "cannot read /nowhere/x",
        ),
    ];
    for (settings, expected) in cases {
        let said = resource_of(settings).unwrap_err();
        assert!(
            said.starts_with("/nowhere/g.toml:") && said.contains(expected),
            "{settings}: {said}"
        );
    }
    let with_issuer = [
        ("introspection = {}", "add [resource.credentials]"),
        ("credentials = { client_id = \"a\" }", "expected one of `client_secret_file`"),
        ("credentials = { client_secret = \"x\" }", "unknown field `client_secret`"),
        (
            "credentials = { client_id = \"a\", client_secret_file = \"s\" }",
            "cannot read /nowhere/s",
        ),
        (
            "credentials = { client_id = \"a\", client_secret_env = \"NOT_SET_HERE\" }",
            "NOT_SET_HERE is not set",
        ),
        ("tokens = { binding = \"mtls\" }", "expected \"dpop\""),
        ("tokens = { clock_skew = 301 }", "expected 0 to 300"),
        ("tokens = { origin = \"api.example.com\" }", "not an origin"),
        ("tokens = { origin = \"https://a/b\" }", "not an origin"),
        ("tokens = { client_certificate_header = \"x-cert\" }", "name the proxies that write it"),
        ("tokens = { client_certificate_format = \"pem\" }", "no `client_certificate_header`"),
        ("tokens = { decryption_key_files = [\"k\"] }", "cannot read /nowhere/k"),
        ("events = { path = \"events\" }", "not a path"),
        ("events = { path = \"/.well-known/oauth-protected-resource/x\" }", "not a path"),
        ("metadata = { signed = true }", "add [signing]"),
    ];
    for (settings, expected) in with_issuer {
        let said = resource_of(&format!("{ISSUER}{settings}")).unwrap_err();
        assert!(said.contains(expected), "{settings}: {said}");
    }
}

#[test]
fn one_name_of_two_people_is_refused() {
    let with = |issuer: &str, route: &str| {
        let text = format!(
            "[[resource]]\nidentifier = \"https://a.example\"\nupstream = \"http://127.0.0.1:1\"\n\
             issuer = {issuer}\nroutes = [{{ path = \"/a\", subjects = [\"alice\"]{route} }}]\n"
        );
        Config::parse("g.toml", &text).map(|_| ()).map_err(|error| error.to_string())
    };
    let two = "[\"https://a.id\", \"https://b.id\"]";
    assert_eq!(with("\"https://a.id\"", ""), Ok(()));
    assert!(with(two, "").unwrap_err().contains("say whose is meant"));
    assert_eq!(with(two, ", claims = { iss = \"https://a.id\" }"), Ok(()));
}

#[test]
fn secrets_are_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("s"), "correct-horse-battery-staple-and-more\n").unwrap();
    let text = "[[resource]]\nidentifier = \"https://a.example\"\nupstream = \"http://127.0.0.1:1\"\n\
         issuer = \"https://id.example\"\nroutes = [{ path = \"/a\", scopes = [] }]\n\
         credentials = { client_id = \"gateway\", client_secret_file = \"s\" }\n\
         tokens = { dpop_nonce_secret_file = \"s\", binding = \"either\" }\n";
    let place = folder.path().join("g.toml").display().to_string();
    let config = Config::parse(&place, text).unwrap();
    assert_eq!(config.resources[0].tokens.binding, Binding::Either);
    let shown = format!("{config:?}");
    assert!(shown.contains("gateway") && !shown.contains("horse"), "{shown}");
    assert_eq!(config.resources, Config::parse(&place, text).unwrap().resources);
    std::fs::write(folder.path().join("s"), "another secret, just as long as that\n").unwrap();
    assert_ne!(config.resources, Config::parse(&place, text).unwrap().resources);
}
