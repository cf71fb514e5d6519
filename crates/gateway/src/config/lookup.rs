//! Opaque tokens: whether and how they are looked up at their issuer (RFC 7662 §2).

use std::time::Duration;

use toml::Spanned;

use super::credentials::Credentials;
use super::issuer::{Trusted, address};
use super::reading::{Checked, fault};
use super::resource::ResourceTable;
use super::tables::tables;
use super::tokens::at_most;

/// How opaque tokens are looked up.
#[derive(Debug, Clone, PartialEq)]
pub struct Introspection {
    /// The number of the issuer that is asked, among the resource's.
    pub issuer: usize,
    /// By whom.
    pub by: LookedUpBy,
    /// Whether JWTs are looked up too.
    pub every_token: bool,
    /// How long an answer is kept.
    pub keep: Duration,
}

/// What is asked about a token.
#[derive(Debug, Clone, PartialEq)]
pub enum LookedUpBy {
    /// An introspection endpoint: of the metadata, unless one is given; with answers that are
    /// signed for this name, where one is given.
    Endpoint(Credentials, Option<String>, Option<String>),
    /// An endpoint as Google's, which asks nobody to authenticate.
    Tokeninfo(String),
}

tables! {
    /// Looks up tokens that are no JWT at their issuer (RFC 7662); the gateway shows its
    /// `credentials` there. One issuer only: it sees every opaque token that arrives.
    "`[resource.introspection]`" IntrospectionTable {
        /// Which of the issuers is asked, where there are several.
        issuer: Option<Spanned<String>>, "URL", "the only one";
        /// Where it is asked.
        endpoint: Option<Spanned<String>>, "URL", "from its metadata";
        /// Ask here instead, as Google has it, without credentials.
        tokeninfo: Option<Spanned<String>>, "URL", "none";
        /// Look JWTs up too, so that each revocation is known as soon as an answer is not kept any
        /// more.
        every_token: Option<bool>, "boolean", "`false`";
        /// How long an answer is kept, and with it how late a revocation may be known; 0 keeps
        /// none.
        keep: Option<Spanned<u64>>, "seconds", "`15`";
        /// Take only answers that the issuer signed for this name, by which it knows the gateway
        /// (RFC 9701).
        signed_for: Option<String>, "text", "unsigned ones too";
    }
}

const KEEP: u64 = 15;

/// Checks how opaque tokens are looked up; issuers whose tokens are all opaque must be asked.
pub(super) fn check(
    table: &ResourceTable,
    issuers: &[Trusted],
    credentials: Option<&Credentials>,
) -> Checked<Option<Introspection>> {
    let only_looked_up: Vec<usize> =
        (0..issuers.len()).filter(|number| !issuers[*number].signs()).collect();
    let settings = table.introspection.as_ref().map(Spanned::get_ref);
    let place = match (&table.introspection, only_looked_up.as_slice()) {
        (None, []) => return Ok(None),
        (None, _) => table.identifier.span(),
        (Some(table), _) => table.span(),
    };
    let wrong = |message: String| super::reading::Fault { span: place.clone(), message };
    let issuer =
        match (settings.and_then(|it| it.issuer.as_ref()), only_looked_up.as_slice(), issuers) {
            (Some(name), _, _) => issuers
                .iter()
                .position(|issuer| issuer.name() == name.get_ref())
                .ok_or_else(|| fault(name, "not an issuer of this resource"))?,
            (None, [only], _) => *only,
            (None, [], [_]) => 0,
            (None, _, _) => {
                let why =
                    "several issuers; say with `issuer` which one is asked about opaque tokens";
                return Err(wrong(why.to_owned()));
            }
        };
    if let Some(other) = only_looked_up.iter().find(|number| **number != issuer) {
        let name = issuers[*other].name();
        return Err(wrong(format!("tokens of {name} can only be looked up, and another is asked")));
    }
    let asked = &issuers[issuer];
    let tokeninfo = match settings.and_then(|it| it.tokeninfo.as_ref()) {
        Some(url) => Some(address(url)?),
        None => asked.tokeninfo().map(str::to_owned),
    };
    let by = match (tokeninfo, credentials) {
        (Some(url), _) => LookedUpBy::Tokeninfo(url),
        (None, Some(credentials)) => LookedUpBy::Endpoint(
            credentials.clone(),
            settings.and_then(|it| it.endpoint.as_ref()).map(address).transpose()?,
            settings.and_then(|it| it.signed_for.clone()),
        ),
        (None, None) => {
            let name = asked.name();
            return Err(wrong(format!(
                "{name} tells about opaque tokens only whom it knows; add [resource.credentials]"
            )));
        }
    };
    if let (LookedUpBy::Endpoint(..), bailiwick_guard::IssuerRule::Template(_)) =
        (&by, &asked.trust.issuer)
    {
        return Err(wrong("a template of issuers has no introspection endpoint".to_owned()));
    }
    let keep = at_most(settings.and_then(|it| it.keep.as_ref()), KEEP, 0..=300)?;
    let every_token = settings.and_then(|it| it.every_token).unwrap_or(false);
    Ok(Some(Introspection { issuer, by, every_token, keep }))
}
