//! What an issuer's access tokens look like, as data (RFC 9068 §2 where it keeps to it).

mod rfc9068;

use bailiwick_jose::Header;
use bailiwick_oauth::{AccessToken, ClientId, Issuer, Subject, access_token};
use serde_json::{Map, Value};

use crate::authentic::Known;
use crate::refusal::{Reason, Refusal};

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
/// };
/// assert_ne!(profile, Profile::rfc9068());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Which `typ` marks an access token.
    pub typ: TypeRule,
    /// The claims that each token has, beside `iss`, `sub` and `exp`, which none may lack.
    pub required: Vec<String>,
    /// The claims that may name the client; the first one present counts.
    pub client_id: Vec<String>,
}

/// Which `typ` marks an access token (RFC 9068 §2.1, RFC 8725 §3.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TypeRule {
    /// `at+jwt`, and nothing else.
    #[default]
    AccessToken,
    /// `at+jwt`, `JWT` or none, for issuers that mark nothing. Tokens that are not `at+jwt` must
    /// have none of the claims that mark ID tokens, logout tokens and security events.
    PlainJwt,
}

/// Claims that an access token has no use for, and that other kinds of JWT are known by: those of
/// ID tokens (OpenID Connect Core §2, §3.1.3.6, §3.3.2.11) and of events (RFC 8417 §2.2).
const FOREIGN: [&str; 5] = ["nonce", "at_hash", "c_hash", "s_hash", "events"];

impl Profile {
    /// Refuses what does not call itself an access token.
    pub(crate) fn check_type(
        &self,
        header: &Header,
        claims: &Map<String, Value>,
    ) -> Result<(), Refusal> {
        if header.is_type(access_token::TYPE) {
            return Ok(());
        }
        let is_plain = header.typ.is_none() || header.is_type("JWT");
        let is_foreign = FOREIGN.iter().any(|claim| claims.contains_key(*claim));
        if self.typ == TypeRule::PlainJwt && is_plain && !is_foreign {
            return Ok(());
        }
        Err(Refusal::new(
            Reason::TypeMismatch,
            "this is not an access token; it may be an ID token or another kind of JWT",
        ))
    }

    /// Reads the claims of a token whose signature was verified.
    pub(crate) fn read(&self, iss: Issuer, claims: Map<String, Value>) -> Result<Known, Refusal> {
        let token = AccessToken::read(claims)
            .map_err(|why| Refusal::new(Reason::ClaimMalformed, why.to_string()))?;
        let lacking = ["sub", "exp"]
            .into_iter()
            .chain(self.required.iter().map(String::as_str))
            .find(|claim| !token.claims.contains_key(*claim));
        if let Some(claim) = lacking {
            let why = format!("the token has no claim '{claim}'");
            return Err(Refusal::new(Reason::ClaimMissing, why));
        }
        let subject = Subject::parse(token.sub.as_deref().unwrap_or_default())
            .map_err(|_| malformed("sub"))?;
        let (client_id, scopes) = (self.client(&token)?, token.scope.clone());
        Ok(Known { issuer: iss, subject, client_id, scopes, token })
    }

    fn client(&self, token: &AccessToken) -> Result<Option<ClientId>, Refusal> {
        let named = self.client_id.iter().find_map(|name| {
            token.claims.get(name).map(|value| (name, value.as_str().unwrap_or_default()))
        });
        match named {
            None => Ok(None),
            Some((name, id)) => ClientId::parse(id).map(Some).map_err(|_| malformed(name)),
        }
    }
}

fn malformed(claim: &str) -> Refusal {
    Refusal::new(Reason::ClaimMalformed, format!("the claim '{claim}' is malformed"))
}
