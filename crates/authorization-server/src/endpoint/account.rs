//! The account page: which applications hold what, and taking it back (RFC 7009 §1, rules §4.8).
//!
//! Plain forms, guarded like those of the interactions: by the origin, and by a ticket that only this
//! browser's cookie gives.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use bailiwick_grant::flow::revoke::{self, Back};
use bailiwick_grant::state::{Client, Consent, GrantRecord, Session, User};
use bailiwick_grant::{Change, Stored};
use bailiwick_oauth::{ClientId, Form, Resource, Secret};

use super::interaction::from_here;
use super::login::{Begun, begun, checked};
use crate::answer::{Failure, see_other, to_user};
use crate::app::{Answered, App};
use crate::commit::{Attempts, Committed};
use crate::cookie::{self, Jar};
use crate::event::Event;
use crate::load::{self, SignedIn};
use crate::page::{self, Held, HeldApi};
use crate::serve::Peer;
use crate::{form, logout, throttle};

/// How many grants of one user are looked at.
const MOST: usize = 1000;

/// Shows what applications hold, or asks the user to sign in.
pub(crate) async fn page(State(app): State<Arc<App>>, event: Event, request: Request) -> Response {
    let answer = shown(&app, &app.cookies.read(request.headers())).await;
    to_user(&app, &event, answer)
}

/// Signs in on the account page.
pub(crate) async fn login(State(app): State<Arc<App>>, event: Event, request: Request) -> Response {
    let answer = signed_in(&app, &event, request).await;
    to_user(&app, &event, answer)
}

/// Takes something back.
pub(crate) async fn endpoint(
    State(app): State<Arc<App>>,
    event: Event,
    request: Request,
) -> Response {
    let answer = take_back(&app, &event, request).await;
    to_user(&app, &event, answer)
}

async fn shown(app: &App, jar: &Jar) -> Answered {
    let made = jar.browser.is_none().then(|| cookie::fresh(&mut app.entropy()));
    let browser = jar.browser.as_ref().or(made.as_ref()).ok_or(Failure::Over)?;
    let ticket = ticket(browser);
    let mut response = match load::signed_in(&*app.store, jar.session.as_ref(), app.now()).await? {
        Some(SignedIn { user, .. }) => {
            let held = held(app, &user).await?;
            page::account(app, &user, &ticket, &held)?
        }
        None => page::account_login(app, &ticket, "", None)?,
    };
    if let Some(made) = &made {
        app.cookies.set_browser(&mut response, made);
    }
    Ok(response)
}

async fn signed_in(app: &App, event: &Event, request: Request) -> Answered {
    let peer = request.extensions().get::<Peer>().copied();
    let address = throttle::address(&app.proxies, peer, request.headers());
    let (form, jar) = posted(app, request).await?;
    let username = form.one("username")?.unwrap_or_default();
    let password = Secret::new(form.one("password")?.unwrap_or_default());
    let user = match checked(app, address, username, password).await? {
        Ok(user) => user,
        Err(trouble) => {
            event.refused("login_asked", trouble.reason());
            let browser = jar.browser.as_ref().ok_or(Failure::Over)?;
            return page::account_login(app, &ticket(browser), username, Some(trouble));
        }
    };
    let Begun { cookie, session, others } = begun(app, &user, jar.session.as_ref()).await?;
    let mut changes = vec![Change::insert(session)];
    changes.extend(jar.session.map(|old| Change::delete::<Session>(old.digest().as_str())));
    if Attempts::new().commit(&*app.store, changes).await? == Committed::Again {
        return Err(Failure::Contended);
    }
    for other in &others {
        logout::end(app, other).await?;
    }
    event.verdict("signed_in");
    let mut response = see_other(&app.path("account"));
    app.cookies.set_session(&mut response, &cookie, app.tenant.lifetimes.session);
    Ok(response)
}

async fn take_back(app: &App, event: &Event, request: Request) -> Answered {
    let (form, jar) = posted(app, request).await?;
    let signed_in = load::signed_in(&*app.store, jar.session.as_ref(), app.now()).await?;
    let user = signed_in.ok_or(Failure::Over)?.user;
    // Another account that signed in meanwhile did not see this page.
    if form.one("account")? != Some(user.subject.as_str()) {
        return Err(Failure::Over);
    }
    let client = form.one("client_id")?.and_then(|id| ClientId::parse(id).ok());
    let client = client.ok_or_else(|| Failure::malformed("client_id is missing or malformed"))?;
    let resource = match form.one("resource")? {
        None => None,
        Some(text) => Some(
            Resource::parse_with(text, app.tenant.plain_http)
                .map_err(|_| Failure::malformed("resource is malformed"))?,
        ),
    };
    event.client(&client);
    let back = resource.as_ref().map_or(Back::Everything, Back::Resource);
    let mut attempts = Attempts::new();
    loop {
        let mut changes = Vec::new();
        for grant in load::grants_of(&*app.store, &user.subject, MOST, app.now()).await? {
            if grant.value.client == client {
                let servers = load::servers_of(&*app.store, &grant.value.grant).await?;
                changes.extend(revoke::take_back(&grant, back, &servers, app.now()));
            }
        }
        // Or the next request of the application would get it again, without a question.
        for consent in load::consents_of(&*app.store, &user.subject, &client).await? {
            changes.push(match &resource {
                None => Change::delete::<Consent>(consent.value.key()),
                Some(resource) => consent.update(consent.value.clone().without(resource)),
            });
        }
        if attempts.commit(&*app.store, changes).await? == Committed::Done {
            event.verdict("revoked");
            return Ok(see_other(&app.path("account")));
        }
    }
}

/// Reads a form of the account page.
async fn posted(app: &App, request: Request) -> Result<(Form, Jar), Failure> {
    from_here(app, request.headers())?;
    let jar = app.cookies.read(request.headers());
    let form = form::posted(request).await?;
    let shown = form.one("interaction")?.map(Secret::new);
    let is_ours = match (&jar.browser, &shown) {
        (Some(browser), Some(shown)) => ticket(browser).digest().matches(shown),
        _ => false,
    };
    if is_ours { Ok((form, jar)) } else { Err(Failure::Over) }
}

/// The ticket of the forms: another site neither knows it nor can make it.
fn ticket(browser: &Secret) -> Secret {
    let made = Secret::new(format!("account {}", browser.expose())).digest();
    Secret::new(made.as_str())
}

/// What applications hold, by application.
async fn held(app: &App, user: &User) -> Result<Vec<Held>, Failure> {
    let mut by_client: BTreeMap<ClientId, Vec<GrantRecord>> = BTreeMap::new();
    for grant in load::grants_of(&*app.store, &user.subject, MOST, app.now()).await? {
        by_client.entry(grant.value.client.clone()).or_default().push(grant.value);
    }
    let mut all = Vec::with_capacity(by_client.len());
    for (id, grants) in by_client {
        let Some(client) = load::client(app, &id).await? else { continue };
        all.push(one(app, &client, &grants).await?);
    }
    Ok(all)
}

async fn one(app: &App, client: &Client, grants: &[GrantRecord]) -> Result<Held, Failure> {
    let mut apis: BTreeMap<String, HeldApi> = BTreeMap::new();
    for grant in grants {
        let servers = load::servers_of(&*app.store, &grant.grant).await?;
        for (resource, scopes) in &grant.grant.resources {
            let Some(server) = servers.find(resource) else { continue };
            let api = apis.entry(resource.as_str().to_owned()).or_insert_with(|| HeldApi {
                name: server.name.clone(),
                identifier: resource.as_str().to_owned(),
                scopes: Vec::new(),
            });
            for scope in scopes {
                let text = server.scope(scope).map_or(scope.as_str(), |it| &it.description);
                if !api.scopes.iter().any(|known| known == text) {
                    api.scopes.push(text.to_owned());
                }
            }
        }
    }
    Ok(Held {
        client: client.id.as_str().to_owned(),
        name: client.name.clone(),
        has_profile: grants.iter().any(|grant| !grant.grant.global.is_empty()),
        apis: apis.into_values().collect(),
    })
}
