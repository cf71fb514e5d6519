//! What the gateway publishes for its resources: their metadata (RFC 9728 §3).

use std::collections::HashMap;

use bailiwick_resource_server::ResourceServer;
use bytes::Bytes;
use http::{Method, Response, Uri};

use crate::config::Protected;

/// Where the documents stand, by host and path.
#[derive(Debug)]
pub(crate) struct Published {
    /// For the hosts that resources name.
    hosts: HashMap<String, HashMap<String, ResourceServer>>,
    elsewhere: HashMap<String, ResourceServer>,
}

impl Published {
    /// Finds the places; a resource that is no web address has none.
    pub(crate) fn new<'r>(
        resources: impl IntoIterator<Item = (&'r Protected, &'r ResourceServer)>,
    ) -> Self {
        let mut published = Self { hosts: HashMap::new(), elsewhere: HashMap::new() };
        for (resource, server) in resources {
            let documents = match &resource.host {
                Some(host) => published.hosts.entry(host.clone()).or_default(),
                None => &mut published.elsewhere,
            };
            if let Some(place) = server.metadata_path() {
                let path = place.split('?').next().unwrap_or(&place).to_owned();
                documents.insert(path, server.clone());
            }
        }
        published
    }

    /// The answer to a request for one of the documents; `None` when it is for something else.
    pub(crate) fn answer(&self, host: &str, method: &Method, uri: &Uri) -> Option<Response<Bytes>> {
        let documents = self.hosts.get(host).unwrap_or(&self.elsewhere);
        let server = documents.get(uri.path())?;
        server.metadata_response(method, uri)
    }
}
