//! The authorization request: from who asks to the code (RFC 6749 §4.1.1, §4.1.2; RFC 8707 §2.1).

use bailiwick_oauth::authorize::{Asker, Reply, Request};
use bailiwick_oauth::redirect_uri::Kind;
use bailiwick_oauth::{ErrorCode, Grant, IdToken, ResponseMode, Secret};

use crate::entropy::secret;
use crate::rule::consent::{self, Ask, AskedServer};
pub use crate::rule::login::Login;
use crate::rule::login::{self, Verdict};
use crate::rule::resource::Directory;
use crate::rule::{claims, details, fapi, pkce, redirect_uri, resource, scope};
use crate::state::{
    Checked, Client, Code, Consent, Destination, GrantId, GrantKind, GrantRecord, GrantedLogin,
    Interaction, PollAnswer, Polled, Rotation, Said, SessionGrant, Standing, Status, Wish,
};
use crate::{Change, Decision, Entropy, Explanation, Loaded, Reason, Refused, Tenant};

/// Checks that the redirect URI belongs to the client (RFC 6749 §3.1.2.4).
///
/// # Errors
/// To be shown to the user, never redirected.
pub fn destination(client: &Client, asker: &Asker, reply: Reply) -> Result<Destination, Refused> {
    let redirect_uri = redirect_uri::matched(client, asker.redirect_uri.as_ref())?;
    // An app's own scheme takes no posts: its answer stands in the query whatever was asked.
    let takes_posts = redirect_uri.kind() != Kind::PrivateUse;
    let response_mode = match reply.mode {
        ResponseMode::FormPost if !takes_posts => ResponseMode::Query,
        ResponseMode::FormPostJwt if !takes_posts => ResponseMode::QueryJwt,
        mode => mode,
    };
    let redirect_uri_sent = asker.redirect_uri.is_some();
    Ok(Destination { redirect_uri, redirect_uri_sent, state: reply.state, response_mode })
}

/// Checks everything about a request that does not depend on the user.
///
/// `hint` is the request's `id_token_hint`: its signature and issuer were verified with our own
/// keys, its time was not looked at (OpenID Connect Core §3.1.2.1).
///
/// # Errors
/// To be redirected to the destination.
pub fn check(
    tenant: &Tenant,
    client: &Client,
    directory: &Directory,
    destination: Destination,
    request: &Request,
    hint: Option<&IdToken>,
) -> Result<Checked, Refused> {
    // RFC 6749 §4.1.2.1: unauthorized_client.
    if !client.grant_types.contains(&GrantKind::AuthorizationCode) {
        let text = "this client is not registered for the authorization code";
        let error = ErrorCode::UnauthorizedClient;
        return Err(Refused::new(error, Reason::GrantTypeNotAllowed, text));
    }
    fapi::admit(tenant, client)?;
    let (uri_sent, mode) = (destination.redirect_uri_sent, destination.response_mode);
    fapi::demand_request(tenant, client, uri_sent, mode)?;
    pkce::demand(client, request.challenge.as_ref())?; // RFC 7636 §4.4.1
    let (resources, audiences) = (&request.resource, &request.audience);
    let named = resource::requested(tenant, client, directory, resources, audiences)?; // RFC 8707 §2
    let details = details::resolve(tenant, client, directory, &named, &request.details)?; // RFC 9396 §5
    let scopes = &request.scope;
    let resolved = scope::resolve_beside(tenant, client, directory, &named, scopes, details)?; // RFC 6749 §3.3
    let scope::Resolved { mut asked, mut explanation } = resolved;
    let mut wish = Wish::default();
    // OpenID Connect Core §3.1.2.1: without `openid` it is no request of OpenID Connect.
    if asked.global.has("openid") {
        wish = login::wish(tenant, client, &request.openid, hint)?; // OpenID Connect Core §5.5.1
        let named = &request.openid.claims;
        wish.claims = claims::resolve(tenant, client, named, &mut asked, &mut explanation); // §5.5
    }
    Ok(Checked {
        client: client.id.clone(),
        destination,
        nonce: request.nonce.clone(),
        challenge: request.challenge.clone(),
        dpop_jkt: request.dpop_jkt.clone(),
        prompt: request.prompt,
        max_age: request.max_age.or(client.openid.default_max_age),
        login_hint: request.login_hint.clone(),
        wish,
        asked,
        polled: None,
        explanation,
    })
}

/// What comes next for a checked request.
#[derive(Debug)]
pub enum Step {
    /// The user must compare the code on the page with the one on the device (RFC 8628 §3.3.1).
    Confirm(Ask),
    /// The user must sign in.
    Login,
    /// The user must answer.
    Consent(Ask),
    /// Nothing must be asked: this can be issued.
    Ready(Grant),
}

/// What comes next, and what became of each pair on the way.
#[derive(Debug)]
pub struct Next {
    /// The step.
    pub step: Step,
    /// What the subject's permissions kept and dropped.
    pub explanation: Explanation,
}

/// Decides what comes next for a checked request.
///
/// # Errors
/// To be redirected: nothing is left for this user, or `prompt=none` and something must be asked.
pub fn proceed(
    tenant: &Tenant,
    client: &Client,
    directory: &Directory,
    request: &Checked,
    login: Option<&Login<'_>>,
    consent: Option<&Consent>,
    now: i64,
) -> Result<Next, Refused> {
    // Before the login: who was lured here with somebody else's code shall notice it now.
    if request.must_be_confirmed() {
        let step = Step::Confirm(consent::all(client, directory, request));
        return Ok(Next { step, explanation: Explanation::default() });
    }
    let required = |text: &str| Refused::new(ErrorCode::LoginRequired, Reason::LoginRequired, text);
    let login = match login.map(|login| (login, login.verdict(tenant, client, request, now))) {
        Some((login, Verdict::Suffices)) => login,
        // OpenID Connect Core §3.1.2.2
        Some((_, Verdict::AnotherUser)) => {
            return Err(required("another user signed in than the one that the request is about"));
        }
        Some((_, Verdict::TooWeak)) => return Err(login::too_weak()),
        None | Some((_, Verdict::SignIn)) if request.prompt.none => {
            return Err(required("the user must sign in, but prompt=none forbids to ask"));
        }
        None | Some((_, Verdict::SignIn)) => {
            return Ok(Next { step: Step::Login, explanation: Explanation::default() });
        }
    };
    let permitted = scope::permit(tenant, client, directory, login.user, &request.asked)?;
    let wanted = permitted.asked;
    let subject = &login.user.subject;
    let consent =
        consent.filter(|consent| consent.speaks_for(subject, client, request.redirect_uri()));
    let step = match consent::ask(client, directory, request, &wanted, consent) {
        None => Step::Ready(wanted),
        Some(_) if request.prompt.none => {
            let text = "the user must consent, but prompt=none forbids to ask";
            return Err(Refused::new(ErrorCode::ConsentRequired, Reason::ConsentRequired, text));
        }
        Some(ask) => Step::Consent(ask),
    };
    Ok(Next { step, explanation: permitted.explanation })
}

/// What the user answered.
#[derive(Debug)]
pub enum Answer {
    /// Yes, to what was left ticked.
    Accept(Grant),
    /// No.
    Deny,
}

/// What was issued.
#[derive(Debug)]
pub enum Issued {
    /// A code, to be sent to the client by way of the browser.
    Code(Secret),
    /// An answer that the client fetches by its next poll.
    Polled,
}

/// Takes the user's answer: remembers it and issues the code (RFC 6749 §4.1.2).
///
/// An interaction is answered once: a second answer is a conflict, then a refusal. Answers to two
/// interactions of one user and client at once are a conflict too, because both change what is
/// remembered.
#[expect(
    clippy::too_many_arguments,
    reason = "each is a fact of its own; nothing names them together"
)]
pub fn answer(
    tenant: &Tenant,
    client: &Client,
    directory: &Directory,
    interaction: &Loaded<Interaction>,
    login: &Login<'_>,
    consent: Option<&Loaded<Consent>>,
    answer: &Answer,
    now: i64,
    entropy: &mut dyn Entropy,
) -> Decision<Result<Issued, Refused>> {
    let request = &interaction.value.request;
    if let Err(refused) = waits(&interaction.value, now) {
        return Decision::unchanged(Err(refused));
    }
    let memory = consent.map(|consent| &consent.value);
    let next = match proceed(tenant, client, directory, request, Some(login), memory, now) {
        Ok(next) => next,
        Err(refused) => return closed(interaction, Err(refused)),
    };
    let mut explanation = next.explanation;
    let denied = || {
        let text = "the user refused";
        Err(Refused::new(ErrorCode::AccessDenied, Reason::Denied, text))
    };
    let (wanted, spared) = match next.step {
        // The answer comes from a browser that skipped a step: nothing is decided.
        Step::Confirm(_) => {
            let text = "the user must compare the codes before answering";
            let error = ErrorCode::InteractionRequired;
            let refused = Refused::new(error, Reason::ConfirmationRequired, text);
            return Decision::unchanged(Err(refused));
        }
        Step::Login => {
            let text = "the user must sign in before answering";
            let refused = Refused::new(ErrorCode::LoginRequired, Reason::LoginRequired, text);
            return Decision::unchanged(Err(refused));
        }
        // Another page was allowed meanwhile; this one may have been unticked all the same.
        Step::Ready(wanted) => (wanted.clone(), wanted),
        Step::Consent(ask) => (wanted_of(&ask), consent::spared(&ask)),
    };
    // A refusal is remembered too: what was accepted before is asked again (rules §4.8).
    let (given, left) = match answer {
        Answer::Accept(ticked) => {
            let given = consent::given(client, directory, &wanted, ticked);
            (given.clone(), given)
        }
        Answer::Deny => (Grant::default(), spared),
    };
    let subject = &login.user.subject;
    let before =
        consent.filter(|one| one.value.speaks_for(subject, client, request.redirect_uri()));
    let seen = before.map(|before| &before.value);
    let memory = consent::remember(subject, client, request, seen, &wanted, &left);
    for (resource, scope) in wanted.permissions().filter(|(r, s)| !given.holds(r, s)) {
        explanation.settle(Some(resource), scope, Reason::Refused);
    }
    for scope in wanted.global.iter().filter(|scope| !given.global.contains(scope)) {
        explanation.settle(None, scope, Reason::Refused);
    }
    let mut decision = if given.is_empty() {
        closed(interaction, denied())
    } else {
        issue(tenant, client, request, Some(interaction), login, given, now, entropy)
    };
    // Two answers at once conflict: the second is decided on what the first left.
    decision.changes.push(match before {
        Some(before) => before.update(memory),
        None => Change::insert(memory),
    });
    decision.explanation = explanation;
    decision
}

/// Issues a code for what needs no question (RFC 6749 §4.1.2).
///
/// A refusal with [`Reason::RedirectUri`] is to be shown to the user, never redirected: the client
/// took the URI back while the request waited. Other refusals are redirected.
#[expect(
    clippy::too_many_arguments,
    reason = "each is a fact of its own; nothing names them together"
)]
pub fn issue(
    tenant: &Tenant,
    client: &Client,
    request: &Checked,
    interaction: Option<&Loaded<Interaction>>,
    login: &Login<'_>,
    grant: Grant,
    now: i64,
    entropy: &mut dyn Entropy,
) -> Decision<Result<Issued, Refused>> {
    if let Some(interaction) = interaction {
        if let Err(refused) = waits(&interaction.value, now) {
            return Decision::unchanged(Err(refused));
        }
        if let Err(refused) = still_wanted(client, request) {
            return closed(interaction, Err(refused));
        }
    }
    let expires_at = now + fapi::code_lifetime(tenant, client);
    // What a device gets outlives the session of the browser that answered for it.
    let sid = login.session.sid.clone().filter(|_| request.polled.is_none());
    let record = GrantRecord {
        listed_until: 0,
        id: GrantId::draw(entropy),
        client: client.id.clone(),
        subject: login.user.subject.clone(),
        grant,
        auth_time: login.session.auth_time,
        openid: GrantedLogin {
            sid: sid.clone(),
            acr: login.session.acr.clone(),
            amr: login.session.amr.clone(),
            claims: request.wish.claims.clone(),
        },
        status: Status::Live,
        rotation: Rotation::default(),
        given_at: now,
        expires_at: request.polled.as_ref().map_or(expires_at, |p| p.expires_at.max(expires_at)),
    };
    let (issued, redeemable) = if let Some(polled) = &request.polled {
        let standing = Standing::Live { refusals: 0 };
        let said = Said::Yes { grant: record.id.clone(), standing };
        (Issued::Polled, Change::insert(poll_answer(polled, said)))
    } else {
        let destination = &request.destination;
        let code = secret(entropy);
        let standing = Code {
            digest: code.digest(),
            client: client.id.clone(),
            grant: record.id.clone(),
            redirect_uri: destination
                .redirect_uri_sent
                .then(|| destination.redirect_uri.to_string()),
            challenge: request.challenge.clone(),
            nonce: request.nonce.clone(),
            dpop_jkt: request.dpop_jkt.clone(),
            standing: Standing::Live { refusals: 0 },
            issued_at: now,
            expires_at,
        };
        (Issued::Code(code), Change::insert(standing))
    };
    // Who is told when the session ends (OpenID Connect Back-Channel Logout §2.5).
    let given = sid.map(|sid| SessionGrant {
        sid,
        grant: record.id.clone(),
        client: client.id.clone(),
        expires_at: now + tenant.lifetimes.refresh_token.max(tenant.lifetimes.session),
    });
    let mut changes = vec![Change::insert(record), redeemable];
    changes.extend(given.map(Change::insert));
    changes.extend(interaction.map(close));
    Decision::new(changes, Ok(issued))
}

/// Checks that the client still has the redirect URI: it may have lost it while the request waited.
///
/// # Errors
/// To be shown to the user, never redirected.
pub fn still_wanted(client: &Client, request: &Checked) -> Result<(), Refused> {
    match request.polled {
        Some(_) => Ok(()), // the browser stays here
        None => redirect_uri::matched(client, Some(request.redirect_uri())).map(|_| ()),
    }
}

/// Whether an interaction can still be answered: once, and in its time.
fn waits(interaction: &Interaction, now: i64) -> Result<(), Refused> {
    if !interaction.answered && now < interaction.expires_at {
        return Ok(());
    }
    let text = "this request was answered before or is too old; begin again";
    Err(Refused::new(ErrorCode::AccessDenied, Reason::Expired, text))
}

fn close(interaction: &Loaded<Interaction>) -> Change {
    interaction.update(Interaction { answered: true, ..interaction.value.clone() })
}

/// Ends an interaction that nothing came of; whoever polls for it is told.
fn closed<T>(interaction: &Loaded<Interaction>, outcome: T) -> Decision<T> {
    let polled = interaction.value.request.polled.as_ref();
    let told = polled.map(|polled| Change::insert(poll_answer(polled, Said::No)));
    Decision::new([close(interaction)].into_iter().chain(told).collect(), outcome)
}

/// INVARIANT: it is inserted, so of two answers to one pending request the second is a conflict.
fn poll_answer(polled: &Polled, said: Said) -> PollAnswer {
    PollAnswer { pending: polled.pending.clone(), said, expires_at: polled.expires_at }
}

fn wanted_of(ask: &Ask) -> Grant {
    let names = |scopes: &[consent::AskedScope]| scopes.iter().map(|s| s.name.clone()).collect();
    let own = |server: &AskedServer| {
        server.details.iter().map(|asked| asked.detail.clone()).collect::<Vec<_>>()
    };
    let with_details = ask.servers.iter().filter(|server| !server.details.is_empty());
    Grant {
        global: names(&ask.global),
        resources: ask
            .servers
            .iter()
            .map(|server| (server.resource.clone(), names(&server.scopes)))
            .collect(),
        details: with_details.map(|server| (server.resource.clone(), own(server))).collect(),
    }
}

#[cfg(test)]
#[path = "authorize_tests.rs"]
mod tests;
