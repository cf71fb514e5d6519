//! Loading what a decision needs, and nothing more.

use bailiwick_grant::flow::introspect::{Found, Known};
use bailiwick_grant::rule::client_metadata;
use bailiwick_grant::rule::resource::{self, Directory};
use bailiwick_grant::rule::{details, fapi};
use bailiwick_grant::state::{
    Client, Consent, GrantId, GrantRecord, Holding, Interaction, Name, NameOwner, OpaqueToken,
    ResourceServer, RevokedToken, Session, User, Username,
};
use bailiwick_grant::{Decision, Loaded, Reason, Refused, Stored, Tenant};
use bailiwick_oauth::details::Detail;
use bailiwick_oauth::{ClientId, Grant, RedirectUri, Resource, Scopes, Secret, Subject};
use bailiwick_store::{Store, StoreError, StoreExt};

use crate::answer::Failure;
use crate::app::App;
use crate::{document, signer};

/// The most resource servers that are looked through for a hint or listed in the metadata.
pub(crate) const MOST_LISTED: usize = 256;

/// The client with this identifier: the one place where a request's client comes from.
pub(crate) async fn client(app: &App, id: &ClientId) -> Result<Option<Client>, Failure> {
    let found = app.store.load::<Client>(id.as_str()).await?.map(|loaded| loaded.value);
    let client = match found {
        Some(client) => Some(client).filter(|client| is_current(client, app.now())),
        // Boxed: a fetch is large, and every request carries this future.
        None => Box::pin(document::client(app, id)).await?,
    };
    // What the operator allows now counts, not what was allowed when it came.
    let client = client.map(|client| client_metadata::hold(&app.tenant, client));
    Ok(client.map(|client| fapi::held_to(&app.tenant, client)))
}

/// A registration past its time is gone, whether it was swept yet or not.
fn is_current(client: &Client, now: i64) -> bool {
    client.expires_at().is_none_or(|expires_at| now < expires_at)
}

/// What a request names.
#[derive(Clone, Copy)]
pub(crate) struct Named<'a> {
    pub(crate) resource: &'a [String],
    pub(crate) audience: &'a [String],
    pub(crate) scope: &'a Scopes,
    pub(crate) details: &'a [Detail],
}

/// The resource servers that a request names, and those of a grant that it is about.
pub(crate) async fn directory(
    store: &dyn Store,
    tenant: &Tenant,
    client: &Client,
    named: Named<'_>,
    grant: Option<&Grant>,
) -> Result<Directory, StoreError> {
    let mut names = resource::names(tenant, client, named.resource, named.audience, named.scope);
    names.extend(details::names(tenant, client, named.details));
    names.extend(grant.into_iter().flat_map(|grant| grant.resources.keys().cloned()));
    servers(store, &names).await
}

/// Loads the resource servers of a request and decides; a resource that is not to be had gets its
/// hint.
pub(crate) async fn decided<T>(
    app: &App,
    client: &Client,
    named: Named<'_>,
    grant: Option<&Grant>,
    mut decide: impl FnMut(&Directory) -> Decision<Result<T, Refused>>,
) -> Result<Decision<Result<T, Refused>>, StoreError> {
    let store = &*app.store;
    let mut directory = directory(store, &app.tenant, client, named, grant).await?;
    let decision = decide(&directory);
    if !decision.outcome.as_ref().is_err_and(wants_hint) {
        return Ok(decision);
    }
    directory.suggest_among(open_to(store, client).await?);
    Ok(decide(&directory))
}

/// The resource servers of a grant.
pub(crate) async fn servers_of(store: &dyn Store, grant: &Grant) -> Result<Directory, StoreError> {
    let names: Vec<Resource> = grant.resources.keys().cloned().collect();
    servers(store, &names).await
}

/// The resource servers behind identifiers and aliases.
pub(crate) async fn servers(
    store: &dyn Store,
    names: &[Resource],
) -> Result<Directory, StoreError> {
    let mut directory = Directory::new();
    let keys: Vec<&str> = names.iter().map(Resource::as_str).collect();
    let mut identifiers: Vec<Resource> = store
        .load_each::<Name>(&keys)
        .await?
        .into_iter()
        .flatten()
        .filter_map(|name| match name.value.owner {
            NameOwner::ResourceServer(identifier) => Some(identifier),
            _ => None,
        })
        .collect();
    identifiers.sort();
    identifiers.dedup();
    let keys: Vec<&str> = identifiers.iter().map(Resource::as_str).collect();
    for server in store.load_each::<ResourceServer>(&keys).await?.into_iter().flatten() {
        directory.insert(server.value);
    }
    Ok(directory)
}

/// The identifiers that are open to a client, as far as they are looked through.
pub(crate) async fn open_to(
    store: &dyn Store,
    client: &Client,
) -> Result<Vec<Resource>, StoreError> {
    let servers = store.list::<ResourceServer>(None, MOST_LISTED).await?;
    Ok(servers
        .into_iter()
        .map(|loaded| loaded.value)
        .filter(|server| resource::is_open(client, server))
        .map(|server| server.identifier)
        .collect())
}

/// Whether a refusal becomes more useful by naming a resource that the client may have meant.
pub(crate) fn wants_hint(refused: &Refused) -> bool {
    matches!(
        refused.reason,
        Reason::ResourceUnknown | Reason::ResourceDisabled | Reason::ResourceNotOpen
    )
}

/// A browser's login with its user.
pub(crate) struct SignedIn {
    pub(crate) user: User,
    pub(crate) session: Session,
}

/// The login behind a session cookie; none when it is past its time or its user is gone.
pub(crate) async fn signed_in(
    store: &dyn Store,
    cookie: Option<&Secret>,
    now: i64,
) -> Result<Option<SignedIn>, StoreError> {
    let Some(session) = session(store, cookie, now).await? else { return Ok(None) };
    let user = user(store, &session.subject).await?.filter(|user| user.enabled);
    Ok(user.map(|user| SignedIn { user, session }))
}

/// The session behind a cookie; none when it is past its time.
pub(crate) async fn session(
    store: &dyn Store,
    cookie: Option<&Secret>,
    now: i64,
) -> Result<Option<Session>, StoreError> {
    let Some(cookie) = cookie else { return Ok(None) };
    let session = store.load::<Session>(cookie.digest().as_str()).await?;
    Ok(session.map(|loaded| loaded.value).filter(|one| now < one.expires_at))
}

/// The user with this subject.
pub(crate) async fn user(store: &dyn Store, subject: &Subject) -> Result<Option<User>, StoreError> {
    Ok(store.load::<User>(subject.as_str()).await?.map(|loaded| loaded.value))
}

/// The user who signs in with this name.
pub(crate) async fn user_named(
    store: &dyn Store,
    username: &str,
) -> Result<Option<User>, StoreError> {
    let username = Username::canonical(username);
    match store.load::<Username>(&username).await? {
        Some(found) => user(store, &found.value.subject).await,
        None => Ok(None),
    }
}

/// The interaction behind a form's ticket and a browser's cookie; without both there is none.
pub(crate) async fn interaction(
    store: &dyn Store,
    key: &Secret,
    now: i64,
) -> Result<Option<Loaded<Interaction>>, StoreError> {
    let found = store.load::<Interaction>(key.digest().as_str()).await?;
    Ok(found.filter(|found| !found.value.answered && now < found.value.expires_at))
}

/// What a user answered a client before.
pub(crate) async fn consent(
    store: &dyn Store,
    subject: &Subject,
    client: &Client,
    redirect_uri: &RedirectUri,
) -> Result<Option<Loaded<Consent>>, StoreError> {
    store.load::<Consent>(&Consent::key_of(subject, client, redirect_uri)).await
}

/// The grants of a user that hold, as far as they are looked through.
pub(crate) async fn grants_of(
    store: &dyn Store,
    subject: &Subject,
    most: usize,
    now: i64,
) -> Result<Vec<Loaded<GrantRecord>>, StoreError> {
    let prefix = Holding::prefix(subject);
    let (mut after, mut found) = (prefix.clone(), Vec::new());
    loop {
        let page = store.list::<Holding>(Some(&after), PAGE).await?;
        let is_last = page.len() < PAGE;
        let own = page.into_iter().map(|it| it.value).filter(|it| it.subject == *subject);
        let own: Vec<Holding> = own.collect();
        let ids: Vec<&str> = own.iter().map(|it| it.grant.as_str()).collect();
        let grants = store.load_each::<GrantRecord>(&ids).await?;
        found.extend(grants.into_iter().flatten().filter(|grant| grant.value.is_live(now)));
        match own.last() {
            // The next page begins where this one ends, and only there another user may begin.
            Some(last) if own.len() == PAGE && !is_last && found.len() < most => after = last.key(),
            _ => return Ok(found),
        }
    }
}

/// What a user answered a client, wherever it sends its users.
pub(crate) async fn consents_of(
    store: &dyn Store,
    subject: &Subject,
    client: &ClientId,
) -> Result<Vec<Loaded<Consent>>, StoreError> {
    let (prefix, mut found) = (format!("{subject} {client} "), Vec::new());
    let mut after = prefix.clone();
    loop {
        let page = store.list::<Consent>(Some(&after), PAGE).await?;
        let is_last = page.len() < PAGE;
        let Some(last) = page.last().map(|last| last.value.key()) else { return Ok(found) };
        let is_over = is_last || !last.starts_with(&prefix);
        // A subject may hold spaces: the record says whose it is.
        found.extend(page.into_iter().filter(|consent| {
            consent.value.subject == *subject && consent.value.client == *client
        }));
        if is_over {
            return Ok(found);
        }
        after = last;
    }
}

/// How many records are looked through at once.
const PAGE: usize = 64;

/// The resource server whose tokens have this `aud`.
pub(crate) async fn servers_of_audience(
    store: &dyn Store,
    audience: &str,
) -> Result<Directory, StoreError> {
    let name = store.load::<Name>(&Name::canonical(audience)).await?.map(|name| name.value.owner);
    let mut directory = Directory::new();
    if let Some(NameOwner::ResourceServer(identifier) | NameOwner::Audience(identifier)) = name
        && let Some(server) = store.load::<ResourceServer>(identifier.as_str()).await?
    {
        directory.insert(server.value);
    }
    Ok(directory)
}

/// The access token behind a string, with what else is known of it.
pub(crate) struct FoundToken {
    pub(crate) found: Found,
    grant: Option<GrantRecord>,
    client: Option<Client>,
    /// The user that it speaks of.
    user: Option<User>,
    revoked: Option<RevokedToken>,
}

impl FoundToken {
    pub(crate) fn known(&self) -> Known<'_> {
        Known {
            grant: self.grant.as_ref(),
            client: self.client.as_ref(),
            user: self.user.as_ref(),
            revoked: self.revoked.as_ref(),
        }
    }
}

/// Finds an access token: one of our own JWTs, or an opaque one of the store.
pub(crate) async fn access_token(app: &App, token: &Secret) -> Result<FoundToken, StoreError> {
    let store = &*app.store;
    let found = match signer::verified(&app.keyring.load(), token) {
        Some(claims) => Found::Jwt(claims),
        None => match store.load::<OpaqueToken>(token.digest().as_str()).await? {
            Some(opaque) => Found::Opaque(opaque.value),
            None => Found::Nothing,
        },
    };
    let Some(claims) = found.claims() else {
        return Ok(FoundToken { found, grant: None, client: None, user: None, revoked: None });
    };
    let grant = match GrantId::of_token(&claims.jti) {
        Some(id) => store.load::<GrantRecord>(id.as_str()).await?.map(|loaded| loaded.value),
        None => None,
    };
    let (client, revoked) =
        store.load_pair::<Client, RevokedToken>(claims.client_id.as_str(), &claims.jti).await?;
    let client = match client.map(|loaded| loaded.value) {
        Some(client) => Some(client).filter(|client| is_current(client, app.now())),
        None => document::known(app, &claims.client_id).await?,
    };
    let revoked = revoked.map(|loaded| loaded.value);
    let user = match &grant {
        Some(grant) => user(store, &grant.subject).await?,
        None => None,
    };
    Ok(FoundToken { found, grant, client, user, revoked })
}
