//! Where errors become HTTP: JSON for clients (RFC 6749 §5.2, RFC 6750 §3), a page for users.

use axum::response::{IntoResponse, Response};
use bailiwick_fetch::FetchError;
use bailiwick_grant::rule::sender::Scheme;
use bailiwick_grant::{Reason, Refused};
use bailiwick_jose::Algorithm;
use bailiwick_oauth::ErrorCode;
use bailiwick_oauth::credentials::MalformedCredentials;
use bailiwick_oauth::dpop::PROOF_ALGORITHMS;
use bailiwick_oauth::error::ErrorAnswer;
use bailiwick_oauth::form::MalformedForm;
use bailiwick_store::StoreError;
use bailiwick_window::WindowError;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, LOCATION, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

use crate::app::App;
use crate::endpoint::sender::DPOP_NONCE;
use crate::event::Event;
use crate::keys::KeysError;
use crate::page;

/// Why a request does not get what it asked for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A rule refused it.
    Refused(Refused),
    /// Its DPoP proof lacks a nonce; here is one (RFC 9449 §8).
    WantsNonce {
        /// What the client reads.
        refused: Refused,
        /// Absent only for want of randomness.
        nonce: Option<String>,
    },
    /// A rule refused an access token that was sent to us (RFC 6750 §3.1, RFC 9449 §7.1).
    Token {
        /// What the client reads.
        refused: Refused,
        /// How the token was sent.
        scheme: Scheme,
        /// A nonce for the next proof.
        nonce: Option<String>,
    },
    /// It is malformed.
    Malformed(ErrorAnswer),
    /// It is no request of this endpoint at all.
    Http(StatusCode, &'static str),
    /// The form does not come from a page of ours.
    Foreign(&'static str),
    /// Too often from there: so many seconds to wait.
    Wait(i64),
    /// The interaction is over, or not this browser's.
    Over,
    /// A request without credentials where an access token is needed (RFC 6750 §3.1).
    NoToken,
    /// A token that cannot be read as one (RFC 6750 §3.1).
    Unreadable(ErrorAnswer),
    /// The store failed: later it may work.
    Store(StoreError),
    /// A window cannot say whether this may be done: then it may not.
    Window(WindowError),
    /// What another server publishes cannot be had: later it may.
    Elsewhere(FetchError),
    /// Others kept changing the same records.
    Contended,
    /// Something is wrong here.
    Broken(Box<dyn std::error::Error + Send + Sync>),
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<ErrorAnswer> for Failure {
    fn from(answer: ErrorAnswer) -> Self {
        Self::Malformed(answer)
    }
}

impl From<MalformedForm> for Failure {
    fn from(why: MalformedForm) -> Self {
        Self::malformed(why.to_string())
    }
}

impl From<MalformedCredentials> for Failure {
    fn from(why: MalformedCredentials) -> Self {
        let error = match why {
            MalformedCredentials::Several | MalformedCredentials::Form(_) => {
                ErrorCode::InvalidRequest
            }
            _ => ErrorCode::InvalidClient,
        };
        Self::Malformed(ErrorAnswer::new(error, why.to_string()))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<WindowError> for Failure {
    fn from(error: WindowError) -> Self {
        Self::Window(error)
    }
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        Self::Elsewhere(error)
    }
}

impl From<KeysError> for Failure {
    fn from(error: KeysError) -> Self {
        Self::Broken(error.into())
    }
}

impl From<askama::Error> for Failure {
    fn from(error: askama::Error) -> Self {
        Self::Broken(error.into())
    }
}

impl Failure {
    /// A request that is malformed.
    pub(crate) fn malformed(description: impl AsRef<str>) -> Self {
        Self::Malformed(ErrorAnswer::new(ErrorCode::InvalidRequest, description))
    }

    /// Tells the log which rule it was.
    fn tell(&self, event: &Event) {
        match self {
            Self::Refused(refused)
            | Self::WantsNonce { refused, .. }
            | Self::Token { refused, .. } => {
                event.refused(refused.error.as_str(), refused.reason.as_str());
            }
            Self::Malformed(answer) | Self::Unreadable(answer) => {
                event.refused(answer.error.as_str(), Reason::Malformed.as_str());
            }
            Self::Http(..) | Self::NoToken => event.refused("refused", Reason::Malformed.as_str()),
            Self::Foreign(_) => event.refused("refused", "foreign_form"),
            Self::Over => event.refused("refused", Reason::Expired.as_str()),
            Self::Contended => event.refused("contended", "contended"),
            Self::Wait(_) => event.refused("refused", "too_often"),
            Self::Store(error) => event.failed("store_failed", error),
            Self::Window(error) => event.failed("window_failed", error),
            Self::Elsewhere(error) => event.failed("elsewhere_failed", error),
            Self::Broken(error) => event.failed("broken", error.as_ref()),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            // What a resource server answers with 401 or 403, a client is told with 400 (RFC 6749 §5.2,
            // RFC 8628 §3.5, RFC 9449 §5, §8).
            Self::Refused(Refused {
                error: ErrorCode::AccessDenied | ErrorCode::InvalidDpopProof,
                ..
            })
            | Self::WantsNonce { .. }
            | Self::Over => StatusCode::BAD_REQUEST,
            Self::Refused(refused) | Self::Token { refused, .. } => refused.error.status(),
            Self::Malformed(answer) | Self::Unreadable(answer) => answer.error.status(),
            Self::Http(status, _) => *status,
            Self::Foreign(_) => StatusCode::FORBIDDEN,
            Self::Wait(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::NoToken => StatusCode::UNAUTHORIZED,
            Self::Store(_) | Self::Window(_) | Self::Elsewhere(_) | Self::Contended => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn answer(&self) -> ErrorAnswer {
        match self {
            Self::Refused(refused)
            | Self::WantsNonce { refused, .. }
            | Self::Token { refused, .. } => refused.answer(),
            Self::Malformed(answer) | Self::Unreadable(answer) => answer.clone(),
            Self::Http(_, text) | Self::Foreign(text) => {
                ErrorAnswer::new(ErrorCode::InvalidRequest, text)
            }
            Self::Over => {
                ErrorAnswer::new(ErrorCode::AccessDenied, "this request is over; begin again")
            }
            Self::Wait(seconds) => {
                let text = format!("too many requests from there; wait {seconds} seconds");
                ErrorAnswer::new(ErrorCode::TemporarilyUnavailable, text)
            }
            Self::NoToken => ErrorAnswer::new(ErrorCode::InvalidToken, ""),
            Self::Store(_) | Self::Window(_) | Self::Contended => {
                let text = "the server is busy; try again in a moment";
                ErrorAnswer::new(ErrorCode::TemporarilyUnavailable, text)
            }
            // Whose and why is for the log: the address may not be this client's to know.
            Self::Elsewhere(_) => {
                let text = "keys that another server publishes cannot be fetched just now";
                ErrorAnswer::new(ErrorCode::TemporarilyUnavailable, text)
            }
            Self::Broken(_) => {
                ErrorAnswer::new(ErrorCode::ServerError, "something is wrong with this server")
            }
        }
    }

    /// The challenge that goes with a 401 (RFC 6749 §5.2).
    fn challenge(&self, app: &App) -> Option<String> {
        let bearer = |answer: &ErrorAnswer| {
            let (error, text) = (answer.error, &answer.error_description);
            format!(r#"Bearer error="{error}", error_description="{text}""#)
        };
        let dpop = |answer: &ErrorAnswer| {
            let (error, text) = (answer.error, &answer.error_description);
            let algorithms = PROOF_ALGORITHMS.map(Algorithm::name).join(" ");
            format!(r#"DPoP error="{error}", error_description="{text}", algs="{algorithms}""#)
        };
        match (self, self.answer()) {
            (Self::NoToken, _) => Some("Bearer".to_owned()),
            (Self::Unreadable(_), answer) => Some(bearer(&answer)),
            (Self::Token { scheme: Scheme::Dpop, .. }, answer) => Some(dpop(&answer)),
            (_, answer) if answer.error == ErrorCode::InvalidClient => {
                Some(format!(r#"Basic realm="{}""#, app.tenant.issuer))
            }
            (_, answer)
                if matches!(
                    answer.error,
                    ErrorCode::InvalidToken | ErrorCode::InsufficientScope
                ) =>
            {
                Some(bearer(&answer))
            }
            _ => None,
        }
    }
}

/// Answers a client: JSON, never cached.
pub(crate) fn to_client(app: &App, event: &Event, result: Result<Response, Failure>) -> Response {
    let failure = match result {
        Ok(response) => return no_store(response),
        Err(failure) => failure,
    };
    failure.tell(event);
    let mut response = match &failure {
        // RFC 6750 §3.1: no error for a request that presented nothing.
        Failure::NoToken => failure.status().into_response(),
        failure => json(failure.status(), &failure.answer()),
    };
    response = no_store(response);
    if let Some(challenge) = failure.challenge(app) {
        set(&mut response, WWW_AUTHENTICATE, &challenge);
    }
    if let Failure::WantsNonce { nonce: Some(nonce), .. }
    | Failure::Token { nonce: Some(nonce), .. } = &failure
    {
        set(&mut response, DPOP_NONCE, nonce);
    }
    retry_after(&failure, &mut response);
    response
}

/// Answers a user: a page, never cached.
pub(crate) fn to_user(app: &App, event: &Event, result: Result<Response, Failure>) -> Response {
    let failure = match result {
        Ok(response) => return no_store(response),
        Err(failure) => failure,
    };
    failure.tell(event);
    let answer = failure.answer();
    let said = match &failure {
        Failure::Over => page::Trouble::Over,
        Failure::Foreign(text) => page::Trouble::Foreign(text),
        Failure::Store(_) | Failure::Window(_) | Failure::Elsewhere(_) | Failure::Contended => {
            page::Trouble::Busy
        }
        Failure::Broken(_) => page::Trouble::Broken,
        _ => page::Trouble::Request {
            error: answer.error.as_str(),
            description: &answer.error_description,
        },
    };
    // A page is not an API: a 401 would want a challenge that no browser should act upon.
    let status = match failure.status() {
        StatusCode::UNAUTHORIZED => StatusCode::BAD_REQUEST,
        status => status,
    };
    let mut response = page::trouble(app, status, said)
        .unwrap_or_else(|_| (status, answer.error_description).into_response());
    retry_after(&failure, &mut response);
    no_store(response)
}

/// A JSON body.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(octets) => (status, [(CONTENT_TYPE, "application/json")], octets).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Sends the browser on, with GET whatever the method was (RFC 9700 §4.12).
pub(crate) fn see_other(location: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    set(&mut response, LOCATION, location);
    response
}

/// Sets a header whose value was made here; one that cannot stand in a header is left out.
pub(crate) fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Answers a method that the endpoint does not have; the router adds `Allow`.
pub(crate) async fn method_not_allowed() -> Response {
    let text = "this endpoint does not take that method; see the Allow header";
    let mut response =
        json(StatusCode::METHOD_NOT_ALLOWED, &ErrorAnswer::new(ErrorCode::InvalidRequest, text));
    response.headers_mut().remove(ALLOW);
    response
}

/// Answers a path that leads nowhere.
pub(crate) async fn not_found() -> Response {
    let text = "there is nothing here; the metadata at /.well-known/ lists the endpoints";
    json(StatusCode::NOT_FOUND, &ErrorAnswer::new(ErrorCode::InvalidRequest, text))
}

/// The last resort after a panic: a bug of ours, told to nobody in detail.
pub(crate) fn panicked(_: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let text = "something is wrong with this server";
    let answer = ErrorAnswer::new(ErrorCode::ServerError, text);
    no_store(json(StatusCode::INTERNAL_SERVER_ERROR, &answer))
}

fn retry_after(failure: &Failure, response: &mut Response) {
    match failure {
        Failure::Wait(seconds) => set(response, RETRY_AFTER, &seconds.to_string()),
        failure if failure.status() == StatusCode::SERVICE_UNAVAILABLE => {
            set(response, RETRY_AFTER, "1");
        }
        _ => {}
    }
}

fn no_store(mut response: Response) -> Response {
    set(&mut response, CACHE_CONTROL, "no-store");
    set(&mut response, PRAGMA, "no-cache");
    response
}
