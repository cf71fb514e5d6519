//! Signing out: the request of a client, and the token that tells the others
//! (OpenID Connect RP-Initiated Logout §2, OpenID Connect Back-Channel Logout §2.4).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::authorize::{LONGEST_STATE, invalid, once};
use crate::error::ErrorAnswer;
use crate::form::Form;
use crate::{ClientId, Issuer, RedirectUri, Subject};

/// A request to sign the user out, well-formed but not yet checked.
#[derive(Debug, Clone)]
pub struct Request {
    /// The client, where it says so beside the hint.
    pub client_id: Option<ClientId>,
    /// Where the user shall be sent then.
    pub post_logout_redirect_uri: Option<RedirectUri>,
    /// What goes there too.
    pub state: Option<String>,
}

impl Request {
    /// Reads the request but for its `id_token_hint`, see [`id_token_hint`]. `logout_hint` and
    /// `ui_locales` are taken and change nothing: a browser has one session here.
    ///
    /// # Errors
    /// An answer to be shown to the user, never redirected.
    pub fn read(form: &Form) -> Result<Self, ErrorAnswer> {
        let client_id = once(form, "client_id")?
            .map(ClientId::parse)
            .transpose()
            .map_err(|why| invalid(why.to_string()))?;
        let post_logout_redirect_uri = once(form, "post_logout_redirect_uri")?
            .map(RedirectUri::parse)
            .transpose()
            .map_err(|why| invalid(format!("post_logout_redirect_uri is not usable: {why}")))?;
        let state = once(form, "state")?.map(str::to_owned);
        if state.as_ref().is_some_and(|state| state.len() > LONGEST_STATE) {
            return Err(invalid(format!("state is longer than {LONGEST_STATE} octets")));
        }
        Ok(Self { client_id, post_logout_redirect_uri, state })
    }
}

/// Reads the `id_token_hint`: a token that is not verified yet.
///
/// # Errors
/// When it is repeated.
pub fn id_token_hint(form: &Form) -> Result<Option<&str>, ErrorAnswer> {
    once(form, "id_token_hint")
}

/// The `typ` of a logout token.
pub const TYPE: &str = "logout+jwt";

/// What a logout token tells.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// The claims of a logout token; never a `nonce`, so that it is no ID token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogoutToken {
    /// The issuer.
    pub iss: Issuer,
    /// The client that is told.
    pub aud: ClientId,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// When it expires, in seconds since 1970.
    pub exp: i64,
    /// The token's identifier.
    pub jti: String,
    /// The user, as the client knows it.
    pub sub: Subject,
    /// The session that ended.
    pub sid: String,
    /// That it is about logout.
    pub events: Map<String, Value>,
}

impl LogoutToken {
    /// The one event of a logout token.
    pub fn event() -> Map<String, Value> {
        Map::from_iter([(EVENT.to_owned(), Value::Object(Map::new()))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Request, ErrorAnswer> {
        Request::read(&Form::parse(query).unwrap())
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let request = read(
            "client_id=shop&post_logout_redirect_uri=https://shop.example/&state=s\
             &logout_hint=ada&ui_locales=de",
        );
        assert_eq!(request.unwrap().state.as_deref(), Some("s"));
        assert!(read("").is_ok());
        let long = format!("state={}", "s".repeat(LONGEST_STATE + 1));
        for bad in [
            "post_logout_redirect_uri=javascript:alert(1)",
            "post_logout_redirect_uri=/here",
            "client_id=a&client_id=b",
            "state=a&state=b",
            &long,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        let twice = Form::parse("id_token_hint=a&id_token_hint=b").unwrap();
        assert!(id_token_hint(&twice).is_err());
    }
}
