//! An authorization request that waits for the user: checked once, resumed after login and consent.

mod wish;

use bailiwick_oauth::authorize::Prompt;
use bailiwick_oauth::secret::Digest;
use bailiwick_oauth::{ClientId, CodeChallenge, Grant, RedirectUri, ResponseMode, UserCode};
use serde::{Deserialize, Serialize};

pub use wish::{Acr, Wish};

use super::pending::Polled;
use crate::{Explanation, Kind, Record, Stored};

/// A request that waits for the user to sign in and answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interaction {
    /// The digest of its identifier, which only this user's browser has.
    pub digest: Digest,
    /// The checked request.
    pub request: Checked,
    /// The session that was made in it, once the user signed in.
    pub signed_in: Option<Digest>,
    /// Whether it was answered: an answer counts once.
    pub answered: bool,
    /// When it began.
    pub begun_at: i64,
    /// When it is given up.
    pub expires_at: i64,
}

/// An authorization request whose client, redirect URI, PKCE, resources and scopes were checked.
///
/// Made only by [`flow::authorize::check`](crate::flow::authorize::check) and
/// [`flow::device`](crate::flow::device).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    pub(crate) client: ClientId,
    #[serde(flatten)]
    pub(crate) destination: Destination,
    pub(crate) nonce: Option<String>,
    pub(crate) challenge: Option<CodeChallenge>,
    /// The thumbprint of the key that must redeem the code (RFC 9449 §10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dpop_jkt: Option<String>,
    pub(crate) prompt: Prompt,
    pub(crate) max_age: Option<i64>,
    pub(crate) login_hint: Option<String>,
    /// What it wants of the login and of the user's claims.
    #[serde(default)]
    pub(crate) wish: Wish,
    /// What was asked, resolved to pairs and held under the client's ceiling.
    pub(crate) asked: Grant,
    /// Whether it is answered to whoever polls for it; then the browser brings nothing to the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) polled: Option<Polled>,
    /// Not stored: it is for the log of the request that made it.
    #[serde(skip)]
    pub(crate) explanation: Explanation,
}

/// Where the answer goes and how: a redirect URI that belongs to the client, so that from here on
/// errors may be sent there.
///
/// Made only by [`flow::authorize::destination`](crate::flow::authorize::destination).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    pub(crate) redirect_uri: RedirectUri,
    /// Whether the request named its redirect URI; then the token request must too.
    pub(crate) redirect_uri_sent: bool,
    pub(crate) state: Option<String>,
    #[serde(default)]
    pub(crate) response_mode: ResponseMode,
}

impl Destination {
    /// Where the answer goes.
    pub fn redirect_uri(&self) -> &RedirectUri {
        &self.redirect_uri
    }
    /// What goes back with it.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }
    /// How it travels.
    pub fn mode(&self) -> ResponseMode {
        self.response_mode
    }
}

impl Checked {
    /// The client that asks.
    pub fn client(&self) -> &ClientId {
        &self.client
    }
    /// Where the answer goes, and how.
    pub fn destination(&self) -> &Destination {
        &self.destination
    }
    /// Where the answer goes.
    pub fn redirect_uri(&self) -> &RedirectUri {
        &self.destination.redirect_uri
    }
    /// What is asked, resolved to pairs and held under the client's ceiling.
    pub fn asked(&self) -> &Grant {
        &self.asked
    }
    /// What was kept and what was dropped when the request was checked.
    pub fn explanation(&self) -> &Explanation {
        &self.explanation
    }
    /// Whether it is answered to whoever polls for it, and not through the browser.
    pub fn polled(&self) -> Option<&Polled> {
        self.polled.as_ref()
    }
    /// The request after somebody typed its code in.
    pub(crate) fn entered(mut self, user_code: UserCode) -> Self {
        if let Some(polled) = &mut self.polled {
            polled.user_code = Some(user_code);
        }
        self
    }
    /// The request after the user said that the code on the device is the one that was shown.
    pub fn confirm(mut self) -> Self {
        if let Some(polled) = &mut self.polled {
            polled.confirmed = true;
        }
        self
    }
    /// Whether the user must compare the codes before anything else (RFC 8628 §3.3.1).
    pub(crate) fn must_be_confirmed(&self) -> bool {
        self.polled.as_ref().is_some_and(|polled| !polled.confirmed)
    }
    /// A name to fill into the login page.
    pub fn login_hint(&self) -> Option<&str> {
        self.login_hint.as_deref()
    }
}

impl Stored for Interaction {
    const KIND: Kind = Kind::Interaction;
    fn key(&self) -> String {
        self.digest.as_str().to_owned()
    }
    fn expires_at(&self) -> Option<i64> {
        Some(self.expires_at)
    }
    fn into_record(self) -> Record {
        Record::Interaction(Box::new(self))
    }
}
