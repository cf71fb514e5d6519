//! Signing in: the answer to the login page (RFC 9700 §4.7, OpenID Connect Core §3.1.2.3).

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use bailiwick_grant::Change;
use bailiwick_grant::state::{Interaction, Session, User};
use bailiwick_jose::base64url;
use bailiwick_oauth::Secret;
use bailiwick_window::Attempt;

use super::interaction::{Next, Posted, Waiting, again, next, page_of, posted, shown};
use crate::answer::{Failure, see_other, to_user};
use crate::app::{Answered, App};
use crate::commit::{Attempts, Committed};
use crate::cookie;
use crate::event::Event;
use crate::load::{self, SignedIn};
use crate::logout;
use crate::page::{self, LoginTrouble};
use crate::serve::Peer;
use crate::throttle::{self, Guess};

/// Answers the login form.
pub(crate) async fn endpoint(
    State(app): State<Arc<App>>,
    event: Event,
    request: Request,
) -> Response {
    let peer = request.extensions().get::<Peer>().copied();
    let address = throttle::address(&app.proxies, peer, request.headers());
    let answer = answer(&app, &event, address, request).await;
    to_user(&app, &event, answer)
}

async fn answer(app: &App, event: &Event, address: IpAddr, request: Request) -> Answered {
    let Posted { form, jar, mut waiting } = posted(app, event, request).await?;
    let username = form.one("username")?.unwrap_or_default();
    let password = Secret::new(form.one("password")?.unwrap_or_default());

    let user = match checked(app, address, username, password).await? {
        Ok(user) => user,
        Err(trouble) => {
            event.refused("login_asked", trouble.reason());
            return page::login(app, &waiting.client, &waiting.ticket, username, Some(trouble));
        }
    };
    let (cookie, session) = begin_session(app, &mut waiting, &user, jar.session.as_ref()).await?;
    let signed_in = SignedIn { user, session };
    event.verdict("signed_in");
    let Waiting { client, interaction, .. } = &waiting;
    let request = &interaction.value.request;
    let step = next(app, event, client, request, Some(interaction), Some(&signed_in)).await?;
    let mut response = match step {
        // Shown by GET, so that going back and reloading ask for no password again.
        Next::Consent(_) => see_other(&page_of(app, &waiting.ticket)),
        step => shown(app, &waiting, Some(&signed_in), step)?,
    };
    app.cookies.set_session(&mut response, &cookie, app.tenant.lifetimes.session);
    Ok(response)
}

/// The user, if the password is right; the same answer in the same time whoever is unknown.
pub(super) async fn checked(
    app: &App,
    address: IpAddr,
    username: &str,
    password: Secret,
) -> Result<Result<User, LoginTrouble>, Failure> {
    let guess = Guess::new(username, address);
    if let Attempt::Wait { seconds } = guess.attempt(app).await? {
        return Ok(Err(LoginTrouble::Wait(seconds)));
    }
    let user = load::user_named(&*app.store, username).await?.filter(|user| user.enabled);
    let hash = user.as_ref().and_then(|user| user.password.as_deref());
    let is_right = app.passwords.verify(hash, password).await;
    let Some(user) = user.filter(|_| is_right) else { return Ok(Err(LoginTrouble::Wrong)) };
    guess.was_right(app).await?;
    Ok(Ok(user))
}

/// A login that begins.
pub(super) struct Begun {
    pub(super) cookie: Secret,
    pub(super) session: Session,
    /// The session of another user that it takes the browser over from, to be
    /// [ended](logout::end) after the commit.
    pub(super) others: Vec<Session>,
}

/// A fresh login of a user, in the place of the one before.
pub(super) async fn begun(
    app: &App,
    user: &User,
    before: Option<&Secret>,
) -> Result<Begun, Failure> {
    let cookie = cookie::fresh(&mut app.entropy());
    let auth_time = app.now();
    let old = load::session(&*app.store, before, auth_time).await?;
    // The same user signing in anew goes on with the same session, as clients know it.
    let (same, others): (Vec<_>, Vec<_>) =
        old.into_iter().partition(|old| old.subject == user.subject);
    let sid = same
        .into_iter()
        .find_map(|old| old.sid)
        .unwrap_or_else(|| base64url::encode(&app.entropy()()[..16]));
    let session = Session {
        digest: cookie.digest(),
        subject: user.subject.clone(),
        auth_time,
        sid: Some(sid),
        acr: Some(app.tenant.login_acr.clone()),
        amr: vec!["pwd".to_owned()], // RFC 8176 §2
        expires_at: auth_time + app.tenant.lifetimes.session,
    };
    Ok(Begun { cookie, session, others })
}

/// A new session at each login, so that nobody can plant one; the old one ends.
///
/// Where another user takes the browser over, its clients are told that the session ended.
pub(super) async fn begin_session(
    app: &App,
    waiting: &mut Waiting,
    user: &User,
    before: Option<&Secret>,
) -> Result<(Secret, Session), Failure> {
    let Begun { cookie, session, others } = begun(app, user, before).await?;
    let mut attempts = Attempts::new();
    loop {
        let seen = &waiting.interaction;
        let signed_in = Some(session.digest.clone());
        let mut changes = vec![
            Change::insert(session.clone()),
            seen.update(Interaction { signed_in, ..seen.value.clone() }),
        ];
        changes.extend(before.map(|old| Change::delete::<Session>(old.digest().as_str())));
        let committed = attempts.commit(&*app.store, changes).await?;
        waiting.interaction = again(app, &waiting.interaction).await?;
        if committed == Committed::Done {
            for other in &others {
                logout::end(app, other).await?;
            }
            return Ok((cookie, session));
        }
    }
}
