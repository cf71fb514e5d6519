//! What a client says of itself: registration requests and client metadata documents (RFC 7591 §2).

use bailiwick_jose::{Algorithm, Jwks};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::redirect_uri::Kind;
use crate::{ErrorCode, RedirectUri, Scopes, WebUrl};

/// Client metadata (RFC 7591 §2); members that are not known here are ignored, as RFC 7591 says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// Where users may be sent back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redirect_uris: Vec<RedirectUri>,
    /// How it authenticates at the token endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_method: Option<String>,
    /// The grant types that it uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_types: Option<Vec<String>>,
    /// The response types that it uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_types: Option<Vec<String>>,
    /// The name that users read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// Its home page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<WebUrl>,
    /// Its logo; never fetched and never shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<WebUrl>,
    /// The scopes that it can ask for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scopes>,
    /// Whom to write to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    /// Its terms of service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<WebUrl>,
    /// What it does with data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<WebUrl>,
    /// Where its public keys are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<WebUrl>,
    /// Its public keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
    /// What names the software, the same for each of its installations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_id: Option<String>,
    /// The version of the software.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_version: Option<String>,
    /// Whether it runs on the web or on users' devices (OpenID Connect Registration §2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_type: Option<ApplicationType>,
    /// Whether it pushes every authorization request (RFC 9126 §6).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub require_pushed_authorization_requests: bool,
    /// Whether it signs every authorization request (RFC 9101 §10.5).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub require_signed_request_object: bool,
    /// With what it signs its request objects (OpenID Connect Registration §2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_object_signing_alg: Option<Algorithm>,
    /// Where it publishes request objects (OpenID Connect Registration §2).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub request_uris: Vec<WebUrl>,
    /// With what answers to it are signed (JARM §3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_signed_response_alg: Option<Algorithm>,
    /// With what its ID tokens are signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_signed_response_alg: Option<Algorithm>,
    /// With what answers of userinfo are signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_signed_response_alg: Option<Algorithm>,
    /// Under which name it knows users: `public` or `pairwise`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_type: Option<String>,
    /// The document that lists the redirect URIs of its sector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sector_identifier_uri: Option<WebUrl>,
    /// The greatest age of a login where a request names none, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_max_age: Option<i64>,
    /// The authentication contexts that it likes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub default_acr_values: Vec<String>,
    /// Where users may be sent after signing out (OpenID Connect RP-Initiated Logout §3.1).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// Where it is told that a session ended (OpenID Connect Back-Channel Logout §2.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<WebUrl>,
}

/// Where a client runs (OpenID Connect Registration §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApplicationType {
    /// On the web.
    Web,
    /// On users' devices.
    Native,
}

/// What is wrong with client metadata (RFC 7591 §3.2.2).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct MalformedMetadata {
    /// The code for the client.
    pub error: ErrorCode,
    /// What is wrong, for its developer.
    pub text: String,
}

impl MalformedMetadata {
    /// A redirect URI is wrong.
    pub fn redirect_uri(text: impl Into<String>) -> Self {
        Self { error: ErrorCode::InvalidRedirectUri, text: text.into() }
    }

    /// Another member is wrong.
    pub fn member(text: impl Into<String>) -> Self {
        Self { error: ErrorCode::InvalidClientMetadata, text: text.into() }
    }
}

/// The most redirect URIs of one client.
pub const MOST_REDIRECT_URIS: usize = 32;

/// The longest text that people read, in characters.
const LONGEST_TEXT: usize = 200;

/// The most entries of every other list.
const MOST_ENTRIES: usize = 16;

/// The greatest age of a login that means anything: ten years, in seconds.
const LONGEST_AGE: i64 = 10 * 366 * 24 * 3600;

type Read<T> = Result<T, MalformedMetadata>;

impl Metadata {
    /// Reads the metadata of a registration request or of a document.
    ///
    /// # Errors
    /// When a member has the wrong type, is too long, or holds an address that is none.
    pub fn read(object: &Map<String, Value>) -> Read<Self> {
        // RFC 7592 §2.2: null is the same as leaving the member out.
        let at = |name: &str| object.get(name).filter(|value| !value.is_null());
        let metadata = Self {
            redirect_uris: at("redirect_uris").map_or(Ok(Vec::new()), redirect_uris)?,
            token_endpoint_auth_method: word(at, "token_endpoint_auth_method")?,
            grant_types: words(at, "grant_types")?,
            response_types: words(at, "response_types")?,
            client_name: text(at, "client_name")?,
            client_uri: address(at, "client_uri")?,
            logo_uri: address(at, "logo_uri")?,
            scope: scope(at("scope"))?,
            contacts: texts(at, "contacts")?.unwrap_or_default(),
            tos_uri: address(at, "tos_uri")?,
            policy_uri: address(at, "policy_uri")?,
            jwks_uri: address(at, "jwks_uri")?,
            jwks: at("jwks").map(keys).transpose()?,
            software_id: text(at, "software_id")?,
            software_version: text(at, "software_version")?,
            application_type: application_type(at("application_type"))?,
            require_pushed_authorization_requests: truth(
                at,
                "require_pushed_authorization_requests",
            )?,
            require_signed_request_object: truth(at, "require_signed_request_object")?,
            request_object_signing_alg: algorithm(at, "request_object_signing_alg")?,
            request_uris: addresses(at, "request_uris")?,
            authorization_signed_response_alg: algorithm(at, "authorization_signed_response_alg")?,
            id_token_signed_response_alg: algorithm(at, "id_token_signed_response_alg")?,
            userinfo_signed_response_alg: algorithm(at, "userinfo_signed_response_alg")?,
            subject_type: word(at, "subject_type")?,
            sector_identifier_uri: address(at, "sector_identifier_uri")?,
            default_max_age: at("default_max_age").map(seconds).transpose()?,
            default_acr_values: words(at, "default_acr_values")?.unwrap_or_default(),
            post_logout_redirect_uris: at("post_logout_redirect_uris")
                .map_or(Ok(Vec::new()), redirect_uris)?,
            backchannel_logout_uri: address(at, "backchannel_logout_uri")?,
        };
        if metadata.jwks.is_some() && metadata.jwks_uri.is_some() {
            // RFC 7591 §2: "The jwks_uri and jwks parameters MUST NOT both be present".
            return Err(MalformedMetadata::member("jwks and jwks_uri are both there; send one"));
        }
        metadata.fits_its_type()?;
        Ok(metadata)
    }

    /// Whether every redirect URI leads to a program on the user's device (RFC 8252 §7).
    pub fn is_native(&self) -> bool {
        let has_native = self
            .redirect_uris
            .iter()
            .all(|uri| matches!(uri.kind(), Kind::Loopback | Kind::PrivateUse));
        !self.redirect_uris.is_empty() && has_native
    }

    /// A web client has no private-use scheme, as far as it says that it is one.
    fn fits_its_type(&self) -> Read<()> {
        let private = self.redirect_uris.iter().find(|uri| uri.kind() == Kind::PrivateUse);
        match (self.application_type, private) {
            (Some(ApplicationType::Web), Some(uri)) => {
                Err(MalformedMetadata::redirect_uri(format!(
                    "a client on the web has no redirect URI '{uri}'; say application_type native"
                )))
            }
            _ => Ok(()),
        }
    }
}

fn redirect_uris(value: &Value) -> Read<Vec<RedirectUri>> {
    let wrong = |text: String| MalformedMetadata::redirect_uri(text);
    let list = value.as_array().ok_or_else(|| wrong("redirect_uris is no list".to_owned()))?;
    if list.len() > MOST_REDIRECT_URIS {
        return Err(wrong(format!("more than {MOST_REDIRECT_URIS} redirect URIs")));
    }
    let mut uris: Vec<RedirectUri> = Vec::with_capacity(list.len());
    for value in list {
        let text = value.as_str().ok_or_else(|| wrong("a redirect URI is no text".to_owned()))?;
        let uri = RedirectUri::parse(text)
            .map_err(|why| wrong(format!("the redirect URI '{}': {why}", clip(text))))?;
        if !uris.contains(&uri) {
            uris.push(uri);
        }
    }
    Ok(uris)
}

fn scope(value: Option<&Value>) -> Read<Option<Scopes>> {
    let Some(value) = value else { return Ok(None) };
    let text = value.as_str().ok_or_else(|| MalformedMetadata::member("scope is no text"))?;
    let scopes = Scopes::parse(text)
        .map_err(|why| MalformedMetadata::member(format!("scope is malformed: {why}")))?;
    Ok(Some(scopes).filter(|scopes| !scopes.is_empty()))
}

fn application_type(value: Option<&Value>) -> Read<Option<ApplicationType>> {
    match value.map(Value::as_str) {
        None => Ok(None),
        Some(Some("web")) => Ok(Some(ApplicationType::Web)),
        Some(Some("native")) => Ok(Some(ApplicationType::Native)),
        Some(_) => Err(MalformedMetadata::member("application_type is neither web nor native")),
    }
}

/// Public keys, each of use: one that is lost in silence would lock its client out.
fn keys(value: &Value) -> Read<Value> {
    let wrong = |why: String| MalformedMetadata::member(format!("jwks is no set of keys: {why}"));
    let listed = value.get("keys").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if listed.len() > MOST_ENTRIES {
        return Err(wrong(format!("more than {MOST_ENTRIES}")));
    }
    for secret in ["d", "k", "p", "q", "dp", "dq", "qi", "oth"] {
        if listed.iter().any(|key| key.get(secret).is_some()) {
            return Err(wrong("it holds a private key; publish the public part alone".to_owned()));
        }
    }
    let set = Jwks::from_json(value).map_err(|why| wrong(why.to_string()))?;
    if let Some(skipped) = set.skipped().first() {
        return Err(wrong(format!("key {} cannot be used: {}", skipped.index + 1, skipped.why)));
    }
    if set.is_empty() {
        return Err(wrong("it is empty".to_owned()));
    }
    Ok(value.clone())
}

fn address<'v>(at: impl Fn(&str) -> Option<&'v Value>, name: &str) -> Read<Option<WebUrl>> {
    let Some(value) = at(name) else { return Ok(None) };
    let text = value.as_str().ok_or_else(|| not(name, "no text"))?;
    WebUrl::parse(text).map(Some).map_err(|why| not(name, &format!("no address: {why}")))
}

fn addresses<'v>(at: impl Fn(&str) -> Option<&'v Value>, name: &str) -> Read<Vec<WebUrl>> {
    let texts = words(at, name)?.unwrap_or_default();
    let parsed = texts.iter().map(|text| WebUrl::parse(text));
    parsed
        .collect::<Result<_, _>>()
        .map_err(|why| not(name, &format!("no list of addresses: {why}")))
}

fn seconds(value: &Value) -> Read<i64> {
    let seconds = value.as_i64().filter(|seconds| (0..=LONGEST_AGE).contains(seconds));
    seconds.ok_or_else(|| not("default_max_age", "no number of seconds"))
}

fn truth<'v>(at: impl Fn(&str) -> Option<&'v Value>, name: &str) -> Read<bool> {
    at(name).map_or(Ok(false), |value| value.as_bool().ok_or_else(|| not(name, "no true or false")))
}

fn algorithm<'v>(at: impl Fn(&str) -> Option<&'v Value>, name: &str) -> Read<Option<Algorithm>> {
    let Some(word) = word(at, name)? else { return Ok(None) };
    let found = Algorithm::ALL.iter().copied().find(|one| one.name() == word);
    found.map(Some).ok_or_else(|| not(name, "no algorithm that is supported; never none"))
}

/// A text that people read: one line, nothing in it that is not seen or that turns it around.
fn text<'v>(at: impl Fn(&str) -> Option<&'v Value>, name: &str) -> Read<Option<String>> {
    at(name).map(|value| readable(value, name)).transpose()
}

fn texts<'v>(at: impl Fn(&str) -> Option<&'v Value>, name: &str) -> Read<Option<Vec<String>>> {
    list(at(name), name, readable)
}

fn readable(value: &Value, name: &str) -> Read<String> {
    let text = value.as_str().ok_or_else(|| not(name, "no text"))?.trim();
    if text.is_empty() || text.chars().count() > LONGEST_TEXT || text.chars().any(is_unseen) {
        let rule = format!("not one line of 1 to {LONGEST_TEXT} visible characters");
        return Err(not(name, &rule));
    }
    Ok(text.to_owned())
}

/// Controls, and the format characters with which a text can look like another one.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// A word of a protocol.
fn word<'v>(at: impl Fn(&str) -> Option<&'v Value>, name: &str) -> Read<Option<String>> {
    at(name).map(|value| protocol_word(value, name)).transpose()
}

fn words<'v>(at: impl Fn(&str) -> Option<&'v Value>, name: &str) -> Read<Option<Vec<String>>> {
    list(at(name), name, protocol_word)
}

fn protocol_word(value: &Value, name: &str) -> Read<String> {
    let text = value.as_str().ok_or_else(|| not(name, "no text"))?;
    let is_word = !text.is_empty()
        && text.len() <= LONGEST_TEXT
        && text.bytes().all(|octet| octet == b' ' || octet.is_ascii_graphic());
    if is_word { Ok(text.to_owned()) } else { Err(not(name, "no word of a protocol")) }
}

fn list(
    value: Option<&Value>,
    name: &str,
    one: impl Fn(&Value, &str) -> Read<String>,
) -> Read<Option<Vec<String>>> {
    let Some(value) = value else { return Ok(None) };
    let list = value.as_array().ok_or_else(|| not(name, "no list"))?;
    if list.len() > MOST_ENTRIES {
        return Err(not(name, &format!("longer than {MOST_ENTRIES} entries")));
    }
    list.iter().map(|value| one(value, name)).collect::<Read<Vec<_>>>().map(Some)
}

fn not(name: &str, what: &str) -> MalformedMetadata {
    MalformedMetadata::member(format!("{name} is {what}"))
}

fn clip(text: &str) -> String {
    text.chars().take(LONGEST_TEXT).collect()
}

#[cfg(test)]
#[path = "register_tests.rs"]
mod tests;
