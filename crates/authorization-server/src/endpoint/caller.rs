//! Who calls an endpoint for clients: reads the form, loads the client, authenticates it
//! (RFC 6749 §2.3, §3.2.1).

use axum::extract::Request;
use bailiwick_grant::rule::client_auth::{self, Authenticated};
use bailiwick_grant::state::{Authentication, Client};
use bailiwick_grant::{Reason, Refused};
use bailiwick_oauth::{ClientCertificate, Credentials, ErrorCode, Form};

use crate::answer::Failure;
use crate::app::App;
use crate::event::Event;
use crate::{form, load};

/// Reads the form of a request and the credentials with it.
pub(super) async fn presented(request: Request) -> Result<(Form, Credentials), Failure> {
    let authorization = form::authorization(request.headers())?;
    let certificate = request.extensions().get::<ClientCertificate>().cloned();
    let form = form::posted(request).await?;
    let credentials = Credentials::read(authorization.as_deref(), &form)?;
    Ok((form, credentials.beside(certificate.as_ref())))
}

/// The client, if it is who it says it is.
pub(super) async fn authenticated(
    app: &App,
    event: &Event,
    credentials: &Credentials,
) -> Result<Client, Failure> {
    let now = app.now();
    let client = load::client(app, credentials.client_id()).await?;
    event.client(credentials.client_id());
    let keys = match (&client, credentials) {
        (Some(client), Credentials::Assertion { jwt, .. })
            if client.authentication == Authentication::PrivateKeyJwt =>
        {
            app.client_keys.of(client, jwt.expose()).await?
        }
        (Some(client), Credentials::Certificate { .. })
            if client.authentication == Authentication::SelfSignedTls =>
        {
            app.client_keys.all(client).await?
        }
        _ => None,
    };
    let (tenant, keys) = (&app.tenant, keys.as_deref());
    let authenticated = client_auth::authenticate(tenant, client.as_ref(), credentials, keys, now)?;
    spend(app, authenticated).await?;
    client.ok_or_else(|| failed("the client is unknown or its authentication failed"))
}

/// Spends the assertion of a caller, if it used one: each is good once (RFC 7523 §3, item 7).
pub(super) async fn spend(app: &App, authenticated: Authenticated) -> Result<(), Failure> {
    let Some(spent) = authenticated.assertion else { return Ok(()) };
    if app.first_use.first_use(&spent.key, spent.until, app.now()).await? {
        return Ok(());
    }
    Err(failed("the assertion was used before"))
}

fn failed(text: &str) -> Failure {
    Refused::new(ErrorCode::InvalidClient, Reason::AuthenticationFailed, text).into()
}
