//! What an issuer's access tokens look like, as data (RFC 9068 §2 where it keeps to it).

mod provider;
mod rfc9068;

use std::borrow::Cow;

use bailiwick_jose::Header;
use bailiwick_jose::json::Object;
use bailiwick_oauth::{
    AccessToken, ClientId, Confirmation, Issuer, Scope, Scopes, Subject, access_token, details,
    status_list::StatusReference,
};
use serde_json::Value;

use crate::authentic::Known;
use crate::claim::ClaimPath;
use crate::present::Presented;
use crate::refusal::{Reason, Refusal};

pub use provider::{
    Evidence, OpaqueTokens, Provider, ProviderError, ProviderKind, ResourceParameter,
};

/// What an issuer's access tokens look like.
///
/// No profile takes another kind of JWT for an access token: neither an ID token nor a logout
/// token, security event, DPoP proof or status list.
///
/// ```
/// use bailiwick_guard::Profile;
/// use bailiwick_guard::profile::TypeRule;
///
/// // An issuer that says `typ: JWT` and calls the client `azp`.
/// let profile = Profile {
///     typ: TypeRule::PlainJwt,
///     required: vec!["jti".into()],
///     client_id: vec!["client_id".into(), "azp".into()],
///     ..Profile::rfc9068()
/// };
/// assert_ne!(profile, Profile::rfc9068());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Which `typ` marks an access token.
    pub typ: TypeRule,
    /// The claims that each token has, beside `iss` and `exp`, which none may lack.
    pub required: Vec<String>,
    /// Claims that must have one of these values: what tells access tokens from the issuer's others.
    pub fixed: Vec<(String, Vec<Value>)>,
    /// Claims that an access token has no use for and other kinds of JWT are known by. Looked for in
    /// tokens that do not call themselves `at+jwt`.
    pub foreign: Vec<String>,
    /// The claims that may name the subject; the first one present counts. When none is there, the
    /// client speaks for itself.
    pub subject: Vec<String>,
    /// The claims that may name the client; the first one present counts.
    pub client_id: Vec<String>,
    /// Where scopes stand; all of the places count.
    pub scopes: Vec<ScopeSource>,
    /// Where roles stand, as a string, a list, or an object whose members' names they are.
    pub roles: Vec<ClaimPath>,
    /// How the token says whom it is for.
    pub audience: AudienceRule,
}

/// Which `typ` marks an access token (RFC 9068 §2.1, RFC 8725 §3.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TypeRule {
    /// `at+jwt`, and nothing else.
    #[default]
    AccessToken,
    /// `at+jwt`, `JWT` or none, for issuers that mark nothing. Tokens that are not `at+jwt` must
    /// have none of the profile's `foreign` claims.
    PlainJwt,
}

/// A place where scopes stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeSource {
    /// The claim.
    pub claim: ClaimPath,
    /// Its form; a claim of another form is refused.
    pub shape: ScopeShape,
}

impl ScopeSource {
    /// A member that holds names with spaces between (RFC 6749 §3.3).
    pub fn text(name: &str) -> Self {
        Self { claim: ClaimPath::member(name), shape: ScopeShape::Text }
    }

    /// A member that holds a list of names.
    pub fn list(name: &str) -> Self {
        Self { claim: ClaimPath::member(name), shape: ScopeShape::List }
    }

    fn read(&self, claims: &Object) -> Result<Scopes, Refusal> {
        let broken = || malformed(self.claim.as_str());
        if let Some(text) = self.claim.text(claims)
            && self.shape != ScopeShape::List
        {
            return Scopes::parse(&text).map_err(|_| broken());
        }
        match (self.claim.find(claims).as_deref(), self.shape) {
            (None, _) => Ok(Scopes::new()),
            (Some(Value::Array(names)), ScopeShape::List | ScopeShape::Either) => {
                let name = |name: &Value| Scope::parse(name.as_str()?).ok();
                names.iter().map(name).collect::<Option<Scopes>>().ok_or_else(broken)
            }
            _ => Err(broken()),
        }
    }
}

/// How scopes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeShape {
    /// As one text, with spaces between the names.
    Text,
    /// As a list of names.
    List,
    /// Both are found, depending on the issuer's settings.
    Either,
}

/// How a token says whom it is for (RFC 8707 §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AudienceRule {
    /// By `aud`.
    #[default]
    Claim,
    /// By `aud`, or where it is absent by the client, which must be among those that the resource
    /// has to itself: for Amazon Cognito.
    ClaimOrOwnClient,
}

/// The claims by which ID tokens (OpenID Connect Core §2, §3.1.3.6, §3.3.2.11) and events
/// (RFC 8417 §2.2) are known: the usual [`Profile::foreign`].
pub const FOREIGN: [&str; 5] = ["nonce", "at_hash", "c_hash", "s_hash", "events"];

impl Profile {
    /// Refuses what does not call itself an access token.
    pub(crate) fn check_type(&self, header: &Header, claims: &Object) -> Result<(), Refusal> {
        let mismatch = || {
            Err(Refusal::new(
                Reason::TypeMismatch,
                "this is not an access token; it may be an ID token or another kind of JWT",
            ))
        };
        let calls_itself_one = header.is_type(access_token::TYPE);
        let is_plain = header.typ.is_none() || header.is_type("JWT");
        let is_foreign = || self.foreign.iter().any(|claim| claims.contains_key(claim));
        let may_be_one = self.typ == TypeRule::PlainJwt && is_plain && !is_foreign();
        if !calls_itself_one && !may_be_one {
            return mismatch();
        }
        if self.is_other_kind(claims) {
            return mismatch();
        }
        Ok(())
    }

    /// Whether a claim that tells the issuer's access tokens from others says that this is another.
    fn is_other_kind(&self, claims: &Object) -> bool {
        self.fixed
            .iter()
            .any(|(claim, values)| claims.value(claim).is_none_or(|value| !values.contains(&value)))
    }

    /// Refuses an answer about a token that is no access token (RFC 7662 §2.2).
    pub(crate) fn check_kind(&self, claims: &Object) -> Result<(), Refusal> {
        if self.is_other_kind(claims) {
            return Err(Refusal::new(Reason::TypeMismatch, "this is not an access token"));
        }
        Ok(())
    }

    /// Reads the claims of a token that its issuer vouches for.
    pub(crate) fn read(
        &self,
        presented: &Presented<'_>,
        issuer: Issuer,
        claims: Object,
    ) -> Result<Known, Refusal> {
        let token = AccessToken::read(claims).map_err(|why| malformed(why.0))?;
        let claims = &token.claims;
        let lacking = std::iter::once("exp")
            .chain(self.required.iter().map(String::as_str))
            .find(|claim| !claims.contains_key(claim));
        if let Some(claim) = lacking {
            let why = format!("the token has no claim '{claim}'");
            return Err(Refusal::new(Reason::ClaimMissing, why));
        }
        let client_id = match first(claims, &self.client_id)? {
            Some((name, id)) => Some(ClientId::parse(&id).map_err(|_| malformed(name))?),
            None => None,
        };
        let subject = match (first(claims, &self.subject)?, &client_id) {
            (Some((name, sub)), _) => Subject::parse(&sub).map_err(|_| malformed(name))?,
            (None, Some(client)) => Subject::of_client(client),
            (None, None) => {
                return Err(Refusal::new(Reason::ClaimMissing, "the token names no subject"));
            }
        };
        Ok(Known {
            digest: *presented.digest(),
            issuer,
            subject,
            client_id,
            scopes: self.scopes(claims)?,
            roles: self.roles(claims)?,
            confirmation: Confirmation::read(claims).map_err(|why| malformed(why.0))?,
            details: match claims.value("authorization_details") {
                Some(value) => {
                    details::parse(&value).map_err(|_| malformed("authorization_details"))?
                }
                None => Vec::new(),
            },
            status: StatusReference::read(claims).map_err(|why| malformed(why.0))?,
            audience: self.audience,
            token,
        })
    }

    fn scopes(&self, claims: &Object) -> Result<Scopes, Refusal> {
        let mut scopes = Scopes::new();
        for source in &self.scopes {
            let found = source.read(claims)?;
            if scopes.is_empty() { scopes = found } else { scopes.extend(found) }
        }
        Ok(scopes)
    }

    fn roles(&self, claims: &Object) -> Result<Vec<String>, Refusal> {
        let mut roles = Vec::new();
        for path in &self.roles {
            let Some(value) = path.find(claims) else { continue };
            match value.into_owned() {
                Value::String(role) => roles.push(role),
                Value::Array(names) => {
                    for name in names {
                        let Value::String(role) = name else {
                            return Err(malformed(path.as_str()));
                        };
                        roles.push(role);
                    }
                }
                Value::Object(names) => roles.extend(names.into_iter().map(|(name, _)| name)),
                _ => return Err(malformed(path.as_str())),
            }
        }
        Ok(roles)
    }
}

/// The first of some claims that is there: its name and its text.
fn first<'c>(
    claims: &'c Object,
    names: &'c [String],
) -> Result<Option<(&'c str, Cow<'c, str>)>, Refusal> {
    let Some(name) = names.iter().find(|name| claims.contains_key(name)) else { return Ok(None) };
    let text = claims.text(name).ok_or_else(|| malformed(name))?;
    Ok(Some((name, text)))
}

fn malformed(claim: &str) -> Refusal {
    Refusal::new(Reason::ClaimMalformed, format!("the claim '{claim}' is malformed"))
}
