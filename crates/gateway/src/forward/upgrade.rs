//! Switching protocols: what the client asks for and the upstream agrees to (RFC 9110 §7.8).

use bytes::Bytes;
use http::header::{CONNECTION, UPGRADE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::upgrade::OnUpgrade;

use super::bad_gateway;
use super::balance::Turn;
use super::patience::Patience;
use crate::answer::{Answer, Fault};
use crate::config::Upgrades;
use crate::headers;
use crate::limits::Places;
use crate::tunnel::{Switch, Tunnel};

/// A switch of protocols that a client asks for.
pub(super) struct Upgrade {
    pub(super) protocol: HeaderValue,
    client: OnUpgrade,
    switch: Option<Switch>,
}

/// The protocol that a request asks to switch to.
///
/// `h2c` counts as not asked for: it would take all further requests past the gateway's checks.
///
/// # Errors
/// When the route does not have it, or it is not asked for as it should.
pub(crate) fn asked<B: Body>(
    request: &Request<B>,
    allowed: &Upgrades,
) -> Result<Option<HeaderValue>, Fault> {
    let headers = request.headers();
    if request.version() != Version::HTTP_11 || !headers.contains_key(UPGRADE) {
        return Ok(None); // others have none (RFC 9110 §7.8)
    }
    let mut protocols = list(headers, &UPGRADE).filter(|name| !name.eq_ignore_ascii_case(b"h2c"));
    let Some(protocol) = protocols.next() else { return Ok(None) };
    if !allowed.have(protocol) {
        return Err(Fault::new(
            StatusCode::NOT_IMPLEMENTED,
            "not_implemented",
            "this route does not switch to this protocol",
        ));
    }
    let malformed = |why| Err(Fault::bad_request("invalid_request", why));
    if protocols.next().is_some() || !protocol.iter().all(|c| is_of_a_protocol(*c)) {
        return malformed("ask for one protocol in 'Upgrade'");
    }
    if !list(headers, &CONNECTION).any(|option| option.eq_ignore_ascii_case(b"upgrade")) {
        return malformed("'Upgrade' needs 'Connection: upgrade'");
    }
    if !request.body().is_end_stream() {
        return malformed("a request that switches protocols has no body");
    }
    HeaderValue::from_bytes(protocol).map(Some).or_else(|_| malformed("the protocol is malformed"))
}

impl Upgrade {
    pub(super) fn new<B>(protocol: HeaderValue, request: &mut Request<B>) -> Self {
        let switch = request.extensions_mut().remove();
        Self { protocol, client: hyper::upgrade::on(request), switch }
    }

    /// What the upstream has agreed to, if it is what was asked for.
    pub(super) fn switched(
        self,
        mut answer: Response<Incoming>,
        patience: Patience,
        turn: Turn,
    ) -> Result<Response<Answer>, Fault> {
        let Self { protocol, client, switch } = self;
        let chosen: Vec<&[u8]> = list(answer.headers(), &UPGRADE).collect();
        let is_it = chosen.len() == 1 && chosen[0].eq_ignore_ascii_case(protocol.as_bytes());
        let Some(switch) = switch.filter(|_| is_it) else {
            return Err(bad_gateway("the upstream switched to a protocol that nobody asked for"));
        };
        switch.throw(Tunnel {
            client,
            upstream: hyper::upgrade::on(&mut answer),
            is_websocket: protocol.as_bytes().eq_ignore_ascii_case(b"websocket"),
            patience,
            turn,
            places: Places::default(),
        });
        // Whoever notes the answer has more for the tunnel to keep.
        answer.extensions_mut().insert(switch);
        headers::cleanse_response(answer.headers_mut());
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
        answer.headers_mut().insert(UPGRADE, protocol);
        Ok(answer.map(|_| Answer::Own(Full::new(Bytes::new()))))
    }
}

/// The members of a header that is a list (RFC 9110 §5.6.1).
fn list<'h>(
    headers: &'h HeaderMap,
    name: &http::HeaderName,
) -> impl Iterator<Item = &'h [u8]> + use<'h> {
    headers
        .get_all(name)
        .into_iter()
        .flat_map(|value| value.as_bytes().split(|c| *c == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty())
}

/// The octets of tokens, and what stands between a protocol's name and its version.
fn is_of_a_protocol(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~/".contains(&octet)
}
