//! Resolution of host names, with the answer checked before it is connected to.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::Name;
use tower::Service;

use crate::target::Rules;

/// Gives the connector only addresses that it may connect to: nothing resolves again afterwards.
#[derive(Clone)]
pub(crate) struct Resolver(pub(crate) Arc<Rules>);

/// The host has addresses, but none that may be connected to.
#[derive(Debug, thiserror::Error)]
#[error("'{host}' has no public address")]
pub(crate) struct NotPublic {
    pub(crate) host: String,
}

/// The host has no address.
#[derive(Debug, thiserror::Error)]
#[error("'{host}' cannot be resolved")]
pub(crate) struct Unresolved {
    pub(crate) host: String,
    #[source]
    source: io::Error,
}

type Error = Box<dyn std::error::Error + Send + Sync>;

impl Resolver {
    async fn addresses(self, host: String) -> Result<std::vec::IntoIter<SocketAddr>, Error> {
        let host = host.to_ascii_lowercase();
        let found = match self.0.resolved.get(&host) {
            Some(addresses) => Ok(addresses.clone()),
            None => ask_system(&host).await,
        };
        let found = match found {
            Ok(found) => found,
            Err(source) => return Err(Unresolved { host, source }.into()),
        };
        let permitted: Vec<SocketAddr> = found
            .into_iter()
            .filter(|address| self.0.permits(&host, *address))
            .map(|address| SocketAddr::new(address, 0)) // the connector puts the URL's port in
            .collect();
        if permitted.is_empty() {
            return Err(NotPublic { host }.into());
        }
        Ok(permitted.into_iter())
    }
}

async fn ask_system(host: &str) -> io::Result<Vec<IpAddr>> {
    Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(self.clone().addresses(name.as_str().to_owned()))
    }
}
