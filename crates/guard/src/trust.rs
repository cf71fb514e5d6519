//! Whose tokens may pass (RFC 9068 §4, RFC 8725 §3.1, §3.8).

use bailiwick_jose::{Algorithm, DecryptionKey, Jwks};
use bailiwick_oauth::Issuer;

use crate::profile::Profile;

/// An issuer whose tokens may pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Trust {
    /// The issuer, compared with `iss` byte for byte.
    pub issuer: IssuerRule,
    /// The algorithms that its tokens may be signed with (RFC 8725 §3.1).
    pub algorithms: Vec<Algorithm>,
    /// What its tokens look like.
    pub profile: Profile,
}

impl Trust {
    /// Trusts an issuer of RFC 9068 tokens, with any of the algorithms of [`Algorithm::ALL`].
    pub fn new(issuer: Issuer) -> Self {
        Self {
            issuer: IssuerRule::Exactly(issuer),
            algorithms: Algorithm::ALL.to_vec(),
            profile: Profile::rfc9068(),
        }
    }
}

/// Which `iss` is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssuerRule {
    /// This one.
    Exactly(Issuer),
    /// One for each tenant of a provider that signs for all of them with shared keys.
    Template(IssuerTemplate),
}

impl IssuerRule {
    /// The issuer, if `iss` is one that is meant.
    pub fn find(&self, iss: &str) -> Option<Issuer> {
        match self {
            Self::Exactly(issuer) => (issuer.as_str() == iss).then(|| issuer.clone()),
            Self::Template(template) => template.tenant(iss).and_then(|_| Issuer::parse(iss).ok()),
        }
    }

    /// The issuer or the template, as text: how operators call it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Exactly(issuer) => issuer.as_str(),
            Self::Template(template) => template.as_str(),
        }
    }

    /// Whether a key that its set gives to `owner` signs for `iss`; in `owner`, `{tenantid}` stands
    /// for the tenant of `iss`.
    pub(crate) fn gives_key_to(&self, owner: &str, iss: &Issuer, tid: Option<&str>) -> bool {
        let tenant = match self {
            Self::Exactly(_) => tid,
            Self::Template(template) => template.tenant(iss.as_str()),
        };
        tenant.map_or_else(
            || owner == iss.as_str(),
            |tenant| owner.replace(IssuerTemplate::TENANT, tenant) == iss.as_str(),
        )
    }
}

/// An issuer identifier with a place for a tenant, as Microsoft publishes it for many tenants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerTemplate {
    text: String,
    tenants: Tenants,
}

/// Which tenants of a provider are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tenants {
    /// These.
    These(Vec<String>),
    /// Whoever signs up with the provider: the API itself must tell its own customers from others.
    EveryTenantOfTheProvider,
}

/// What makes a text no issuer template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedTemplate {
    /// It does not hold the place for the tenant exactly once.
    #[error("a template holds {} exactly once", IssuerTemplate::TENANT)]
    Place,
    /// With a tenant in its place, it is no issuer.
    #[error("with a tenant in its place the template is no issuer")]
    Issuer,
    /// A tenant is no plain name.
    #[error("a tenant is 1 to 64 letters, digits, '-' and '.'")]
    Tenant,
}

impl IssuerTemplate {
    /// The place of the tenant in a template.
    pub const TENANT: &str = "{tenantid}";

    /// Parses a template, such as `https://login.microsoftonline.com/{tenantid}/v2.0`.
    ///
    /// The place is part of the path: no tenant chooses a host.
    ///
    /// # Errors
    /// [`MalformedTemplate`].
    pub fn parse(text: &str, tenants: Tenants) -> Result<Self, MalformedTemplate> {
        let (before, after) = text.split_once(Self::TENANT).ok_or(MalformedTemplate::Place)?;
        if after.contains(Self::TENANT) || !before.ends_with('/') {
            return Err(MalformedTemplate::Place);
        }
        let example = Issuer::parse(&text.replace(Self::TENANT, "t"))
            .map_err(|_| MalformedTemplate::Issuer)?;
        if before.len() <= example.origin().len() {
            return Err(MalformedTemplate::Place);
        }
        if let Tenants::These(these) = &tenants
            && !these.iter().all(|tenant| is_tenant(tenant))
        {
            return Err(MalformedTemplate::Tenant);
        }
        Ok(Self { text: text.to_owned(), tenants })
    }

    /// The template as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The trusted tenant that `iss` names.
    fn tenant<'i>(&self, iss: &'i str) -> Option<&'i str> {
        let (before, after) = self.text.split_once(Self::TENANT)?;
        let tenant = iss.strip_prefix(before)?.strip_suffix(after)?;
        let is_trusted = match &self.tenants {
            Tenants::These(these) => these.iter().any(|one| one == tenant),
            Tenants::EveryTenantOfTheProvider => is_tenant(tenant),
        };
        is_trusted.then_some(tenant)
    }
}

fn is_tenant(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.'))
        && !text.starts_with('.')
}

/// A trusted issuer and what is known of its keys just now.
#[derive(Debug, Clone, Copy)]
pub struct Trusted<'f> {
    /// The issuer.
    pub trust: &'f Trust,
    /// Its keys; `None` while they could not be had.
    pub keys: Option<&'f Jwks>,
}

/// All that makes a JWT readable: the trusted issuers with their keys, and this server's own.
#[derive(Clone, Copy)]
pub struct Keys<'f> {
    /// The trusted issuers.
    pub issuers: &'f [Trusted<'f>],
    /// What encrypted tokens are read with; mostly nothing.
    pub decryption: &'f [DecryptionKey],
}

#[cfg(test)]
mod tests {
    use super::*;

    const MICROSOFT: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";

    fn template(tenants: Tenants) -> IssuerRule {
        IssuerRule::Template(IssuerTemplate::parse(MICROSOFT, tenants).unwrap())
    }

    #[test]
    fn a_template_means_its_tenants_alone() {
        let two = template(Tenants::These(vec!["one".into(), "two".into()]));
        let every = template(Tenants::EveryTenantOfTheProvider);
        let cases = [
            ("https://login.microsoftonline.com/one/v2.0", true, true),
            ("https://login.microsoftonline.com/three/v2.0", false, true),
            ("https://login.microsoftonline.com/{tenantid}/v2.0", false, false),
            ("https://login.microsoftonline.com//v2.0", false, false),
            ("https://login.microsoftonline.com/one/two/v2.0", false, false),
            ("https://login.microsoftonline.com/../v2.0", false, false),
            ("https://login.microsoftonline.com/one/v2.0/", false, false),
            ("https://login.microsoftonline.com/one", false, false),
            ("https://evil.example/one/v2.0", false, false),
        ];
        for (iss, to_two, to_every) in cases {
            assert_eq!(two.find(iss).is_some(), to_two, "{iss}");
            assert_eq!(every.find(iss).is_some(), to_every, "{iss}");
        }
    }

    #[test]
    fn a_tenant_chooses_no_host() {
        for bad in [
            "https://{tenantid}.example",
            "https://{tenantid}/v2.0",
            "https://id.example/v2.0",
            "https://id.example/{tenantid}/{tenantid}",
            "https://id.example/x{tenantid}",
            "http://id.example/{tenantid}",
        ] {
            assert!(IssuerTemplate::parse(bad, Tenants::These(Vec::new())).is_err(), "{bad}");
        }
        let slash = Tenants::These(vec!["a/b".into()]);
        assert_eq!(IssuerTemplate::parse(MICROSOFT, slash), Err(MalformedTemplate::Tenant));
    }

    #[test]
    fn a_key_of_one_issuer_signs_for_no_other() {
        let every = template(Tenants::EveryTenantOfTheProvider);
        let iss = Issuer::parse("https://login.microsoftonline.com/one/v2.0").unwrap();
        assert!(every.gives_key_to(MICROSOFT, &iss, None));
        assert!(every.gives_key_to(iss.as_str(), &iss, None));
        let other = "https://login.microsoftonline.com/two/v2.0";
        assert!(!every.gives_key_to(other, &iss, Some("two")));
    }
}
