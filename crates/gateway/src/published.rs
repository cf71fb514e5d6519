//! What the gateway answers itself: the metadata of its resources (RFC 9728 §3), its own keys
//! (RFC 7517 §5), and the events that issuers post (RFC 8935 §2).

use std::collections::HashMap;

use bailiwick_resource_server::{EventReceiver, ResourceServer};
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue,
};
use http::{Method, Request, Response, StatusCode, Uri};

use crate::config::{Config, Protected, Signing};
use crate::target::Host;

/// Where the documents stand, by host and path.
#[derive(Debug)]
pub(crate) struct Published {
    /// For the hosts that resources name.
    hosts: HashMap<String, Places>,
    elsewhere: Places,
    keys: Option<Keys>,
    takes_events: bool,
}

/// What stands on one host.
#[derive(Debug, Default)]
struct Places {
    documents: HashMap<String, ResourceServer>,
    receivers: HashMap<String, EventReceiver>,
}

/// The gateway's own keys, for every host.
#[derive(Debug)]
struct Keys {
    path: String,
    document: Bytes,
}

impl Published {
    /// Finds the places; a resource that is no web address has no metadata.
    pub(crate) fn new<'r>(
        config: &Config,
        resources: impl IntoIterator<Item = (&'r Protected, &'r ResourceServer, Option<EventReceiver>)>,
    ) -> Self {
        let mut published = Self {
            hosts: HashMap::new(),
            elsewhere: Places::default(),
            keys: config.signing.as_ref().map(Keys::new),
            takes_events: false,
        };
        for (resource, server, receiver) in resources {
            let places = match &resource.host {
                Some(host) => published.hosts.entry(host.clone()).or_default(),
                None => &mut published.elsewhere,
            };
            if let Some(place) = server.metadata_path() {
                let path = place.split('?').next().unwrap_or(&place).to_owned();
                places.documents.insert(path, server.clone());
            }
            if resource.metadata.at_root_too {
                places.documents.entry(ROOT.to_owned()).or_insert_with(|| server.clone());
            }
            if let (Some(events), Some(receiver)) = (&resource.events, receiver) {
                published.takes_events = true;
                places.receivers.insert(events.path.clone(), receiver);
            }
        }
        published
    }

    /// The answer to a request for one of the documents; `None` when it is for something else.
    pub(crate) fn answer(&self, host: &str, method: &Method, uri: &Uri) -> Option<Response<Bytes>> {
        if let Some(keys) = self.keys.as_ref().filter(|keys| keys.path == uri.path()) {
            return Some(keys.answer(method));
        }
        let server = self.places(host).documents.get(uri.path())?;
        server.metadata_response(method, uri)
    }

    /// Who takes the events that are posted where a request goes.
    pub(crate) fn receiver<B>(&self, request: &Request<B>) -> Option<&EventReceiver> {
        if !self.takes_events {
            return None;
        }
        // A request whose host is ambiguous is refused further on.
        let host = Host::of(request).ok()?;
        self.places(&host.name()).receivers.get(request.uri().path())
    }

    fn places(&self, host: &str) -> &Places {
        self.hosts.get(host).unwrap_or(&self.elsewhere)
    }
}

impl Keys {
    fn new(signing: &Signing) -> Self {
        Self { path: signing.jwks_path.clone(), document: signing.jwks().to_string().into() }
    }

    fn answer(&self, method: &Method) -> Response<Bytes> {
        let mut answer = Response::new(Bytes::new());
        if !matches!(*method, Method::GET | Method::HEAD) {
            *answer.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(self.document.len()));
        if method == Method::GET {
            *answer.body_mut() = self.document.clone();
        }
        answer
    }
}

/// Where the metadata of a resource without a path stands.
const ROOT: &str = "/.well-known/oauth-protected-resource";
