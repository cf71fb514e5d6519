//! A client identifier that is the address of a document about the client
//! (draft-ietf-oauth-client-id-metadata-document §3).

use serde_json::{Map, Value};

use crate::register::{MalformedMetadata, Metadata};
use crate::{ClientId, WebUrl, uri};

/// The largest document that is read, in octets (§8.7).
pub const LARGEST: usize = 5 * 1024;

/// A client identifier URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientDocument(WebUrl);

impl ClientDocument {
    /// Reads a client identifier as the address of a document; `None` for every other identifier.
    pub fn of(id: &ClientId) -> Option<Self> {
        let url = WebUrl::parse(id.as_str()).ok().filter(|url| url.as_str() == id.as_str())?;
        let parts = uri::split(url.as_str(), usize::MAX).ok()?;
        let is_https = parts.scheme == "https"; // spelled so: two spellings are two clients
        let is_dotted = |segment: &str| {
            matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
        };
        let has_path = parts.path.starts_with('/') && !parts.path.split('/').any(is_dotted);
        (is_https && has_path).then_some(Self(url))
    }

    /// The address.
    pub fn url(&self) -> &WebUrl {
        &self.0
    }

    /// Reads the document that was found at the address.
    ///
    /// # Errors
    /// When it is about another client, speaks of secrets, or is malformed (§4, §4.1).
    pub fn read(&self, document: &Map<String, Value>) -> Result<Metadata, MalformedMetadata> {
        if document.get("client_id").and_then(Value::as_str) != Some(self.0.as_str()) {
            let text = "client_id in the document is not its own address, byte for byte";
            return Err(MalformedMetadata::member(text));
        }
        for secret in ["client_secret", "client_secret_expires_at"] {
            if document.contains_key(secret) {
                let text = format!("{secret} cannot stand in a document that anybody can read");
                return Err(MalformedMetadata::member(text));
            }
        }
        Metadata::read(document)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    // draft-ietf-oauth-client-id-metadata-document §3: "A Client Identifier URL: MUST use the https
    // URL scheme; MUST NOT contain a userinfo component; MUST contain a path component; MUST NOT
    // contain single-dot or double-dot path components; MUST NOT contain a fragment component".
    #[test]
    fn an_identifier_is_an_address_when_it_follows_the_rules() {
        for (id, expected) in [
            ("https://app.example/client.json", true),
            ("https://app.example:8443/client", true),
            ("https://app.example/client?x=1", true),
            ("https://app.example/", true),
            ("https://app.example", false),
            ("https://app.example?x=/", false),
            ("http://app.example/client", false),
            ("http://127.0.0.1/client", false),
            ("HTTPS://app.example/client", false),
            ("https://user@app.example/client", false),
            ("https://user:pass@app.example/client", false),
            ("https://app.example/client#x", false),
            ("https://app.example/./client", false),
            ("https://app.example/a/../client", false),
            ("https://app.example/a/%2E%2e/client", false),
            ("https://app.example/..", false),
            ("https:///client", false),
            ("com.example.app:/client", false),
            ("shop", false),
        ] {
            let read = ClientDocument::of(&ClientId::parse(id).unwrap());
            assert_eq!(read.is_some(), expected, "{id}");
        }
    }

    // draft-ietf-oauth-client-id-metadata-document §4: "The Client ID Metadata Document MUST contain a
    // client_id property whose value MUST match the Client Identifier URL"; §4.1: "the client_secret
    // and client_secret_expires_at properties MUST NOT be used".
    #[test]
    fn a_document_is_about_its_own_address_and_holds_no_secret() {
        let id = ClientId::parse("https://app.example/client").unwrap();
        let place = ClientDocument::of(&id).unwrap();
        let read = |document: Value| place.read(document.as_object().unwrap()).map(|_| ());
        let own = "https://app.example/client";
        assert!(read(json!({ "client_id": own })).is_ok());
        for bad in [
            json!({}),
            json!({ "client_id": 1 }),
            json!({ "client_id": "https://app.example:443/client" }),
            json!({ "client_id": "https://app.example/client/" }),
            json!({ "client_id": "https://APP.example/client" }),
            json!({ "client_id": own, "client_secret": "x" }),
            json!({ "client_id": own, "client_secret_expires_at": 0 }),
        ] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
    }
}
