//! Where a request's parameters come from: the browser, a request object, or the client itself ahead
//! of the browser (RFC 6749 §4.1.1, RFC 9101 §5, RFC 9126 §4). What comes after is the same for all.

use bailiwick_grant::flow::push;
use bailiwick_grant::rule::way::{self, Signature, Way};
use bailiwick_grant::state::{Client, PushedRequest};
use bailiwick_grant::{Reason, Refused};
use bailiwick_oauth::{ErrorCode, Form, Secret};
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
    let pushed = form.one("request_uri")?.and_then(push::reference);
    let asked = match pushed {
        Some(reference) => {
            one_of(&form)?;
            taken_up(app, client, &reference).await?
        }
        None => direct(client, form)?,
    };
    way::demand(&app.tenant, client, asked.way)?;
    same_client(client, &asked.form)?;
    Ok(asked)
}

/// The parameters of a request that the client itself sends, such as one that it pushes.
///
/// # Errors
/// As [`by_browser`]; also when the request names a `request_uri` (RFC 9126 §2.1).
pub(super) fn by_client(app: &App, client: &Client, form: Form) -> Result<Asked, Failure> {
    if form.one("request_uri")?.is_some() {
        return Err(Failure::malformed("send the request itself, request_uri is not taken here"));
    }
    let asked = direct(client, form)?;
    way::demand_signature(&app.tenant, client, asked.way.signature())?;
    same_client(client, &asked.form)?;
    Ok(asked)
}

fn direct(client: &Client, form: Form) -> Result<Asked, Failure> {
    let _ = client;
    let refuse = |error, text: &str| Err(Refused::new(error, Reason::Malformed, text).into());
    if form.one("request")?.is_some() {
        let text = "request objects are not supported; send plain parameters";
        return refuse(ErrorCode::RequestNotSupported, text);
    }
    if form.one("request_uri")?.is_some() {
        let text = "request_uri must be one of a pushed request";
        return refuse(ErrorCode::RequestUriNotSupported, text);
    }
    Ok(Asked { form, way: Way::Direct(Signature::Absent) })
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

/// Refuses two requests in one.
fn one_of(form: &Form) -> Result<(), Failure> {
    match form.one("request")? {
        None => Ok(()),
        Some(_) => Err(Failure::malformed("request and request_uri exclude each other")),
    }
}

/// Refuses a request of another client than the one that it came with.
fn same_client(client: &Client, form: &Form) -> Result<(), Failure> {
    if form.one("client_id")? == Some(client.id.as_str()) {
        return Ok(());
    }
    Err(Failure::malformed("client_id differs between the request and what it was sent with"))
}
