//! A resource made ready: the library's part of it, as the configuration says (RFC 9068 §4).

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bailiwick_fetch::{Fetcher, Introspector, IssuerKeys, KeySettings, Tokeninfo};
use bailiwick_guard::{IssuerRule, Trust};
use bailiwick_oauth::{Issuer, Scope};
use bailiwick_resource_server::{
    Builder, DenyList, Dpop, EventReceiver, FromProxy, Lookup, MemoryFirstUse, ResourceServer,
    SealingKey, TrustedIssuer, TrustedProxies,
};

use crate::config::{
    Credentials, Introspection, KeyPlace, LookedUpBy, Protected, Signing, Tokens, Trusted,
    decryption_key, host_of,
};

pub(crate) type Failed = Box<dyn Error + Send + Sync>;

/// What a resource knows beyond its configuration, and keeps when that is replaced.
pub(crate) struct Kept {
    /// The keys of each issuer, in the order of the configuration.
    pub(crate) keys: Vec<Arc<IssuerKeys>>,
    /// The DPoP proofs that were used.
    pub(crate) proofs: Arc<MemoryFirstUse>,
    /// What its issuers took back.
    pub(crate) denied: Arc<DenyList>,
}

/// Whose keys, and how they are fetched: resources that agree in this share them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct KeysOf {
    issuer: String,
    place: KeyPlace,
    is_private: bool,
    authorities: Option<String>,
    stale: Duration,
}

impl KeysOf {
    pub(crate) fn new(issuer: &Trusted) -> Self {
        Self {
            issuer: issuer.name().to_owned(),
            place: issuer.place.clone(),
            is_private: issuer.is_private,
            authorities: issuer.authorities.clone(),
            stale: issuer.stale,
        }
    }
}

/// The keys of an issuer; nothing is fetched yet.
pub(crate) fn keys(issuer: &Trusted) -> Result<Arc<IssuerKeys>, Failed> {
    let fetcher = fetcher([issuer], None, None)?;
    let settings = KeySettings { stale: issuer.stale, ..KeySettings::default() };
    Ok(match (&issuer.place, &issuer.trust.issuer) {
        (KeyPlace::Metadata { issuer, url }, _) => {
            IssuerKeys::with_metadata(issuer.clone(), url.clone(), fetcher, settings)
        }
        (KeyPlace::JwksUri(uri), IssuerRule::Exactly(name)) => {
            IssuerKeys::with_jwks_uri(name.clone(), uri, fetcher, settings)
        }
        (KeyPlace::WellKnown, IssuerRule::Exactly(name)) => {
            IssuerKeys::new(name.clone(), fetcher, settings)
        }
        // The configuration refuses this; were it not to, no key would be found.
        (_, IssuerRule::Template(_)) => return Err("a template of issuers has no keys".into()),
    })
}

/// The library's part of a resource.
pub(crate) fn server(
    resource: &Protected,
    proxies: &TrustedProxies,
    signing: Option<&Signing>,
    kept: Kept,
) -> Result<ResourceServer, Failed> {
    let lookup = match &resource.introspection {
        Some(how) => Some(lookup(resource, how, &kept)?),
        None => None,
    };
    let signs = resource.issuers.iter().zip(&kept.keys).filter(|(issuer, _)| issuer.signs());
    let mut signs =
        signs.map(|(issuer, keys)| TrustedIssuer::of(issuer.trust.clone()).keys(keys.clone()));
    let identifier = resource.identifier.clone();
    let mut server = match (signs.next(), lookup) {
        (Some(first), None) => Builder::trusting(first, identifier),
        (Some(first), Some(lookup)) => Builder::trusting(first, identifier).look_up(lookup),
        (None, Some(lookup)) => Builder::looking_up(lookup, identifier),
        (None, None) => return Err("no issuer: nobody could have a token".into()),
    };
    for issuer in signs {
        server = server.also_trust(issuer);
    }
    server = with_tokens(server, &resource.tokens, proxies, kept.proofs)?
        .fetcher(fetcher(&resource.issuers, None, None)?)
        .denials(kept.denied)
        .scopes(resource.scopes().iter().map(Scope::as_str));
    for spelling in &resource.audience {
        server = server.audience(spelling);
    }
    for (broad, narrow) in &resource.implies {
        server = server.implies(broad.as_str(), narrow.to_string());
    }
    if let Some(name) = &resource.name {
        server = server.name(name);
    }
    if let Some(url) = &resource.metadata.documentation {
        server = server.documentation(url);
    }
    if let (true, Some(signing)) = (resource.metadata.is_signed, signing) {
        server = server.signed_metadata(signing.key.share(), signing.jwks_uri());
    }
    if resource.metadata.at_root_too {
        server = server.metadata_at_root_too();
    }
    Ok(server.build()?)
}

fn with_tokens(
    mut server: Builder,
    tokens: &Tokens,
    proxies: &TrustedProxies,
    proofs: Arc<MemoryFirstUse>,
) -> Result<Builder, Failed> {
    for client in &tokens.own_clients {
        server = server.own_client(client.as_str())?;
    }
    for key in &tokens.decryption {
        server = server.decryption_key(decryption_key(key.expose())?);
    }
    let mut dpop = Dpop::new().window(proofs).lifetime(tokens.proof_lifetime);
    if tokens.offers_dpop {
        dpop = dpop.offered();
    }
    if let Some(secret) = &tokens.nonce_key {
        dpop = dpop.nonces(SealingKey::from_bytes(secret.key())?, NONCE);
    }
    if let Some(origin) = &tokens.origin {
        server = server.origin(origin);
    }
    if let Some(header) = &tokens.certificate_header {
        let (header, proxies) = (header.clone(), proxies.clone());
        server = server.certificates_from(FromProxy { header, proxies });
    }
    if !tokens.checks_status {
        server = server.ignore_status_lists();
    }
    Ok(server
        .binding(tokens.binding)
        .dpop(dpop)
        .clock_skew(tokens.clock_skew)
        .cached_tokens(tokens.cached))
}

/// How long a nonce is good.
const NONCE: Duration = Duration::from_mins(5);

fn lookup(resource: &Protected, how: &Introspection, kept: &Kept) -> Result<Lookup, Failed> {
    let asked = resource.issuers.get(how.issuer).ok_or("no such issuer")?;
    let lookup = match &how.by {
        LookedUpBy::Tokeninfo(url) => {
            let fetcher = fetcher([asked], Some(url), None)?;
            Lookup::tokeninfo(asked.trust.clone(), Tokeninfo::new(url, fetcher))
        }
        LookedUpBy::Endpoint(credentials, endpoint, signed_for) => {
            let fetcher = fetcher([asked], endpoint.as_deref(), Some(credentials))?;
            let issuer = exactly(&asked.trust)?;
            let mut introspector = Introspector::new(issuer, credentials.authentication(), fetcher);
            if let Some(url) = endpoint {
                introspector = introspector.endpoint(url);
            }
            if let (Some(name), Some(keys)) = (signed_for, kept.keys.get(how.issuer)) {
                introspector = introspector.require_signed(name, keys.clone());
            }
            match &asked.provider {
                Some(provider) => Lookup::of_provider(provider.clone(), introspector),
                None => Lookup::introspection(introspector),
            }
        }
    };
    let lookup = lookup.keep(how.keep);
    Ok(if how.every_token { lookup.every_token() } else { lookup })
}

fn exactly(trust: &Trust) -> Result<Issuer, Failed> {
    match &trust.issuer {
        IssuerRule::Exactly(issuer) => Ok(issuer.clone()),
        IssuerRule::Template(_) => Err("a template of issuers is nobody to ask".into()),
    }
}

/// Outgoing requests to some issuers, with the addresses and authorities that the operator allows
/// for them, and the certificate of the gateway.
pub(crate) fn fetcher<'t>(
    issuers: impl IntoIterator<Item = &'t Trusted>,
    endpoint: Option<&str>,
    credentials: Option<&Credentials>,
) -> Result<Fetcher, Failed> {
    let mut fetcher = Fetcher::builder();
    for issuer in issuers {
        let endpoint = endpoint.filter(|_| issuer.is_private).and_then(host_of);
        for host in issuer.private_hosts().into_iter().chain(endpoint) {
            fetcher = fetcher.allow_private_host(&host);
        }
        if let Some(pem) = &issuer.authorities {
            fetcher = fetcher.extra_authorities(pem.as_bytes());
        }
    }
    if let Some(Credentials::Certificate(_, chain, key)) = credentials {
        fetcher = fetcher.client_identity(chain.as_bytes(), key.as_bytes());
    }
    Ok(fetcher.build()?)
}

/// Who takes the events of a resource, if anybody does.
pub(crate) fn receiver(resource: &Protected, kept: &Kept) -> Option<EventReceiver> {
    let events = resource.events.as_ref()?;
    let keys = kept.keys.get(events.number)?.clone();
    let receiver = EventReceiver::new(
        events.issuer.clone(),
        keys,
        events.audience.clone(),
        kept.denied.clone(),
    );
    Some(match &events.secret {
        Some(secret) => receiver.authorization(secret.secret()),
        None => receiver,
    })
}
