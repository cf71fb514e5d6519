//! The authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3, RFC 8707 §2.1, OpenID Connect Core §3.1.2.1).

use serde::{Deserialize, Serialize};

use crate::confirmation;
use crate::details::{self, Detail};
use crate::error::ErrorAnswer;
use crate::form::{Form, MalformedForm};
pub use crate::openid_request::OpenidRequest;
use crate::{ClientId, CodeChallenge, ErrorCode, RedirectUri, ResponseMode, Scopes};

/// Who asks, and where the answer goes: read first, because before both are known to belong
/// together nothing is redirected (RFC 6749 §4.1.2.1).
#[derive(Debug, Clone)]
pub struct Asker {
    /// The client.
    pub client_id: ClientId,
    /// Where to answer; absent when the client registered just one URI.
    pub redirect_uri: Option<RedirectUri>,
}

impl Asker {
    /// Reads who asks.
    ///
    /// # Errors
    /// An answer to be shown to the user, never redirected.
    pub fn read(form: &Form) -> Result<Self, ErrorAnswer> {
        let client_id = client_id(form)?;
        let redirect_uri = once(form, "redirect_uri")?
            .map(RedirectUri::parse)
            .transpose()
            .map_err(|why| invalid(format!("redirect_uri is not usable: {why}")))?;
        Ok(Self { client_id, redirect_uri })
    }
}

/// Reads which client asks: known before anything else, for only its keys and its pushed requests
/// count (RFC 9101 §5, RFC 9126 §4).
///
/// # Errors
/// An answer to be shown to the user, never redirected.
pub fn client_id(form: &Form) -> Result<ClientId, ErrorAnswer> {
    once(form, "client_id")?
        .ok_or_else(|| invalid("client_id is missing"))
        .and_then(|text| ClientId::parse(text).map_err(|why| invalid(why.to_string())))
}

/// How the answer goes back, whatever it says: read before everything that it could be about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// What goes back with it, error or not (RFC 6749 §4.1.2.1).
    pub state: Option<String>,
    /// How it travels.
    pub mode: ResponseMode,
}

impl Reply {
    /// Reads how to answer. What cannot be read is left out of the reply, and comes back as the
    /// error that it carries to the client.
    pub fn read(form: &Form) -> (Self, Result<(), ErrorAnswer>) {
        let state = bounded(form, "state");
        let mode = once(form, "response_mode").and_then(|name| match name {
            None => Ok(ResponseMode::default()),
            Some(name) => ResponseMode::parse(name).ok_or_else(|| {
                invalid(format!("response_mode must be {}", ResponseMode::NAMES.join(", ")))
            }),
        });
        let (state, mode, trouble) = match (state, mode) {
            (Ok(state), Ok(mode)) => (state, mode, Ok(())),
            (Err(why), mode) => (None, mode.unwrap_or_default(), Err(why)),
            (Ok(state), Err(why)) => (state, ResponseMode::default(), Err(why)),
        };
        (Self { state, mode }, trouble)
    }
}

/// What is asked, well-formed but not yet checked against anything registered.
#[derive(Debug, Clone)]
pub struct Request {
    /// The scopes asked for; qualified names are still unresolved.
    pub scope: Scopes,
    /// The `resource` values as they were sent (RFC 8707 §2); each is parsed by the rule that reads it.
    pub resource: Vec<String>,
    /// The `audience` values as they were sent: a dialect of `resource`.
    pub audience: Vec<String>,
    /// The authorization details asked for (RFC 9396 §2).
    pub details: Vec<Detail>,
    /// The PKCE challenge.
    pub challenge: Option<CodeChallenge>,
    /// The thumbprint of the key that shall redeem the code (RFC 9449 §10).
    pub dpop_jkt: Option<String>,
    /// The nonce for the ID token.
    pub nonce: Option<String>,
    /// What the client wants the user to be asked.
    pub prompt: Prompt,
    /// The greatest age of the login, in seconds.
    pub max_age: Option<i64>,
    /// A name to fill into the login page.
    pub login_hint: Option<String>,
    /// What OpenID Connect adds.
    pub openid: OpenidRequest,
}

/// The `prompt` parameter (OpenID Connect Core §3.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Prompt {
    /// Ask nothing; fail when something would have to be asked.
    pub none: bool,
    /// Ask for the login even if there is a session.
    pub login: bool,
    /// Ask for consent even if it is remembered.
    pub consent: bool,
    /// Let the user choose an account.
    pub select_account: bool,
}

/// The longest `state` or `nonce` that is taken, in octets.
pub const LONGEST_STATE: usize = 1024;

/// The longest `login_hint` that is kept, in octets; a longer one is no user's name.
pub const LONGEST_HINT: usize = 255;

impl Request {
    /// Reads what is asked.
    ///
    /// # Errors
    /// An answer that goes to the client's redirect URI.
    pub fn read(form: &Form) -> Result<Self, ErrorAnswer> {
        match once(form, "response_type")? {
            Some("code") => {}
            Some(_) => {
                return Err(ErrorAnswer::new(
                    ErrorCode::UnsupportedResponseType,
                    "response_type must be code",
                ));
            }
            None => return Err(invalid("response_type is missing; it must be code")),
        }
        Ok(Self {
            scope: scope(form)?.unwrap_or_default(),
            resource: form.all("resource").map(str::to_owned).collect(),
            audience: form.all("audience").map(str::to_owned).collect(),
            details: details(form)?.unwrap_or_default(),
            challenge: challenge(form)?,
            dpop_jkt: dpop_jkt(form)?,
            nonce: bounded(form, "nonce")?,
            prompt: prompt(form)?,
            max_age: max_age(form)?,
            login_hint: once(form, "login_hint")?
                .filter(|hint| hint.len() <= LONGEST_HINT)
                .map(str::to_owned),
            openid: OpenidRequest::read(form)?,
        })
    }
}

/// Reads `scope`; `None` when it is absent.
pub(crate) fn scope(form: &Form) -> Result<Option<Scopes>, ErrorAnswer> {
    once(form, "scope")?
        .map(|text| {
            Scopes::parse(text)
                .map_err(|why| ErrorAnswer::new(ErrorCode::InvalidScope, why.to_string()))
        })
        .transpose()
}

/// Reads `authorization_details`; `None` when it is absent.
pub(crate) fn details(form: &Form) -> Result<Option<Vec<Detail>>, ErrorAnswer> {
    once(form, "authorization_details")?
        .map(|text| {
            let code = ErrorCode::InvalidAuthorizationDetails;
            details::read(text).map_err(|why| ErrorAnswer::new(code, why.to_string()))
        })
        .transpose()
}

pub(crate) fn once<'f>(form: &'f Form, name: &'static str) -> Result<Option<&'f str>, ErrorAnswer> {
    form.one(name).map_err(|why: MalformedForm| invalid(why.to_string()))
}

pub(crate) fn invalid(description: impl AsRef<str>) -> ErrorAnswer {
    ErrorAnswer::new(ErrorCode::InvalidRequest, description)
}

fn bounded(form: &Form, name: &'static str) -> Result<Option<String>, ErrorAnswer> {
    match once(form, name)? {
        Some(text) if text.len() > LONGEST_STATE => {
            Err(invalid(format!("{name} is longer than {LONGEST_STATE} octets")))
        }
        text => Ok(text.map(str::to_owned)),
    }
}

fn challenge(form: &Form) -> Result<Option<CodeChallenge>, ErrorAnswer> {
    let method = once(form, "code_challenge_method")?;
    match once(form, "code_challenge")? {
        None if method.is_some() => Err(invalid("code_challenge_method without code_challenge")),
        None => Ok(None),
        // RFC 7636 §4.3: an absent method means plain, which is not taken here.
        Some(_) if method != Some("S256") => Err(invalid("code_challenge_method must be S256")),
        Some(text) => CodeChallenge::parse(text).map(Some).map_err(|why| invalid(why.to_string())),
    }
}

fn dpop_jkt(form: &Form) -> Result<Option<String>, ErrorAnswer> {
    once(form, "dpop_jkt")?
        .map(|text| {
            let why = "dpop_jkt must be the SHA-256 thumbprint of a key in base64url";
            confirmation::thumbprint(text).ok_or_else(|| invalid(why))
        })
        .transpose()
}

fn prompt(form: &Form) -> Result<Prompt, ErrorAnswer> {
    let mut prompt = Prompt::default();
    for value in once(form, "prompt")?.unwrap_or_default().split(' ').filter(|v| !v.is_empty()) {
        match value {
            "none" => prompt.none = true,
            "login" => prompt.login = true,
            "consent" => prompt.consent = true,
            "select_account" => prompt.select_account = true,
            _ => return Err(invalid("prompt must be none, login, consent or select_account")),
        }
    }
    if prompt.none && (prompt.login || prompt.consent || prompt.select_account) {
        return Err(invalid("prompt=none cannot stand with another value"));
    }
    Ok(prompt)
}

fn max_age(form: &Form) -> Result<Option<i64>, ErrorAnswer> {
    once(form, "max_age")?
        .map(|text| match text.parse::<u32>() {
            Ok(seconds) => Ok(i64::from(seconds)),
            Err(_) => Err(invalid("max_age must be a number of seconds")),
        })
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Request, ErrorCode> {
        Request::read(&Form::parse(query).unwrap()).map_err(|answer| answer.error)
    }

    #[test]
    fn what_is_malformed_is_refused_with_its_code() {
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        let cases = [
            ("", ErrorCode::InvalidRequest),
            ("response_type=token", ErrorCode::UnsupportedResponseType),
            ("response_type=code&response_type=code", ErrorCode::InvalidRequest),
            ("response_type=code&scope=a%22", ErrorCode::InvalidScope),
            ("response_type=code&prompt=none%20login", ErrorCode::InvalidRequest),
            ("response_type=code&max_age=-1", ErrorCode::InvalidRequest),
            (
                "response_type=code&code_challenge=short&code_challenge_method=S256",
                ErrorCode::InvalidRequest,
            ),
            ("response_type=code&code_challenge_method=S256", ErrorCode::InvalidRequest),
            ("response_type=code&dpop_jkt=short", ErrorCode::InvalidRequest),
        ];
        for (query, code) in cases {
            assert_eq!(read(query).unwrap_err(), code, "{query}");
        }
        let plain = format!("response_type=code&code_challenge={challenge}");
        assert_eq!(read(&plain).unwrap_err(), ErrorCode::InvalidRequest);
        let plain = format!("{plain}&code_challenge_method=plain");
        assert_eq!(read(&plain).unwrap_err(), ErrorCode::InvalidRequest);
    }

    //= https://www.rfc-editor.org/rfc/rfc8707#section-2
    //= type=test
    //# Multiple "resource" parameters MAY be used to
    //# indicate that the requested token is intended to be used at multiple
    //# resources.
    #[test]
    fn resource_may_repeat() {
        let request = read("response_type=code&resource=https://a&resource=&resource=x").unwrap();
        assert_eq!(request.resource, ["https://a", "x"]);
    }

    #[test]
    fn how_to_answer_is_known_even_when_it_is_asked_wrongly() {
        let long = format!("state={}&response_mode=fragment", "s".repeat(LONGEST_STATE + 1));
        let cases: [(&str, Option<&str>, ResponseMode, bool); 6] = [
            ("", None, ResponseMode::Query, true),
            ("state=s&response_mode=form_post", Some("s"), ResponseMode::FormPost, true),
            ("state=s&response_mode=web_message", Some("s"), ResponseMode::Query, false),
            (
                "state=s&response_mode=query&response_mode=query",
                Some("s"),
                ResponseMode::Query,
                false,
            ),
            ("state=s&state=t&response_mode=jwt", None, ResponseMode::QueryJwt, false),
            (&long, None, ResponseMode::Fragment, false),
        ];
        for (query, state, mode, is_fine) in cases {
            let (reply, trouble) = Reply::read(&Form::parse(query).unwrap());
            assert_eq!((reply.state.as_deref(), reply.mode), (state, mode), "{query}");
            assert_eq!(trouble.is_ok(), is_fine, "{query}");
        }
    }

    #[test]
    fn who_asks_is_read_first() {
        let form = Form::parse("client_id=shop&redirect_uri=javascript:x").unwrap();
        assert_eq!(Asker::read(&form).unwrap_err().error, ErrorCode::InvalidRequest);
        let form = Form::parse("client_id=shop").unwrap();
        assert!(Asker::read(&form).unwrap().redirect_uri.is_none());
    }
}
