//! What a user answered a client before (rules §4.8).

use bailiwick_jose::{base64url, digest};
use bailiwick_oauth::{ClientId, Grant, RedirectUri, Resource, Subject};
use serde::{Deserialize, Serialize};

use super::client::Client;
use crate::{Kind, Record, Stored};

/// The remembered answers of one user to one client as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// The user.
    pub subject: Subject,
    /// The client.
    pub client: ClientId,
    /// What the client was: its name, how it authenticates, where the user is sent.
    pub fingerprint: String,
    /// What was accepted.
    pub accepted: Grant,
    /// What was refused, to be asked again.
    pub refused: Grant,
}

impl Consent {
    /// The key under which the answers of a user to a client stand.
    ///
    /// A client that changes what users saw of it, or another redirect URI, finds nothing.
    pub fn key_of(subject: &Subject, client: &Client, redirect_uri: &RedirectUri) -> String {
        key(subject, &client.id, &Self::fingerprint(client, redirect_uri))
    }

    /// Whether these are the answers of this user to this client as it is now.
    pub fn speaks_for(&self, subject: &Subject, client: &Client, place: &RedirectUri) -> bool {
        self.key() == Self::key_of(subject, client, place)
    }

    /// The answers without those about one resource.
    pub fn without(mut self, resource: &Resource) -> Self {
        for answers in [&mut self.accepted, &mut self.refused] {
            answers.resources.remove(resource);
            answers.details.remove(resource);
        }
        self
    }

    /// What the client is, as far as the user's answer depends on it.
    pub fn fingerprint(client: &Client, redirect_uri: &RedirectUri) -> String {
        let place = redirect_uri.without_loopback_port();
        let place = place.as_deref().unwrap_or(redirect_uri.as_str());
        let method = if client.is_public() { "public" } else { "confidential" };
        let text = format!("{}\n{method}\n{place}", client.name);
        base64url::encode(&digest::sha256(text.as_bytes())[..16])
    }
}

fn key(subject: &Subject, client: &ClientId, fingerprint: &str) -> String {
    format!("{subject} {client} {fingerprint}")
}

impl Stored for Consent {
    const KIND: Kind = Kind::Consent;
    fn key(&self) -> String {
        key(&self.subject, &self.client, &self.fingerprint)
    }
    fn into_record(self) -> Record {
        Record::Consent(Box::new(self))
    }
}
