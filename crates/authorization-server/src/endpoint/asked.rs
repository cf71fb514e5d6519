//! Where a request's parameters come from: the browser, a request object, or the client itself ahead
//! of the browser (RFC 6749 §4.1.1, RFC 9101 §5, RFC 9126 §4). What comes after is the same for all.

use bailiwick_grant::flow::push;
use bailiwick_grant::rule::request_object::{self, Signed};
use bailiwick_grant::rule::way::{self, Signature, Way};
use bailiwick_grant::state::{Client, PushedRequest};
use bailiwick_grant::{Reason, Refused};
use bailiwick_jose::Jwe;
use bailiwick_oauth::{ErrorCode, Form, Secret, WebUrl};
use bailiwick_store::StoreExt;

use crate::answer::Failure;
use crate::app::App;
use crate::commit::{Attempts, Committed};

/// The parameters of a request, and by which way they came.
pub(super) struct Asked {
    pub(super) form: Form,
    pub(super) way: Way,
}

/// The parameters of a request at the authorization endpoint.
///
/// # Errors
/// When the client must send its requests another way, or what was sent in their place is not its
/// own, not for this server or not valid now.
pub(super) async fn by_browser(app: &App, client: &Client, form: Form) -> Result<Asked, Failure> {
    let request_uri = form.one("request_uri")?.map(str::to_owned);
    if request_uri.is_some() && form.one("request")?.is_some() {
        // RFC 9101 §5
        return Err(Failure::malformed("request and request_uri exclude each other; send one"));
    }
    let asked = match request_uri {
        None => direct(app, client, form).await?,
        Some(uri) => match push::reference(&uri) {
            Some(reference) => taken_up(app, client, &reference).await?,
            None => signed(app, client, &published(app, client, &uri).await?).await?,
        },
    };
    way::demand(&app.tenant, client, asked.way)?;
    Ok(asked)
}

/// The parameters of a request that the client itself sends, such as one that it pushes.
///
/// # Errors
/// As [`by_browser`]; also when the request names a `request_uri` (RFC 9126 §2.1).
pub(super) async fn by_client(app: &App, client: &Client, form: Form) -> Result<Asked, Failure> {
    if form.one("request_uri")?.is_some() {
        return Err(Failure::malformed("send the request itself, request_uri is not taken here"));
    }
    let asked = direct(app, client, form).await?;
    way::demand_signature(&app.tenant, client, asked.way.signature())?;
    Ok(asked)
}

async fn direct(app: &App, client: &Client, form: Form) -> Result<Asked, Failure> {
    let object = form.one("request")?.map(str::to_owned);
    match object {
        Some(object) => signed(app, client, &object).await,
        None => Ok(Asked { form, way: Way::Direct(Signature::Absent) }),
    }
}

/// Takes a pushed request up; from here on it is spent, whatever becomes of it.
async fn taken_up(app: &App, client: &Client, reference: &Secret) -> Result<Asked, Failure> {
    let mut attempts = Attempts::new();
    loop {
        let pushed = app.store.load::<PushedRequest>(reference.digest().as_str()).await?;
        let decision = push::take_up(client, pushed.as_ref(), app.now());
        if attempts.commit(&*app.store, decision.changes).await? == Committed::Done {
            let (form, way) = decision.outcome?;
            return Ok(Asked { form, way });
        }
    }
}

/// The parameters inside of a request object; nothing beside it counts (RFC 9101 §6.3).
async fn signed(app: &App, client: &Client, object: &str) -> Result<Asked, Failure> {
    let opened = opened(app, object)?;
    let object = opened.as_deref().unwrap_or(object);
    let keys = app.client_keys.of(client, object).await?;
    let (tenant, now) = (&app.tenant, app.now());
    let Signed { form, once } =
        request_object::verify(tenant, client, keys.as_deref(), object, now)?;
    if let Some(once) = once
        && !app.first_use.first_use(&once.key, once.until, now).await?
    {
        let text = "this request object was used before; sign a new one, with a jti of its own";
        let error = ErrorCode::InvalidRequestObject;
        return Err(Refused::new(error, Reason::RequestReplayed, text).into());
    }
    Ok(Asked { form, way: Way::Direct(Signature::Verified) })
}

/// What is inside of an encrypted request object (RFC 9101 §6.1); `None` for one that is not.
fn opened(app: &App, object: &str) -> Result<Option<String>, Refused> {
    const SEGMENTS: usize = 5;
    if object.split('.').take(SEGMENTS + 1).count() != SEGMENTS {
        return Ok(None);
    }
    let refused = |why: String| {
        let text = format!("the request object cannot be decrypted: {why}");
        Refused::new(ErrorCode::InvalidRequestObject, Reason::RequestObject, text)
    };
    let jwe = Jwe::parse(object).map_err(|why| refused(why.to_string()))?;
    let keyring = app.keyring.load();
    let content = jwe.decrypt(keyring.decryption()).map_err(|why| refused(why.to_string()))?;
    let text = String::from_utf8(content.to_vec());
    // Whatever it is, it still has to be signed by the client.
    text.map(Some).map_err(|_| refused("no JWT is inside".to_owned()))
}

/// The request object behind a registered address (RFC 9101 §5.2.3, §10.4).
async fn published(app: &App, client: &Client, uri: &str) -> Result<String, Failure> {
    let refuse = |error, text: &str| Failure::from(Refused::new(error, Reason::RequestUri, text));
    let registered = &client.requests.request_uris;
    if registered.is_empty() {
        let text = "this client has no request_uris registered; push the request, or send request";
        return Err(refuse(ErrorCode::RequestUriNotSupported, text));
    }
    let url = WebUrl::parse(uri).ok().filter(|url| registered.contains(url));
    let Some(url) = url else {
        let text = "this request_uri is not registered for the client";
        return Err(refuse(ErrorCode::InvalidRequestUri, text));
    };
    let fetched = app.fetcher.get_jwt(url.as_str()).await.map_err(|error| {
        tracing::warn!(client = %client.id, %error, "a request object cannot be fetched");
        refuse(ErrorCode::InvalidRequestUri, "no request object can be fetched from request_uri")
    })?;
    let text = std::str::from_utf8(&fetched).map(|text| text.trim().to_owned());
    text.map_err(|_| refuse(ErrorCode::InvalidRequestUri, "there is no JWT at request_uri"))
}
