//! What a resource takes for a token that is meant for it, and how it is looked at (RFC 9068 §4).

use std::time::Duration;

use bailiwick_guard::Binding;
use bailiwick_jose::DecryptionKey;
use bailiwick_oauth::{ClientId, Secret};
use bailiwick_resource_server::{CertificateHeader, TrustedProxies};
use http::HeaderName;
use http::uri::Authority;
use toml::Spanned;

use super::held::{Around, Held, long_enough};
use super::listening::Proxies;
use super::reading::{Checked, fault, parsed, positive, seconds};
use super::tables::tables;

/// What a resource takes for a token that is meant for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Tokens {
    /// Clients whose tokens need no audience.
    pub own_clients: Vec<ClientId>,
    /// The private keys, each a JWK, that encrypted tokens are read with.
    pub decryption: Vec<Held<Secret>>,
    /// What tokens must be bound to.
    pub binding: Binding,
    /// Whether clients are told of DPoP.
    pub offers_dpop: bool,
    /// How long a DPoP proof is good.
    pub proof_lifetime: Duration,
    /// What the nonces of DPoP proofs are sealed with; without it none is asked for.
    pub nonce_key: Option<Held<Secret>>,
    /// What clients call the resource by.
    pub origin: Option<String>,
    /// Where a trusted proxy says which certificate the client showed.
    pub certificate_header: Option<CertificateHeader>,
    /// Whether the status lists that tokens name are looked at.
    pub checks_status: bool,
    /// How far clocks may differ.
    pub clock_skew: Duration,
    /// For how many genuine tokens it is remembered that they are.
    pub cached: usize,
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            own_clients: Vec::new(),
            decryption: Vec::new(),
            binding: Binding::AsTheTokenSays,
            offers_dpop: false,
            proof_lifetime: Duration::from_secs(PROOF),
            nonce_key: None,
            origin: None,
            certificate_header: None,
            checks_status: true,
            clock_skew: Duration::from_secs(SKEW),
            cached: CACHED,
        }
    }
}

const PROOF: u64 = 60;
const SKEW: u64 = 10;
const CACHED: usize = 10_000;

tables! {
    /// How the tokens of a resource are looked at. Whatever a token is bound to must be proved in
    /// any case; `binding` refuses those that are bound to nothing.
    "`[resource.tokens]`" TokensTable {
        /// Clients of this API alone whose tokens need no `aud` (Amazon Cognito): whoever gets
        /// tokens for one of them gets in.
        own_clients: Option<Vec<Spanned<String>>>, "list of client identifiers", "none";
        /// Files with the private keys, each a JWK, that encrypted tokens are read with.
        decryption_key_files: Option<Vec<Spanned<String>>>, "list of files", "none";
        /// Take only tokens that are bound to their sender: `"dpop"`, `"certificate"` or
        /// `"either"`.
        binding: Option<Spanned<String>>, "text", "as the token says";
        /// Tell clients, in challenges and metadata, that they may use DPoP (RFC 9449).
        offer_dpop: Option<bool>, "boolean", "`false`";
        /// How long a DPoP proof is good.
        dpop_proof_lifetime: Option<Spanned<u64>>, "seconds", "`60`";
        /// A file with a secret of 32 characters at least, the same on every node: DPoP proofs must
        /// then hold a nonce that was made with it (RFC 9449 §9).
        dpop_nonce_secret_file: Option<Spanned<String>>, "file", "no nonces";
        /// The environment variable that holds that secret.
        dpop_nonce_secret_env: Option<Spanned<String>>, "name", "no nonces";
        /// Scheme and authority by which clients call the resource, which DPoP proofs must name.
        origin: Option<Spanned<String>>, "origin", "of the identifier";
        /// The header in which a proxy of `trusted_proxies` says which certificate the client
        /// showed. It counts from those proxies alone and is never forwarded.
        client_certificate_header: Option<Spanned<String>>, "header", "none";
        /// What stands in that header: `"pem"` (percent-encoded, as nginx and AWS write it),
        /// `"sha256"` (the digest in hexadecimal, HAProxy), `"client-cert"` (RFC 9440) or `"xfcc"`
        /// (Envoy); the last two have names of their own.
        client_certificate_format: Option<Spanned<String>>, "text", "`\"pem\"`";
        /// Let tokens pass without looking at the status list that they name: revocations there
        /// are not noticed.
        ignore_status_lists: Option<bool>, "boolean", "`false`";
        /// How far clocks may differ, at most 300.
        clock_skew: Option<Spanned<u64>>, "seconds", "`10`";
        /// For how many genuine tokens it is remembered that they are.
        cached: Option<Spanned<usize>>, "number", "`10000`";
    }
}

/// Checks how tokens are looked at.
pub(super) fn check(table: &TokensTable, around: &Around, proxies: &Proxies) -> Checked<Tokens> {
    let explain = |_| "not a client identifier: it is printable ASCII, and not empty";
    let own = table.own_clients.iter().flatten();
    let files = table.decryption_key_files.iter().flatten();
    let nonce_key = around
        .secret(table.dpop_nonce_secret_file.as_ref(), table.dpop_nonce_secret_env.as_ref())?;
    let nonce_place =
        table.dpop_nonce_secret_file.as_ref().or(table.dpop_nonce_secret_env.as_ref());
    Ok(Tokens {
        own_clients: own.map(|id| parsed(id, ClientId::parse, explain)).collect::<Checked<_>>()?,
        decryption: files.map(|file| around.held(file, private_jwk)).collect::<Checked<_>>()?,
        binding: table.binding.as_ref().map_or(Ok(Binding::AsTheTokenSays), binding)?,
        offers_dpop: table.offer_dpop.unwrap_or(false),
        proof_lifetime: at_most(table.dpop_proof_lifetime.as_ref(), PROOF, 1..=600)?,
        nonce_key: match (nonce_key, nonce_place) {
            (Some(key), Some(place)) => Some(long_enough(key, place)?),
            _ => None,
        },
        origin: table.origin.as_ref().map(origin).transpose()?,
        certificate_header: certificate_header(table, proxies)?,
        checks_status: !table.ignore_status_lists.unwrap_or(false),
        clock_skew: at_most(table.clock_skew.as_ref(), SKEW, 0..=300)?,
        cached: positive(table.cached.as_ref())?.unwrap_or(CACHED),
    })
}

/// A time within limits of its own.
pub(super) fn at_most(
    setting: Option<&Spanned<u64>>,
    default: u64,
    limits: std::ops::RangeInclusive<u64>,
) -> Checked<Duration> {
    match setting {
        Some(value) if !limits.contains(value.get_ref()) => {
            let (least, most) = (limits.start(), limits.end());
            Err(fault(value, format!("expected {least} to {most} seconds")))
        }
        Some(value) => Ok(Duration::from_secs(*value.get_ref())),
        None => seconds(None, default),
    }
}

/// The text of a key that is fit to read tokens with.
fn private_jwk(text: &str) -> Result<Secret, String> {
    decryption_key(text).map(|_| Secret::new(text))
}

/// The key of a private JWK.
pub(crate) fn decryption_key(text: &str) -> Result<DecryptionKey, String> {
    // The parser's own words might quote the key.
    let jwk = serde_json::from_str(text).map_err(|_| "it is no JSON; expected one private JWK")?;
    DecryptionKey::from_jwk(&jwk).map_err(|error| error.to_string())
}

fn binding(text: &Spanned<String>) -> Checked<Binding> {
    Ok(match text.get_ref().as_str() {
        "dpop" => Binding::Dpop,
        "certificate" => Binding::Certificate,
        "either" => Binding::Either,
        _ => return Err(fault(text, "expected \"dpop\", \"certificate\" or \"either\"")),
    })
}

fn origin(text: &Spanned<String>) -> Checked<String> {
    let origin = text.get_ref().trim_end_matches('/');
    let authority = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    let is_one =
        |authority: &str| !authority.contains(['@', '/']) && authority.parse::<Authority>().is_ok();
    match authority {
        Some(authority) if is_one(authority) => Ok(origin.to_owned()),
        _ => Err(fault(text, "not an origin; write it as \"https://api.example.com\"")),
    }
}

fn certificate_header(
    table: &TokensTable,
    proxies: &Proxies,
) -> Checked<Option<CertificateHeader>> {
    let format = table.client_certificate_format.as_ref();
    let Some(name) = &table.client_certificate_header else {
        return match format {
            Some(format) => Err(fault(format, "no `client_certificate_header` that it is of")),
            None => Ok(None),
        };
    };
    if proxies.trusted == TrustedProxies::default() {
        return Err(fault(
            name,
            "nobody is believed about it: name the proxies that write it in `trusted_proxies`",
        ));
    }
    let parse = |text: &str| HeaderName::from_bytes(text.to_ascii_lowercase().as_bytes());
    let header = parsed(name, parse, |_| "not the name of a header")?;
    let header = match format.map_or("pem", |format| format.get_ref().as_str()) {
        "pem" => CertificateHeader::Pem { name: header.clone() },
        "sha256" => CertificateHeader::Sha256Hex { name: header.clone() },
        "client-cert" => CertificateHeader::ClientCert,
        "xfcc" => CertificateHeader::Xfcc,
        _ => {
            let known = "expected \"pem\", \"sha256\", \"client-cert\" or \"xfcc\"";
            return Err(format.map_or_else(|| fault(name, known), |format| fault(format, known)));
        }
    };
    let own = header.name();
    if !own.as_str().eq_ignore_ascii_case(name.get_ref()) {
        return Err(fault(name, format!("this format has a header of its own: write \"{own}\"")));
    }
    Ok(Some(header))
}
