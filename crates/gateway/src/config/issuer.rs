//! An issuer: whose tokens are taken, what they look like, and where its keys are (RFC 8414 §2).

use std::collections::BTreeMap;
use std::time::Duration;

use bailiwick_guard::profile::{OpaqueTokens, ProviderError, ScopeShape, ScopeSource, TypeRule};
use bailiwick_guard::{ClaimPath, IssuerRule, IssuerTemplate, Profile, Provider, Tenants, Trust};
use bailiwick_oauth::Issuer;
use http::Uri;
use http::uri::Authority;
use toml::Spanned;

use super::credentials::known_algorithm;
use super::held::Around;
use super::reading::{Checked, fault, parsed, seconds};
use super::resource::ResourceTable;
use super::rule::scalar;
use super::tables::tables;

/// An issuer whose tokens are taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Trusted {
    /// Its name, what it signs with, and what its tokens look like.
    pub trust: Trust,
    /// Where its keys are.
    pub place: KeyPlace,
    /// Whether it may be at a private address.
    pub is_private: bool,
    /// Further certificate authorities for connections to it, in PEM.
    pub authorities: Option<String>,
    /// How long its keys are used while no newer ones can be had.
    pub stale: Duration,
    /// The identity provider that it is, where that was said.
    pub provider: Option<Provider>,
}

/// Where an issuer's keys are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KeyPlace {
    /// Where the metadata at its well-known place says.
    WellKnown,
    /// Where the metadata at this address says, which calls the issuer so.
    Metadata {
        /// The issuer, as that metadata spells it.
        issuer: String,
        /// The address.
        url: String,
    },
    /// Here.
    JwksUri(String),
}

impl Trusted {
    fn of(trust: Trust) -> Self {
        Self {
            trust,
            place: KeyPlace::WellKnown,
            is_private: false,
            authorities: None,
            stale: STALE,
            provider: None,
        }
    }

    /// Its name, or its template.
    pub fn name(&self) -> &str {
        self.trust.issuer.as_str()
    }

    /// The hosts that may be at a private address, where the operator allows it.
    pub(crate) fn private_hosts(&self) -> Vec<String> {
        let urls = match &self.place {
            _ if !self.is_private => return Vec::new(),
            KeyPlace::WellKnown => vec![self.name()],
            KeyPlace::Metadata { url, .. } | KeyPlace::JwksUri(url) => vec![self.name(), url],
        };
        urls.into_iter().filter_map(host_of).collect()
    }

    /// Whether JWTs of it are verified here; else its tokens can only be looked up.
    pub(crate) fn signs(&self) -> bool {
        !self.trust.algorithms.is_empty()
    }

    /// Where its tokens are looked up that are looked up without credentials.
    pub(crate) fn tokeninfo(&self) -> Option<&'static str> {
        match self.provider.as_ref()?.opaque {
            OpaqueTokens::Tokeninfo(url) => Some(url),
            OpaqueTokens::Never | OpaqueTokens::Introspection => None,
        }
    }
}

/// The host of a URL, as it is resolved.
pub(crate) fn host_of(url: &str) -> Option<String> {
    let authority = url.split("://").nth(1)?.split('/').next()?.parse::<Authority>().ok()?;
    Some(authority.host().to_owned())
}

const STALE: Duration = Duration::from_hours(24);

/// One name or several.
#[derive(serde::Deserialize)]
#[serde(untagged, expecting = "expected an issuer, or a list of issuers")]
pub(in crate::config) enum Names {
    One(String),
    Several(Vec<String>),
}

tables! {
    /// An issuer whose tokens are taken, where more is to be said of it than its name. Keys never
    /// cross: each token is verified with the keys of the issuer that it names.
    "`[[resource.issuers]]`" IssuerTable {
        /// The issuer, exactly as its metadata spells it; with `provider` whatever names one of
        /// that kind. A template holds `{tenantid}` in its path.
        issuer: Spanned<String>, "URL", "required";
        /// The kind of identity provider, for those whose tokens differ from RFC 9068.
        provider: Option<Spanned<String>>, "name", "none";
        /// The provider is set up to mark each access token as `at+jwt`: nothing else passes.
        marked: Option<bool>, "boolean", "`false`";
        /// The tenants of a template whose tokens are taken.
        tenants: Option<Spanned<Vec<String>>>, "list of texts", "none";
        /// Take the tokens of whoever signs up with the provider of a template: routes must tell
        /// customers from others by a claim.
        every_tenant_of_the_provider: Option<Spanned<bool>>, "boolean", "`false`";
        /// The signature algorithms that are accepted.
        algorithms: Option<Spanned<Vec<Spanned<String>>>>, "list of algorithms", "all that are safe";
        /// Where its keys are, whatever its metadata says.
        jwks_uri: Option<Spanned<String>>, "URL", "from its metadata";
        /// Where its metadata is, when that is not at a well-known place of the issuer.
        metadata_url: Option<Spanned<String>>, "URL", "the well-known places";
        /// Let the issuer, and the addresses that are written here, be at private addresses.
        private: Option<bool>, "boolean", "`false`";
        /// A file with further certificate authorities for connections to it, in PEM.
        authorities_file: Option<Spanned<String>>, "file", "the public ones";
        /// How long its keys are used while no newer ones can be had; then tokens get 503.
        keys_kept_for: Option<Spanned<u64>>, "seconds", "`86400`";
        /// What its tokens look like.
        profile: Option<Spanned<ProfileTable>>, "table", "RFC 9068";
    }

    /// What an issuer's tokens look like, where they differ from RFC 9068. Whatever is left out is
    /// as RFC 9068 has it.
    "`profile`" ProfileTable {
        /// Take tokens whose `typ` is `JWT` or absent, as long as they have none of the claims that
        /// ID tokens and events are known by.
        plain_jwt: Option<bool>, "boolean", "`false`";
        /// The claims that no token may lack, beside `iss` and `exp`.
        required: Option<Vec<String>>, "list of claims", "`[\"sub\", \"aud\", \"client_id\", \"iat\", \"jti\"]`";
        /// Claims that tell access tokens from the issuer's others, each with the value that it
        /// must have, or a list of them.
        fixed: Option<BTreeMap<Spanned<String>, Spanned<toml::Value>>>, "table", "none";
        /// The claims that may name the subject; the first that is there counts.
        subject: Option<Vec<String>>, "list of claims", "`[\"sub\"]`";
        /// The claims that may name the client; the first that is there counts.
        client_id: Option<Vec<String>>, "list of claims", "`[\"client_id\"]`";
        /// The claims where scopes stand, as a text or as a list; all of them count.
        scopes: Option<Vec<String>>, "list of claims", "`[\"scope\"]`";
        /// The claims where roles stand; with a slash in front a JSON pointer.
        roles: Option<Vec<String>>, "list of claims", "`[\"roles\", \"groups\", \"entitlements\"]`";
    }
}

/// The issuers of a resource, of which there is one at least.
pub(super) fn check(table: &ResourceTable, around: &Around) -> Checked<Vec<Trusted>> {
    let named = match (&table.issuer, &table.issuers) {
        (Some(_), Some(tables)) => {
            return Err(fault(tables, "the resource has `issuer` already; put it into this list"));
        }
        (None, None) => {
            return Err(fault(
                &table.identifier,
                "no issuer: nobody could have a token for it; add \
                 `issuer = \"https://id.example.com\"`",
            ));
        }
        (Some(names), None) => by_name(table, names)?,
        (None, Some(tables)) => {
            if let Some(setting) = &table.provider {
                return Err(fault(setting, "say it in each of [[resource.issuers]]"));
            }
            if let Some(setting) = &table.private_issuer {
                return Err(fault(setting, "say `private` in each of [[resource.issuers]]"));
            }
            let one = |table: &Spanned<IssuerTable>| self::one(table.get_ref(), around);
            let issuers = tables.get_ref().iter().map(one).collect::<Checked<Vec<_>>>()?;
            (tables.span(), issuers)
        }
    };
    let (span, issuers) = named;
    let wrong = |message: String| super::reading::Fault { span: span.clone(), message };
    if issuers.is_empty() {
        return Err(wrong("an empty list: nobody could have a token".to_owned()));
    }
    for (at, issuer) in issuers.iter().enumerate() {
        if issuers[..at].iter().any(|other| other.name() == issuer.name()) {
            return Err(wrong(format!("the issuer {} is named twice", issuer.name())));
        }
    }
    Ok(issuers)
}

type Found = (std::ops::Range<usize>, Vec<Trusted>);

fn by_name(table: &ResourceTable, names: &Spanned<Names>) -> Checked<Found> {
    let is_private = table.private_issuer.as_ref().is_some_and(|private| *private.get_ref());
    let named = match names.get_ref() {
        Names::One(name) => std::slice::from_ref(name),
        Names::Several(names) => names.as_slice(),
    };
    if let (Some(provider), [_, _, ..]) = (&table.provider, named) {
        return Err(fault(
            provider,
            "several issuers: write [[resource.issuers]], each with its `provider`",
        ));
    }
    let mut issuers = Vec::new();
    for name in named {
        let name = Spanned::new(names.span(), name.clone());
        let trusted = match &table.provider {
            Some(kind) => of_provider(kind, &name)?,
            None => Trusted::of(Trust::new(parsed(&name, Issuer::parse, not_an_issuer)?)),
        };
        issuers.push(Trusted { is_private, ..trusted });
    }
    Ok((names.span(), issuers))
}

fn not_an_issuer(error: impl std::fmt::Display) -> String {
    format!(
        "not an issuer: {error}; write it as the authorization server's metadata does, such as \
         \"https://id.example.com\""
    )
}

fn of_provider(kind: &Spanned<String>, at: &Spanned<String>) -> Checked<Trusted> {
    let provider = Provider::named(kind.get_ref(), at.get_ref()).map_err(|error| {
        let known = Provider::KINDS.iter().find(|known| known.name == kind.get_ref());
        match (error, known) {
            (ProviderError::Kind, _) | (_, None) => {
                let names: Vec<&str> = Provider::KINDS.iter().map(|kind| kind.name).collect();
                fault(kind, format!("no such provider; known are {}", names.join(", ")))
            }
            (error, Some(known)) => {
                fault(at, format!("{error}: {}, such as \"{}\"", known.at, known.example))
            }
        }
    })?;
    let place = match (&provider.metadata_issuer, &provider.metadata_url) {
        (Some(issuer), Some(url)) => {
            KeyPlace::Metadata { issuer: issuer.clone(), url: url.clone() }
        }
        _ => KeyPlace::WellKnown,
    };
    Ok(Trusted { place, provider: Some(provider.clone()), ..Trusted::of(provider.trust) })
}

fn one(table: &IssuerTable, around: &Around) -> Checked<Trusted> {
    let mut trusted =
        match (&table.provider, table.issuer.get_ref().contains(IssuerTemplate::TENANT)) {
            (Some(kind), _) => of_provider(kind, &table.issuer)?,
            (None, true) => Trusted::of(Trust {
                issuer: IssuerRule::Template(template(table)?),
                ..Trust::new(placeholder(&table.issuer)?)
            }),
            (None, false) => {
                Trusted::of(Trust::new(parsed(&table.issuer, Issuer::parse, not_an_issuer)?))
            }
        };
    let is_template = matches!(trusted.trust.issuer, IssuerRule::Template(_));
    if table.provider.is_some() || !is_template {
        let tenants = table.tenants.as_ref().map(Spanned::span);
        let every = table.every_tenant_of_the_provider.as_ref().map(Spanned::span);
        if let Some(span) = tenants.or(every) {
            let message = "only a template (an issuer with {tenantid} in its path) has tenants; \
                           with `provider`, its name says which"
                .to_owned();
            return Err(super::reading::Fault { span, message });
        }
    }
    if table.marked == Some(true) {
        trusted.trust.profile.typ = TypeRule::AccessToken;
    }
    if let Some(profile) = &table.profile {
        if let Some(kind) = &table.provider {
            return Err(fault(kind, "a provider has its own profile; remove one of the two"));
        }
        trusted.trust.profile = self::profile(profile.get_ref())?;
    }
    if let Some(names) = &table.algorithms {
        let algorithms =
            names.get_ref().iter().map(known_algorithm).collect::<Checked<Vec<_>>>()?;
        if algorithms.is_empty() || !trusted.signs() {
            return Err(fault(names, "no token could pass; leave `algorithms` out"));
        }
        trusted.trust.algorithms = algorithms;
    }
    match (&table.jwks_uri, &table.metadata_url) {
        (Some(_), Some(url)) => {
            return Err(fault(url, "`jwks_uri` says where the keys are already; remove one"));
        }
        (Some(uri), None) if is_template => {
            return Err(fault(uri, "keys of a template are found by `metadata_url`"));
        }
        (Some(uri), None) => trusted.place = KeyPlace::JwksUri(address(uri)?),
        (None, Some(url)) => {
            let issuer = trusted.name().to_owned();
            trusted.place = KeyPlace::Metadata { issuer, url: address(url)? };
        }
        (None, None) if is_template && trusted.place == KeyPlace::WellKnown => {
            return Err(fault(
                &table.issuer,
                "a template needs `metadata_url`: it has none itself",
            ));
        }
        (None, None) => {}
    }
    trusted.is_private = table.private.unwrap_or(false);
    trusted.authorities =
        table.authorities_file.as_ref().map(|name| around.text(name)).transpose()?;
    trusted.stale = seconds(table.keys_kept_for.as_ref(), STALE.as_secs())?;
    Ok(trusted)
}

/// The issuer that a template would be with some tenant: only its form matters.
fn placeholder(template: &Spanned<String>) -> Checked<Issuer> {
    let example = template.get_ref().replace(IssuerTemplate::TENANT, "tenant");
    Issuer::parse(&example).map_err(|error| fault(template, not_an_issuer(error)))
}

fn template(table: &IssuerTable) -> Checked<IssuerTemplate> {
    let every = table.every_tenant_of_the_provider.as_ref().filter(|every| *every.get_ref());
    let tenants = match (&table.tenants, every) {
        (Some(tenants), None) if !tenants.get_ref().is_empty() => {
            Tenants::These(tenants.get_ref().clone())
        }
        (None, Some(_)) => Tenants::EveryTenantOfTheProvider,
        _ => {
            return Err(fault(
                &table.issuer,
                "a template needs `tenants = [\"…\"]`, or `every_tenant_of_the_provider = true`",
            ));
        }
    };
    parsed(&table.issuer, |text| IssuerTemplate::parse(text, tenants), |error| error)
}

fn profile(table: &ProfileTable) -> Checked<Profile> {
    let known = Profile::rfc9068();
    let source =
        |name: &String| ScopeSource { claim: ClaimPath::parse(name), shape: ScopeShape::Either };
    let mut fixed = Vec::new();
    for (claim, wanted) in table.fixed.iter().flatten() {
        let values: Option<Vec<_>> = match wanted.get_ref() {
            toml::Value::Array(values) => values.iter().map(scalar).collect(),
            value => scalar(value).map(|value| vec![value]),
        };
        let Some(values) = values.filter(|values| !values.is_empty()) else {
            return Err(fault(wanted, "expected a value, or a list of values"));
        };
        fixed.push((claim.get_ref().clone(), values));
    }
    let is_plain = table.plain_jwt.unwrap_or(false);
    Ok(Profile {
        typ: if is_plain { TypeRule::PlainJwt } else { TypeRule::AccessToken },
        required: table.required.clone().unwrap_or(known.required),
        fixed,
        subject: table.subject.clone().unwrap_or(known.subject),
        client_id: table.client_id.clone().unwrap_or(known.client_id),
        scopes: match &table.scopes {
            Some(names) => names.iter().map(source).collect(),
            None => known.scopes,
        },
        roles: match &table.roles {
            Some(names) => names.iter().map(|name| ClaimPath::parse(name)).collect(),
            None => known.roles,
        },
        foreign: known.foreign,
        audience: known.audience,
    })
}

/// An address that something is fetched from: `https`, or on this machine.
pub(super) fn address(text: &Spanned<String>) -> Checked<String> {
    let wrong =
        || fault(text, "not an address; write it whole, such as \"https://id.example.com/x\"");
    let uri: Uri = text.get_ref().parse().map_err(|_| wrong())?;
    let is_local = matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match uri.scheme_str() {
        Some("https") => Ok(text.get_ref().clone()),
        Some("http") if is_local => Ok(text.get_ref().clone()),
        Some("http") => Err(fault(text, "http is for this machine alone; write https")),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests;
