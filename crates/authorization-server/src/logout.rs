//! Ends sessions and tells the clients of it (OpenID Connect Back-Channel Logout §2.5).

use std::sync::Arc;

use bailiwick_fetch::Fetcher;
use bailiwick_grant::Stored;
use bailiwick_grant::flow::logout::{self, Held, Notice};
use bailiwick_grant::state::{GrantRecord, Session, SessionGrant};
use bailiwick_oauth::logout::TYPE;
use bailiwick_oauth::{ClientId, WebUrl};
use bailiwick_store::StoreExt;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::answer::Failure;
use crate::app::App;
use crate::commit::{Attempts, Committed};
use crate::{load, signer};

/// The most grants of one session that end with it.
const MOST: usize = 1024;

/// How many are read at once.
const PAGE: usize = 64;

/// How many clients are told at the same time.
const AT_ONCE: usize = 8;

/// Ends a session; its clients are told without anybody waiting for them.
pub(crate) async fn end(app: &App, session: &Session) -> Result<(), Failure> {
    let mut attempts = Attempts::new();
    let notices = loop {
        let held = held(app, session).await?;
        let mut entropy = app.entropy();
        let decision = logout::end(&app.tenant, session, &held, app.now(), &mut entropy);
        if attempts.commit(&*app.store, decision.changes).await? == Committed::Done {
            break decision.outcome;
        }
    };
    let mut letters = Vec::with_capacity(notices.len());
    for Notice { to, token, algorithm } in notices {
        let signed = signer::signed(app, algorithm, TYPE, &token).await?;
        letters.push(Letter { client: token.aud, to, token: signed });
    }
    if !letters.is_empty() {
        tokio::spawn(tell(app.fetcher.clone(), letters));
    }
    Ok(())
}

/// The grants of a session with their clients.
async fn held(app: &App, session: &Session) -> Result<Vec<Held>, Failure> {
    let Some(sid) = &session.sid else { return Ok(Vec::new()) };
    let (mut held, mut after) = (Vec::new(), SessionGrant::prefix(sid));
    while held.len() < MOST {
        let page = app.store.list::<SessionGrant>(Some(&after), PAGE).await?;
        let read = page.len();
        // Those of one session stand together: behind the last one begins another.
        let of_it = page.into_iter().map(|one| one.value).take_while(|given| given.sid == *sid);
        let before = held.len();
        for given in of_it {
            after = given.key();
            let grant = app.store.load::<GrantRecord>(given.grant.as_str()).await?;
            let client = load::client(app, &given.client).await?;
            held.push(Held { given, grant, client });
        }
        if read < PAGE || held.len() - before < PAGE {
            break;
        }
    }
    Ok(held)
}

/// A logout token on its way.
struct Letter {
    client: ClientId,
    to: WebUrl,
    token: String,
}

/// Tells the clients, several at a time; each has the time of one outgoing request.
async fn tell(fetcher: Fetcher, letters: Vec<Letter>) {
    let bound = Arc::new(Semaphore::new(AT_ONCE));
    let mut sending = JoinSet::new();
    for letter in letters {
        let (fetcher, bound) = (fetcher.clone(), Arc::clone(&bound));
        sending.spawn(async move {
            let _permit = bound.acquire_owned().await;
            send(&fetcher, &letter).await;
        });
    }
    while sending.join_next().await.is_some() {}
}

/// Sends one logout token (Back-Channel Logout §2.5); what became of it stands in the log.
async fn send(fetcher: &Fetcher, Letter { client, to, token }: &Letter) {
    match fetcher.post_form(to.as_str(), &[("logout_token", token)], None).await {
        Ok(answer) if answer.status.is_success() => tracing::info!(%client, "told of a logout"),
        Ok(answer) => {
            let status = answer.status.as_u16();
            tracing::warn!(%client, status, "the client refused to hear of a logout");
        }
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(%client, error, "the client cannot be told of a logout");
        }
    }
}
