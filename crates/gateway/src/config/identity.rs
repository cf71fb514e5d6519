//! What the upstream is told of who asks (RFC 8693 §2 where tokens are exchanged).

use std::collections::BTreeMap;
use std::time::Duration;

use bailiwick_guard::{ClaimPath, IssuerRule};
use bailiwick_oauth::{Issuer, Resource, Scope, Scopes};
use http::HeaderName;
use toml::Spanned;

use super::credentials::Credentials;
use super::issuer::{Trusted, address};
use super::reading::{Checked, fault, parsed};
use super::tables::tables;
use super::tokens::at_most;
use crate::headers;

/// What the upstream is told of who asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Identity {
    /// Nothing.
    Nothing,
    /// Subject, client and scope, and these claims, in headers.
    Headers(Vec<(HeaderName, ClaimPath)>),
    /// What the gateway vouches for by its signature.
    Assertion {
        /// For whom it is.
        audience: String,
        /// Where it stands.
        header: HeaderName,
        /// How long it is good.
        lifetime: Duration,
    },
    /// A token of the issuer's for the upstream.
    Exchange(Exchange),
}

/// How a token for the upstream is got.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    /// The number of the issuer that is asked, among the resource's.
    pub number: usize,
    /// The issuer that is asked.
    pub issuer: Issuer,
    /// Who asks.
    pub credentials: Credentials,
    /// Where, if not where the metadata says.
    pub endpoint: Option<String>,
    /// The API that the token is for.
    pub resource: Option<Resource>,
    /// Its name at the issuer.
    pub audience: Option<String>,
    /// The scope of the token.
    pub scopes: Scopes,
}

impl Default for Identity {
    fn default() -> Self {
        Self::Headers(Vec::new())
    }
}

impl Identity {
    /// The headers that it writes beside those that are always ours.
    pub(crate) fn own_headers(&self) -> Vec<HeaderName> {
        match self {
            Self::Nothing | Self::Exchange(_) => Vec::new(),
            Self::Headers(claims) => claims.iter().map(|(name, _)| name.clone()).collect(),
            Self::Assertion { header, .. } => vec![header.clone()],
        }
    }
}

tables! {
    /// What the upstream is told of who asks. Nobody else can tell it so: whatever clients send
    /// under these headers, by any spelling, is removed.
    "`[resource.identity]`" IdentityTable {
        /// `"headers"`: `X-Auth-Subject`, `X-Auth-Client`, `X-Auth-Scope` and `claims`.
        /// `"assertion"`: a short-lived JWT, signed with the gateway's own key (`[signing]`).
        /// `"exchange"`: a token for the upstream that the issuer gives for the client's
        /// (RFC 8693), in `Authorization`; it needs `credentials`. `"none"`: nothing.
        mode: Option<Spanned<String>>, "text", "`\"headers\"`";
        /// Further headers with claims of the token, as with
        /// `{ "X-Auth-Tenant" = "/org/id" }`: texts, numbers, true and false as they are, all else
        /// as JSON. A header whose claim is absent, or no printable ASCII, is left out.
        claims: Option<BTreeMap<Spanned<String>, String>>, "table", "none";
        /// For an assertion: its `aud`, required. For an exchange: the upstream's name at the
        /// issuer.
        audience: Option<Spanned<String>>, "text", "none";
        /// For an assertion: the header where it stands.
        header: Option<Spanned<String>>, "header", "`\"X-Auth-Assertion\"`";
        /// For an assertion: how long it is good, at most 60. It is made anew after half of that.
        lifetime: Option<Spanned<u64>>, "seconds", "`60`";
        /// For an exchange: the resource that the token is for (RFC 8707).
        resource: Option<Spanned<String>>, "URI", "none";
        /// For an exchange: the scopes of the token.
        scopes: Option<Vec<Spanned<String>>>, "list of scopes", "as the issuer gives";
        /// For an exchange: which of the issuers is asked, where there are several.
        issuer: Option<Spanned<String>>, "URL", "the only one";
        /// For an exchange: where it is asked.
        token_endpoint: Option<Spanned<String>>, "URL", "from its metadata";
    }
}

/// Checks what the upstream is told.
pub(super) fn check(
    table: &Spanned<IdentityTable>,
    issuers: &[Trusted],
    credentials: Option<&Credentials>,
    signs: bool,
) -> Checked<Identity> {
    let (place, table) = (table, table.get_ref());
    let mode = table.mode.as_ref().map_or("headers", |mode| mode.get_ref().as_str());
    fits(table, mode)?;
    match mode {
        "none" => Ok(Identity::Nothing),
        "headers" => {
            let claims = table.claims.iter().flatten();
            let claim = |(name, path): (&Spanned<String>, &String)| {
                Ok((own_header(name)?, ClaimPath::parse(path)))
            };
            Ok(Identity::Headers(claims.map(claim).collect::<Checked<_>>()?))
        }
        "assertion" => {
            let Some(audience) = table.audience.as_ref().filter(|it| !it.get_ref().is_empty())
            else {
                let why = "no `audience`: whoever the assertion is not for must be able to tell";
                return Err(fault(place, why));
            };
            if !signs {
                return Err(fault(place, "the gateway has no key to sign with; add [signing]"));
            }
            Ok(Identity::Assertion {
                audience: audience.get_ref().clone(),
                header: match &table.header {
                    Some(name) => own_header(name)?,
                    None => HeaderName::from_static("x-auth-assertion"),
                },
                lifetime: at_most(table.lifetime.as_ref(), LONGEST, 5..=LONGEST)?,
            })
        }
        "exchange" => exchange(place, issuers, credentials).map(Identity::Exchange),
        _ => Err(match &table.mode {
            Some(mode) => {
                fault(mode, "expected \"headers\", \"assertion\", \"exchange\" or \"none\"")
            }
            None => fault(place, "expected a mode"),
        }),
    }
}

const LONGEST: u64 = 60;

/// No setting says what has no effect.
fn fits(table: &IdentityTable, mode: &str) -> Checked<()> {
    let set = |name: &'static str, span: Option<std::ops::Range<usize>>, modes: &[&str]| match span
    {
        Some(span) if !modes.contains(&mode) => {
            let message = format!("`{name}` has no effect with mode \"{mode}\"; remove it");
            Err(super::reading::Fault { span, message })
        }
        _ => Ok(()),
    };
    let span = |setting: &Option<Spanned<String>>| setting.as_ref().map(Spanned::span);
    let first = |names: Option<&Spanned<String>>| names.map(Spanned::span);
    let claims = table.claims.as_ref().and_then(|claims| claims.keys().next());
    set("claims", first(claims), &["headers"])?;
    set("audience", span(&table.audience), &["assertion", "exchange"])?;
    set("header", span(&table.header), &["assertion"])?;
    set("lifetime", table.lifetime.as_ref().map(Spanned::span), &["assertion"])?;
    set("resource", span(&table.resource), &["exchange"])?;
    set("scopes", first(table.scopes.as_ref().and_then(|it| it.first())), &["exchange"])?;
    set("issuer", span(&table.issuer), &["exchange"])?;
    set("token_endpoint", span(&table.token_endpoint), &["exchange"])
}

/// A header of the gateway's own: none that means something to anybody between.
fn own_header(text: &Spanned<String>) -> Checked<HeaderName> {
    let name = HeaderName::from_bytes(text.get_ref().to_ascii_lowercase().as_bytes());
    match name {
        Ok(name) if name.as_str().starts_with("x-") && headers::is_free(&name) => Ok(name),
        _ => Err(fault(
            text,
            "not a header of the gateway's own; write one such as \"X-Auth-Tenant\"",
        )),
    }
}

fn exchange(
    place: &Spanned<IdentityTable>,
    issuers: &[Trusted],
    credentials: Option<&Credentials>,
) -> Checked<Exchange> {
    let table = place.get_ref();
    let number = match (&table.issuer, issuers) {
        (Some(name), _) => issuers
            .iter()
            .position(|issuer| issuer.name() == name.get_ref())
            .ok_or_else(|| fault(name, "not an issuer of this resource"))?,
        (None, [_]) => 0,
        (None, _) => {
            return Err(fault(place, "several issuers; say with `issuer` which one is asked"));
        }
    };
    let IssuerRule::Exactly(issuer) = &issuers[number].trust.issuer else {
        return Err(fault(place, "a template of issuers has no token endpoint"));
    };
    let Some(credentials) = credentials.filter(|it| !matches!(it, Credentials::Bearer(_))) else {
        return Err(fault(
            place,
            "an exchange wants the gateway's own `client_id`; add [resource.credentials]",
        ));
    };
    if table.resource.is_none() && table.audience.is_none() {
        return Err(fault(
            place,
            "a token for whom? add `resource`, or `audience` for issuers that do not know it",
        ));
    }
    let scope = |name| parsed(name, Scope::parse, |error| format!("not a scope: {error}"));
    let resource = table.resource.as_ref().map(|text| {
        parsed(text, Resource::parse, |error| format!("not a resource identifier: {error}"))
    });
    Ok(Exchange {
        number,
        issuer: issuer.clone(),
        credentials: credentials.clone(),
        endpoint: table.token_endpoint.as_ref().map(address).transpose()?,
        resource: resource.transpose()?,
        audience: table.audience.as_ref().map(|text| text.get_ref().clone()),
        scopes: table.scopes.iter().flatten().map(scope).collect::<Checked<_>>()?,
    })
}
