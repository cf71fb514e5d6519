//! The outbox: revocations that APIs are still to be told of, pushed as security event tokens
//! (RFC 8417, RFC 8935).
//!
//! A notice is written in the commit that revokes, so none is lost by a crash; it is deleted when its
//! API has acknowledged it. Of several processes one sends it: whoever writes that an attempt begins.
//! Should two send it all the same, the API takes it twice with the effect of one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bailiwick_fetch::Posted;
use bailiwick_grant::flow::notice;
use bailiwick_grant::state::{Notice, ResourceServer};
use bailiwick_grant::{Change, Kind, Loaded, Record};
use bailiwick_oauth::{Resource, Secret, event};
use bailiwick_store::{CommitError, Listed, Raw, Store, StoreError, StoreExt};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::app::App;
use crate::signer;

/// Sends what was revoked to the APIs that want to know.
pub struct Outbox {
    app: Arc<App>,
}

/// How many notices are read at once.
const PAGE: usize = 256;

/// How many notices one API is sent in a round; the rest waits for the next one.
const MOST: usize = 64;

/// How many APIs are sent to at the same time.
const AT_ONCE: usize = 16;

/// How often the store is looked at for what other processes wrote.
const POLL: Duration = Duration::from_secs(5);

impl Outbox {
    pub(crate) fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    /// Sends for ever: at once what this process revokes, within seconds what others do.
    pub async fn run(self) {
        loop {
            match self.deliver().await {
                Ok(delivered) if delivered > 0 => continue, // there may be more
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "revocations cannot be read for pushing"),
            }
            tokio::select! {
                () = self.app.revocations.notified() => {}
                // The pause of a chore; others write to the same store.
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    /// Sends what is due, once, and says how many notices were acknowledged.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn deliver(&self) -> Result<usize, StoreError> {
        let mut waiting = self.due().await?.into_iter();
        let (mut sending, mut delivered) = (JoinSet::new(), 0);
        loop {
            while sending.len() < AT_ONCE
                && let Some((resource, notices)) = waiting.next()
            {
                sending.spawn(to_one(Arc::clone(&self.app), resource, notices));
            }
            match sending.join_next().await {
                None => return Ok(delivered),
                Some(sent) => delivered += sent.unwrap_or(0),
            }
        }
    }

    /// What is due, by API.
    async fn due(&self) -> Result<BTreeMap<Resource, Vec<Loaded<Notice>>>, StoreError> {
        let now = self.app.now();
        let mut due: BTreeMap<Resource, Vec<Loaded<Notice>>> = BTreeMap::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.app.store.list::<Notice>(after.as_deref(), PAGE).await?;
            let is_last = page.len() < PAGE;
            after = page.last().map(|last| last.value.id.clone());
            for notice in page.into_iter().filter(|notice| notice.value.due_at <= now) {
                let notices = due.entry(notice.value.resource.clone()).or_default();
                if notices.len() < MOST {
                    notices.push(notice);
                }
            }
            if is_last {
                return Ok(due);
            }
        }
    }
}

/// Sends notices to one API until one fails, and says how many it acknowledged.
async fn to_one(app: Arc<App>, resource: Resource, notices: Vec<Loaded<Notice>>) -> usize {
    let mut delivered = 0;
    for notice in notices {
        match send(&app, &resource, &notice).await {
            Ok(true) => delivered += 1,
            Ok(false) => {}
            Err(error) => {
                // The others wait for the next round: one attempt is enough to see that it is down.
                tracing::warn!(%resource, error, "an API cannot be told of a revocation");
                break;
            }
        }
    }
    delivered
}

/// Sends one notice; `false` when another process is at it, or nobody wants it any more.
async fn send(app: &App, resource: &Resource, seen: &Loaded<Notice>) -> Result<bool, String> {
    let server = app.store.load::<ResourceServer>(resource.as_str()).await;
    let server = server.map_err(|error| error.to_string())?.map(|server| server.value);
    let receiver = server.as_ref().and_then(|server| Some((server, server.events.as_ref()?)));
    let done = || Change::delete::<Notice>(seen.value.id.as_str());
    let Some((server, receiver)) = receiver.filter(|_| app.now() < seen.value.expires_at) else {
        return commit(app, done()).await.map(|_| false);
    };
    // INVARIANT: of several processes the one whose update is committed sends.
    let attempt = seen.update(seen.value.clone().attempt(app.now()));
    if !commit(app, attempt).await? {
        return Ok(false);
    }
    let claims = notice::said(&app.tenant, server, &seen.value);
    let token = signer::signed(app, server.algorithm, event::TYPE, &claims).await;
    let token = token.map_err(|_| "it cannot be signed".to_owned())?;
    let posted = Posted { content_type: "application/secevent+jwt", body: token.into() };
    let secret = receiver.authorization.as_ref().map(|it| Secret::new(format!("Bearer {it}")));
    let answer = app.fetcher.post(&receiver.url, posted, secret.as_ref()).await;
    let answer = answer.map_err(|error| error.to_string())?;
    if !answer.status.is_success() {
        return Err(format!("it answers with status {}", answer.status.as_u16()));
    }
    commit(app, done()).await.map(|_| true)
}

/// Commits one change; `false` when somebody else was faster.
async fn commit(app: &App, change: Change) -> Result<bool, String> {
    match app.store.commit(vec![change]).await {
        Ok(()) => Ok(true),
        Err(CommitError::Conflict) => Ok(false),
        Err(CommitError::Store(error)) => Err(error.to_string()),
    }
}

/// A store that wakes the outbox when something was revoked through it.
pub(crate) struct Watched {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) revocations: Arc<Notify>,
}

#[async_trait]
impl Store for Watched {
    async fn load_raw(&self, keys: &[(Kind, &str)]) -> Result<Vec<Option<Raw>>, StoreError> {
        self.store.load_raw(keys).await
    }

    async fn list_raw(
        &self,
        kind: Kind,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        self.store.list_raw(kind, after, limit).await
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), CommitError> {
        let is_new = changes.iter().any(|change| matches!(change, Change::Put(Record::Notice(_))));
        self.store.commit(changes).await?;
        if is_new {
            self.revocations.notify_one(); // after the commit: now there is something to find
        }
        Ok(())
    }

    async fn sweep(&self, now: i64, most: usize) -> Result<usize, StoreError> {
        self.store.sweep(now, most).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.store.check().await
    }
}
