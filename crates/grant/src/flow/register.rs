//! Registration by the client itself (RFC 7591 §3) and its management (RFC 7592 §2).

use bailiwick_oauth::register::Metadata;
use bailiwick_oauth::secret::Digest;
use bailiwick_oauth::{ClientId, ErrorCode, Secret};

use crate::entropy::{identifier, secret};
use crate::rule::client_metadata;
use crate::state::{
    Authentication, Client, InitialAccessToken, Introduction, Registration, Unvetted,
};
use crate::unknown_clients::Door;
use crate::{Change, Decision, Entropy, Loaded, Reason, Refused, Tenant};

/// A registration as it is answered; secrets are told this once.
#[derive(Debug)]
pub struct Registered {
    /// The client as it is now.
    pub client: Client,
    /// Its secret, where it got a new one.
    pub secret: Option<Secret>,
    /// The token with which it manages its registration.
    pub access_token: Secret,
}

/// How a registration is asked for.
#[derive(Debug)]
pub enum Admission<'a> {
    /// Without a token.
    Nobody,
    /// With a token that is unknown, used up or past its time.
    Stranger,
    /// With this token.
    Invited(&'a Loaded<InitialAccessToken>),
}

/// Registers a client (RFC 7591 §3.1).
pub fn register(
    tenant: &Tenant,
    admission: &Admission<'_>,
    metadata: Metadata,
    now: i64,
    entropy: &mut dyn Entropy,
) -> Decision<Result<Registered, Refused>> {
    let spent = match admit(tenant, admission, now) {
        Ok(spent) => spent,
        Err(refused) => return Decision::unchanged(Err(refused)),
    };
    let access_token = secret(entropy);
    let registration = Registration {
        access_token: access_token.digest(),
        issued_at: now,
        expires_at: now + tenant.unknown_clients.first_use,
    };
    let by = Introduction::Registration(registration);
    let made = fresh_id(entropy).and_then(|id| client_metadata::describe(tenant, id, metadata, by));
    let mut client = match made {
        Ok(client) => client,
        Err(refused) => return Decision::unchanged(Err(refused)),
    };
    let secret = with_secret(&mut client, None, entropy);
    let mut changes: Vec<Change> = spent.into_iter().collect();
    changes.push(Change::insert(client.clone()));
    Decision::new(changes, Ok(Registered { client, secret, access_token }))
}

/// Whether a client may be registered now, and what that uses up.
fn admit(tenant: &Tenant, by: &Admission<'_>, now: i64) -> Result<Option<Change>, Refused> {
    match (tenant.unknown_clients.registration, by) {
        (Door::Open, _) => Ok(None),
        (Door::Token, Admission::Invited(token))
            if token.value.left > 0 && now < token.value.expires_at =>
        {
            let left = token.value.left - 1;
            Ok(Some(token.update(InitialAccessToken { left, ..token.value.clone() })))
        }
        (Door::Token, _) => {
            let text = "the initial access token is missing, unknown, used up or expired";
            Err(Refused::new(ErrorCode::InvalidToken, Reason::InitialAccess, text))
        }
        (Door::Closed, _) => {
            let text = "no client registers itself here";
            Err(Refused::new(ErrorCode::AccessDenied, Reason::InitialAccess, text))
        }
    }
}

/// Finds the registration that a token is for (RFC 7592 §2.1).
///
/// # Errors
/// `invalid_token`, the same for an unknown client, one that did not register itself, and a wrong
/// token.
pub fn manage<'c>(
    client: Option<&'c Loaded<Client>>,
    presented: &Secret,
) -> Result<&'c Loaded<Client>, Refused> {
    let is_its_own = |client: &&Loaded<Client>| {
        let unvetted = client.value.unvetted.as_ref();
        unvetted
            .and_then(Unvetted::registration)
            .is_some_and(|registration| registration.access_token.matches(presented))
    };
    client.filter(is_its_own).ok_or_else(|| {
        let text = "the registration access token does not fit a registration";
        Refused::new(ErrorCode::InvalidToken, Reason::RegistrationToken, text)
    })
}

/// What a client sends to replace its registration (RFC 7592 §2.2).
#[derive(Debug)]
pub struct Replacement {
    /// The identifier that it says is its own.
    pub client_id: Option<String>,
    /// The secret that it says is its own.
    pub client_secret: Option<Secret>,
    /// Everything else; what is left out is taken away.
    pub metadata: Metadata,
}

/// Replaces a registration that [`manage`] found (RFC 7592 §2.2); a client that begins to use a
/// secret gets a fresh one.
pub fn replace(
    tenant: &Tenant,
    client: &Loaded<Client>,
    presented: Secret,
    replacement: Replacement,
    entropy: &mut dyn Entropy,
) -> Decision<Result<Registered, Refused>> {
    let before = &client.value;
    let secrets = secrets(&before.authentication);
    if replacement.client_id.as_deref() != Some(before.id.as_str()) {
        return Decision::unchanged(Err(mismatch("client_id is not that of this registration")));
    }
    if let Some(secret) = &replacement.client_secret
        && !secrets.iter().any(|digest| digest.matches(secret))
    {
        return Decision::unchanged(Err(mismatch("client_secret is not the one that was issued")));
    }
    let Some(unvetted) = before.unvetted.clone() else {
        return Decision::unchanged(Err(mismatch("this client did not register itself")));
    };
    let described =
        client_metadata::describe(tenant, before.id.clone(), replacement.metadata, unvetted.by);
    match described {
        Ok(mut after) => {
            let secret = with_secret(&mut after, Some(secrets), entropy);
            let changes = vec![client.update(after.clone())];
            let outcome = Registered { client: after, secret, access_token: presented };
            Decision::new(changes, Ok(outcome))
        }
        Err(refused) => Decision::unchanged(Err(refused)),
    }
}

/// Removes a registration that [`manage`] found (RFC 7592 §2.3). Its grants and tokens end with it:
/// nothing holds whose client is gone, and its identifier is never given again.
pub fn remove(client: &Loaded<Client>) -> Decision<()> {
    Decision::new(vec![Change::delete::<Client>(client.value.id.as_str())], ())
}

/// Notes that a registration is in use, at most about once a day; `None` for every other client.
pub fn used(tenant: &Tenant, client: &Loaded<Client>, now: i64) -> Option<Change> {
    let unvetted = client.value.unvetted.as_ref()?;
    let registration = unvetted.registration()?;
    let expires_at = now + tenant.unknown_clients.unused;
    if expires_at - registration.expires_at < DAY.min(tenant.unknown_clients.unused / 2) {
        return None;
    }
    let by = Introduction::Registration(Registration { expires_at, ..registration.clone() });
    let unvetted = Some(Unvetted { by, ..unvetted.clone() });
    Some(client.update(Client { unvetted, ..client.value.clone() }))
}

/// Gives a client that uses a secret one: those that it has, or a fresh one.
fn with_secret(
    client: &mut Client,
    held: Option<Vec<Digest>>,
    entropy: &mut dyn Entropy,
) -> Option<Secret> {
    let (Authentication::Basic { secrets } | Authentication::Post { secrets }) =
        &mut client.authentication
    else {
        return None;
    };
    if let Some(held) = held.filter(|held| !held.is_empty()) {
        *secrets = held;
        return None;
    }
    let fresh = secret(entropy);
    secrets.push(fresh.digest());
    Some(fresh)
}

fn secrets(authentication: &Authentication) -> Vec<Digest> {
    match authentication {
        Authentication::Basic { secrets } | Authentication::Post { secrets } => secrets.clone(),
        _ => Vec::new(),
    }
}

fn fresh_id(entropy: &mut dyn Entropy) -> Result<ClientId, Refused> {
    // INVARIANT: base64url is printable ASCII; the error is for a bug alone.
    ClientId::parse(&identifier(entropy)).map_err(|why| {
        Refused::new(ErrorCode::ServerError, Reason::ClientMetadata, why.to_string())
    })
}

fn mismatch(text: &str) -> Refused {
    Refused::new(ErrorCode::InvalidClientMetadata, Reason::ClientMetadata, text)
}

const DAY: i64 = 24 * 3600;

#[cfg(test)]
#[path = "register_tests.rs"]
mod tests;
