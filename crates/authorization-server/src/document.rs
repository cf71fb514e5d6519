//! Clients that publish a document about themselves (draft-ietf-oauth-client-id-metadata-document).
//!
//! Such a client is in no store: its document is fetched and kept for a while. Who names a URL makes
//! this server ask there, so everything about it is bounded: the size and time of a fetch, the number
//! of fetches at once, one at a time for each URL, the number of documents that are kept, and how
//! soon a URL that failed is asked again.

use std::sync::Arc;
use std::time::Duration;

use bailiwick_fetch::{FetchError, Fetcher};
use bailiwick_grant::rule::client_metadata;
use bailiwick_grant::state::{Authentication, Client, Introduction, Name, User};
use bailiwick_grant::{Documents as Policy, Reason, Refused};
use bailiwick_jose::json;
use bailiwick_oauth::client_document::{ClientDocument, LARGEST};
use bailiwick_oauth::{ClientId, ErrorCode};
use bailiwick_store::{StoreError, StoreExt};
use quick_cache::sync::Cache;
use serde_json::Value;
use tokio::sync::{Mutex, Semaphore};

use crate::answer::Failure;
use crate::app::App;
use crate::sector;

/// The client that describes itself at this address; `None` where the identifier is no such
/// address, or its documents are not read.
pub(crate) async fn client(app: &App, id: &ClientId) -> Result<Option<Client>, Failure> {
    let Some(document) = accepted(app, id).await? else { return Ok(None) };
    app.documents.client(app, id, &document).await.map(Some)
}

/// Whether a token of such a client can hold: nobody is asked for that, so that introspection waits
/// on no stranger. The client that is returned may do nothing.
pub(crate) async fn known(app: &App, id: &ClientId) -> Result<Option<Client>, StoreError> {
    let bare = |_| Client::new(id.clone(), id.as_str(), Authentication::None);
    Ok(accepted(app, id).await?.map(bare))
}

/// The address that an identifier is, if documents of its host are read and the name is free.
async fn accepted(app: &App, id: &ClientId) -> Result<Option<ClientDocument>, StoreError> {
    let policy = &app.tenant.unknown_clients.documents;
    if *policy == Policy::Refused {
        return Ok(None);
    }
    let Some(document) = ClientDocument::of(id).filter(|it| policy.accept(&it.url().host())) else {
        return Ok(None);
    };
    // rules §2.2: one namespace. A removed client's name stays reserved, and a token must tell a
    // client from a user (RFC 9068 §5).
    let name = Name::canonical(id.as_str());
    let taken = app.store.load_pair::<Name, User>(&name, id.as_str()).await?;
    Ok(matches!(taken, (None, None)).then_some(document))
}

/// The documents that were fetched.
pub(crate) struct Documents {
    fetcher: Fetcher,
    slots: Cache<ClientId, Arc<Mutex<Slot>>>,
    permits: Semaphore,
}

/// What is known of one address. Whoever holds the lock fetches; everybody else waits for that.
#[derive(Default)]
struct Slot {
    kept: Option<Kept>,
    failed: Option<Failed>,
}

struct Kept {
    client: Client,
    fresh_until: i64,
    usable_until: i64,
}

struct Failed {
    at: i64,
    text: String,
}

/// Why a document gives no client.
enum Unusable {
    /// It cannot be had just now.
    Passing(String),
    /// It says that there is no such client, or nothing that can be taken.
    Lasting(String),
}

impl Documents {
    pub(crate) fn new(fetcher: &Fetcher) -> Self {
        Self {
            fetcher: fetcher.within(LARGEST, LONGEST),
            slots: Cache::new(MOST),
            permits: Semaphore::new(AT_ONCE),
        }
    }

    async fn client(
        &self,
        app: &App,
        id: &ClientId,
        document: &ClientDocument,
    ) -> Result<Client, Failure> {
        let slot = self.slots.get_or_insert_with(id, || Ok::<_, Failure>(Arc::default()))?;
        let mut slot = slot.lock().await;
        let now = app.now();
        if let Some(kept) = slot.kept.as_ref().filter(|kept| now < kept.fresh_until) {
            return Ok(kept.client.clone());
        }
        let is_resting = slot.failed.as_ref().is_some_and(|failed| now < failed.at + REST);
        if !is_resting {
            match self.fetch(app, id, document).await {
                Ok(kept) => *slot = Slot { kept: Some(kept), failed: None },
                Err(unusable) => {
                    let (text, is_lasting) = match unusable {
                        Unusable::Passing(text) => (text, false),
                        Unusable::Lasting(text) => (text, true),
                    };
                    slot.failed = Some(Failed { at: now, text });
                    // What it said before counts no more, once it says something else.
                    slot.kept.take_if(|kept| is_lasting || kept.usable_until <= now);
                }
            }
        }
        match (&slot.kept, &slot.failed) {
            (Some(kept), _) => Ok(kept.client.clone()),
            (None, failed) => {
                let text = failed.as_ref().map_or("it cannot be had", |failed| &failed.text);
                Err(refused(text))
            }
        }
    }

    async fn fetch(
        &self,
        app: &App,
        id: &ClientId,
        document: &ClientDocument,
    ) -> Result<Kept, Unusable> {
        let _permit = self.permits.acquire().await;
        let fetched = self.fetcher.get_json(document.url().as_str()).await.map_err(|error| {
            tracing::info!(client = %id, %error, "a client's document cannot be had");
            unusable(&error)
        })?;
        let lasting = |text: String| Unusable::Lasting(text);
        let Ok(Value::Object(object)) = json::parse(&fetched.bytes) else {
            return Err(lasting("it is no JSON object".to_owned()));
        };
        let metadata = document.read(&object).map_err(|why| lasting(why.text))?;
        let described =
            client_metadata::describe(&app.tenant, id.clone(), metadata, Introduction::Document);
        let mut client = described.map_err(|refused| lasting(refused.description))?;
        if client.name == client_metadata::NAMELESS {
            client.name = document.url().host();
        }
        sector::verify(&app.fetcher, &client).await.map_err(|why| lasting(why.to_string()))?;
        let now = app.now();
        let age = fetched.max_age.and_then(|age| i64::try_from(age).ok()).unwrap_or(USUAL_AGE);
        let fresh_until = now + age.clamp(LEAST_AGE, MOST_AGE);
        Ok(Kept { client, fresh_until, usable_until: fresh_until + OUTAGE })
    }
}

/// Tells an outage from an answer; what a stranger reads of it says nothing of our network.
fn unusable(error: &FetchError) -> Unusable {
    match error {
        FetchError::Status { status, .. } if *status >= 500 || *status == 429 => {
            Unusable::Passing(format!("it is answered with status {status}"))
        }
        FetchError::Status { status, .. } => {
            Unusable::Lasting(format!("it is answered with status {status}"))
        }
        FetchError::TooLarge { limit, .. } => {
            Unusable::Lasting(format!("it is larger than {limit} bytes"))
        }
        FetchError::ContentType { .. } => Unusable::Lasting("it is not said to be JSON".to_owned()),
        FetchError::Redirect { .. } => {
            Unusable::Lasting("it redirects, which is not followed".to_owned())
        }
        FetchError::Url { .. } | FetchError::Address { .. } => {
            Unusable::Lasting("its address is none that is asked".to_owned())
        }
        _ => Unusable::Passing("it cannot be fetched".to_owned()),
    }
}

fn refused(text: &str) -> Failure {
    let text = format!("the document about the client at its client_id is of no use: {text}");
    Refused::new(ErrorCode::InvalidClient, Reason::ClientDocument, text).into()
}

/// The longest time that a fetch takes.
const LONGEST: Duration = Duration::from_secs(3);

/// The most documents that are kept.
const MOST: usize = 1000;

/// The most that are fetched at once.
const AT_ONCE: usize = 32;

/// How long a document is fresh that says nothing of it, in seconds, and the bounds for what others
/// say: a flow is not to fetch at each step, and a change is to be seen within a day.
const USUAL_AGE: i64 = 300;
const LEAST_AGE: i64 = 60;
const MOST_AGE: i64 = 24 * 3600;

/// How long a document is used beyond its freshness while it cannot be had, in seconds.
const OUTAGE: i64 = 3600;

/// How long an address that failed is left alone, in seconds.
const REST: i64 = 10;
