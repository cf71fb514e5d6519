//! Registration by clients themselves (RFC 7591 §3) and its management (RFC 7592 §2).

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use bailiwick_grant::flow::register::{self, Admission, Registered, Replacement};
use bailiwick_grant::state::{Client, InitialAccessToken, Unvetted};
use bailiwick_grant::{Door, Loaded, Reason, Refused};
use bailiwick_jose::json::parse;
use bailiwick_oauth::error::ErrorAnswer;
use bailiwick_oauth::register::Metadata;
use bailiwick_oauth::{ErrorCode, Secret};
use bailiwick_store::{CommitError, StoreError, StoreExt};
use bailiwick_window::Attempt;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};

use crate::answer::{Failure, json, to_client};
use crate::app::{Answered, App};
use crate::commit::{Attempts, Committed};
use crate::event::Event;
use crate::form;
use crate::serve::Peer;
use crate::{sector, throttle};

/// Answers registration requests.
pub(crate) async fn endpoint(
    State(app): State<Arc<App>>,
    event: Event,
    request: Request,
) -> Response {
    let answer = registered(&app, &event, request).await;
    to_client(&app, &event, answer)
}

/// Reads a registration back (RFC 7592 §2.1).
pub(crate) async fn read(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    event: Event,
    headers: HeaderMap,
) -> Response {
    let answer = async {
        let (client, access_token) = its_own(&app, &event, &id, &headers).await?;
        event.verdict("read");
        let client = client.value;
        Ok(json(StatusCode::OK, &written(&app, Registered { client, secret: None, access_token })))
    };
    to_client(&app, &event, answer.await)
}

/// Replaces a registration (RFC 7592 §2.2).
pub(crate) async fn replace(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    event: Event,
    request: Request,
) -> Response {
    let answer = replaced(&app, &event, &id, request).await;
    to_client(&app, &event, answer)
}

/// Removes a registration (RFC 7592 §2.3).
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    event: Event,
    headers: HeaderMap,
) -> Response {
    let answer = async {
        let (client, _) = its_own(&app, &event, &id, &headers).await?;
        app.store.commit(register::remove(&client).changes).await.map_err(failed)?;
        event.verdict("removed");
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    to_client(&app, &event, answer.await)
}

/// Notes that a registered client is in use, so that it is not forgotten.
pub(crate) async fn used(app: &App, client: &Client) -> Result<(), Failure> {
    if client.unvetted.as_ref().and_then(Unvetted::registration).is_none() {
        return Ok(());
    }
    let stored = app.store.load::<Client>(client.id.as_str()).await?;
    let change = stored.and_then(|stored| register::used(&app.tenant, &stored, app.now()));
    match app.store.commit(change.into_iter().collect()).await {
        // Somebody else noted it, or the client changed its registration just now.
        Ok(()) | Err(CommitError::Conflict) => Ok(()),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}

async fn registered(app: &App, event: &Event, request: Request) -> Answered {
    let peer = request.extensions().get::<Peer>().copied();
    let address = throttle::address(&app.proxies, peer, request.headers());
    let network = throttle::network(address);
    if let Attempt::Wait { seconds } = app.registrations.attempt(&network, app.now()).await? {
        return Err(Failure::Wait(seconds));
    }
    let presented = bearer(request.headers())?;
    let metadata = metadata(&object(request).await?)?;
    if app.registered.is_full(app).await? {
        let text = "there are as many registrations as there may be; try again later";
        let code = ErrorCode::TemporarilyUnavailable;
        return Err(Refused::new(code, Reason::TooManyClients, text).into());
    }
    let mut attempts = Attempts::new();
    let registered = loop {
        let token = match &presented {
            Some(token) if app.tenant.unknown_clients.registration == Door::Token => {
                app.store.load::<InitialAccessToken>(token.digest().as_str()).await?
            }
            _ => None,
        };
        let admission = match (&presented, &token) {
            (None, _) => Admission::Nobody,
            (Some(_), None) => Admission::Stranger,
            (Some(_), Some(token)) => Admission::Invited(token),
        };
        let (tenant, mut entropy) = (&app.tenant, app.entropy());
        let decision =
            register::register(tenant, &admission, metadata.clone(), app.now(), &mut entropy);
        if let Ok(registered) = &decision.outcome {
            of_its_sector(app, &registered.client).await?;
        }
        if attempts.commit(&*app.store, decision.changes).await? == Committed::Done {
            break decision.outcome?;
        }
    };
    app.registered.one_more();
    event.client(&registered.client.id);
    event.verdict("registered");
    Ok(json(StatusCode::CREATED, &written(app, registered)))
}

async fn replaced(app: &App, event: &Event, id: &str, request: Request) -> Answered {
    let headers = request.headers().clone();
    let object = object(request).await?;
    // RFC 7592 §2.2: these are the server's to say.
    for member in [
        "registration_access_token",
        "registration_client_uri",
        "client_secret_expires_at",
        "client_id_issued_at",
    ] {
        if object.contains_key(member) {
            let text = format!("{member} is not the client's to say; leave it out");
            return Err(ErrorAnswer::new(ErrorCode::InvalidClientMetadata, text).into());
        }
    }
    let text = |member: &str| object.get(member).and_then(Value::as_str).map(str::to_owned);
    let mut attempts = Attempts::new();
    loop {
        let (client, presented) = its_own(app, event, id, &headers).await?;
        let replacement = Replacement {
            client_id: text("client_id"),
            client_secret: text("client_secret").map(Secret::new),
            metadata: metadata(&object)?,
        };
        let mut entropy = app.entropy();
        let decision =
            register::replace(&app.tenant, &client, presented, replacement, &mut entropy);
        if let Ok(registered) = &decision.outcome {
            of_its_sector(app, &registered.client).await?;
        }
        if attempts.commit(&*app.store, decision.changes).await? == Committed::Done {
            let registered = decision.outcome?;
            event.verdict("replaced");
            return Ok(json(StatusCode::OK, &written(app, registered)));
        }
    }
}

/// Refuses a client that claims a sector whose document does not name it (OpenID Connect Dynamic
/// Client Registration §5).
async fn of_its_sector(app: &App, client: &Client) -> Result<(), Failure> {
    sector::verify(&app.fetcher, client)
        .await
        .map_err(|why| ErrorAnswer::new(ErrorCode::InvalidClientMetadata, why.to_string()).into())
}

/// The registration that the presented token is for.
async fn its_own(
    app: &App,
    event: &Event,
    id: &str,
    headers: &HeaderMap,
) -> Result<(Loaded<Client>, Secret), Failure> {
    let presented = bearer(headers)?.ok_or(Failure::NoToken)?;
    let client = app.store.load::<Client>(id).await?;
    let client = register::manage(client.as_ref(), &presented)?.clone();
    event.client(&client.value.id);
    Ok((client, presented))
}

/// The registration as it is answered (RFC 7591 §3.2.1, RFC 7592 §3).
fn written(app: &App, registered: Registered) -> Value {
    let Registered { client, secret, access_token } = registered;
    let unvetted = client.unvetted.as_ref();
    let said = unvetted.and_then(|unvetted| serde_json::to_value(&unvetted.metadata).ok());
    let mut answer = match said {
        Some(Value::Object(said)) => said,
        _ => Map::new(),
    };
    let mut tell = |member: &str, value: Value| answer.insert(member.to_owned(), value);
    tell("client_id", client.id.as_str().into());
    if let Some(registration) = unvetted.and_then(Unvetted::registration) {
        tell("client_id_issued_at", registration.issued_at.into());
    }
    if let Some(secret) = &secret {
        tell("client_secret", secret.expose().into());
        tell("client_secret_expires_at", 0.into());
    }
    tell("registration_access_token", access_token.expose().into());
    let place = app.tenant.issuer.endpoint(&format!("register/{}", client.id));
    tell("registration_client_uri", place.into());
    Value::Object(answer)
}

fn metadata(object: &Map<String, Value>) -> Result<Metadata, Failure> {
    if object.get("software_statement").is_some_and(|statement| !statement.is_null()) {
        let text = "no issuer of software statements is trusted here; send the metadata itself";
        return Err(ErrorAnswer::new(ErrorCode::UnapprovedSoftwareStatement, text).into());
    }
    Metadata::read(object).map_err(|why| ErrorAnswer::new(why.error, why.text).into())
}

/// Reads the JSON object of a request (RFC 7591 §3.1).
async fn object(request: Request) -> Result<Map<String, Value>, Failure> {
    let wrong =
        |text: &str| Failure::from(ErrorAnswer::new(ErrorCode::InvalidClientMetadata, text));
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|text| text.split(';').next()).unwrap_or_default();
    if !essence.trim().eq_ignore_ascii_case("application/json") {
        let text = "the content type must be application/json";
        return Err(Failure::Http(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
    }
    let body = match Limited::new(request.into_body(), LARGEST).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Err(Failure::Http(StatusCode::PAYLOAD_TOO_LARGE, "the body is over 32 KiB"));
        }
        Err(_) => return Err(wrong("the body broke off")),
    };
    match parse(&body) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(wrong("the body is no JSON object")),
    }
}

/// The token of the `Authorization` header (RFC 6750 §2.1).
fn bearer(headers: &HeaderMap) -> Result<Option<Secret>, Failure> {
    let Some(value) = form::authorization(headers)? else { return Ok(None) };
    let (scheme, token) = value.split_once(' ').unwrap_or((&value, ""));
    let token = token.trim_matches(' ');
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        let text = "the Authorization header is no Bearer token";
        return Err(Failure::Unreadable(ErrorAnswer::new(ErrorCode::InvalidRequest, text)));
    }
    Ok(Some(Secret::new(token)))
}

fn failed(error: CommitError) -> Failure {
    match error {
        CommitError::Conflict => Failure::Contended,
        CommitError::Store(error) => error.into(),
    }
}

/// How many clients registered themselves: counted in the store now and then, and with each
/// registration here between; so the bound is one of memory and disk, not an exact one.
#[derive(Default)]
pub(crate) struct Count(Mutex<Option<Counted>>);

#[derive(Clone, Copy)]
struct Counted {
    clients: usize,
    until: i64,
}

impl Count {
    async fn is_full(&self, app: &App) -> Result<bool, StoreError> {
        let most = app.tenant.unknown_clients.most;
        let now = app.now();
        let counted = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counted) = counted.filter(|counted| now < counted.until) {
            return Ok(counted.clients >= most);
        }
        let all = app.store.all::<Client>().await?;
        let is_one = |client: &&Loaded<Client>| client.value.unvetted.is_some();
        let counted = Counted { clients: all.iter().filter(is_one).count(), until: now + RECOUNT };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(counted);
        Ok(counted.clients >= most)
    }

    fn one_more(&self) {
        if let Some(counted) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            counted.clients += 1;
        }
    }
}

/// How long a count is believed, in seconds.
const RECOUNT: i64 = 60;

/// The largest request, in octets.
const LARGEST: usize = 32 * 1024;
