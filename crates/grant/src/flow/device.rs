//! The device authorization request: a device without a browser begins, its user goes on elsewhere
//! (RFC 8628 §3.1 to §3.3; rules §4, §7).
//!
//! What the device polls with is redeemed by [`flow::token`](crate::flow::token); what the user
//! answers is decided by [`flow::authorize`](crate::flow::authorize), as for any request.

use bailiwick_oauth::authorize::Prompt;
use bailiwick_oauth::device::Request;
use bailiwick_oauth::{ErrorCode, RedirectUri, ResponseMode, Secret, UserCode};

use crate::entropy::secret;
use crate::rule::resource::Directory;
use crate::rule::{details, resource, scope};
use crate::state::{
    Checked, Client, Destination, GrantKind, Pending, PollAnswer, Polled, UserCodeRecord, Wish,
};
use crate::{Change, Decision, Entropy, Reason, Refused, Tenant};

/// How many seconds a device waits between two polls (RFC 8628 §3.2).
pub const INTERVAL: i64 = 5;

/// The path of the page where users type the code in, below the issuer.
pub const PAGE: &str = "device";

/// What a device is told.
#[derive(Debug)]
pub struct Begun {
    /// With what it polls.
    pub device_code: Secret,
    /// What its user types in.
    pub user_code: UserCode,
    /// For how many seconds both are good.
    pub expires_in: i64,
    /// How many seconds to wait between two polls.
    pub interval: i64,
}

/// Begins a device authorization (RFC 8628 §3.2).
///
/// The user code may be taken: then the commit is a conflict, and another one is drawn. Does not
/// authenticate the client; see [`rule::client_auth`](crate::rule::client_auth).
pub fn begin(
    tenant: &Tenant,
    client: &Client,
    directory: &Directory,
    request: &Request,
    now: i64,
    entropy: &mut dyn Entropy,
) -> Decision<Result<Begun, Refused>> {
    let device_code = secret(entropy);
    let user_code = UserCode::of_random(entropy.draw());
    let expires_in = tenant.lifetimes.device_code;
    let polled = Polled {
        pending: device_code.digest(),
        expires_at: now + expires_in,
        user_code: None,
        confirmed: false,
    };
    let checked = match check(tenant, client, directory, request, polled) {
        Ok(checked) => checked,
        Err(refused) => return Decision::unchanged(Err(refused)),
    };
    let explanation = checked.explanation.clone();
    let found_by = UserCodeRecord {
        digest: user_code.digest(),
        pending: device_code.digest(),
        expires_at: now + expires_in,
    };
    let pending = Pending {
        digest: device_code.digest(),
        request: checked,
        interval: INTERVAL,
        polled_at: None,
        begun_at: now,
        expires_at: now + expires_in,
    };
    let begun = Begun { device_code, user_code, expires_in, interval: INTERVAL };
    let changes = vec![Change::insert(pending), Change::insert(found_by)];
    Decision { changes, outcome: Ok(begun), explanation }
}

/// The request behind a code that somebody typed in, if it still waits for an answer.
pub fn entered(
    pending: Option<&Pending>,
    answer: Option<&PollAnswer>,
    user_code: UserCode,
    now: i64,
) -> Option<Checked> {
    let pending = pending.filter(|pending| now < pending.expires_at && answer.is_none())?;
    Some(pending.request.clone().entered(user_code))
}

/// Checks everything about a request that does not depend on the user (rules §4).
fn check(
    tenant: &Tenant,
    client: &Client,
    directory: &Directory,
    request: &Request,
    polled: Polled,
) -> Result<Checked, Refused> {
    if !client.grant_types.contains(&GrantKind::DeviceCode) {
        let text = "this client is not registered for the device code";
        let error = ErrorCode::UnauthorizedClient;
        return Err(Refused::new(error, Reason::GrantTypeNotAllowed, text));
    }
    let (resources, audiences) = (&request.resource, &request.audience);
    let named = resource::requested(tenant, client, directory, resources, audiences)?; // RFC 8707 §2
    let details = details::resolve(tenant, client, directory, &named, &request.details)?; // RFC 9396 §5
    let scopes = &request.scope;
    let resolved = scope::resolve_beside(tenant, client, directory, &named, scopes, details)?; // RFC 6749 §3.3
    let redirect_uri = RedirectUri::parse(&tenant.issuer.endpoint(PAGE)).map_err(|why| {
        let text = format!("the issuer is no place for a page: {why}");
        Refused::new(ErrorCode::ServerError, Reason::RedirectUri, text)
    })?;
    Ok(Checked {
        client: client.id.clone(),
        destination: Destination {
            redirect_uri,
            redirect_uri_sent: false,
            state: None,
            response_mode: ResponseMode::Query, // nothing is ever sent there
        },
        nonce: None,
        challenge: None,
        dpop_jkt: None,
        prompt: Prompt::default(),
        max_age: None,
        login_hint: None,
        wish: Wish::default(),
        asked: resolved.asked,
        polled: Some(polled),
        explanation: resolved.explanation,
    })
}

#[cfg(test)]
#[path = "device_tests.rs"]
mod tests;
