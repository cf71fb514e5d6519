//! Pushed authorization requests (RFC 9126): handed in by the client, taken up once by its browser.

use bailiwick_oauth::{ClientId, ErrorCode, Form, Secret};

use crate::entropy::secret;
use crate::rule::way::{Signature, Way};
use crate::state::{Client, PushedRequest, Taken};
use crate::{Change, Decision, Entropy, Loaded, Reason, Refused, Tenant};

/// What every `request_uri` of a pushed request begins with (RFC 9126 §2.2).
pub const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

/// The random part of a `request_uri`, if it is one of a pushed request.
pub fn reference(request_uri: &str) -> Option<Secret> {
    request_uri.strip_prefix(PREFIX).map(Secret::new)
}

/// Where a pushed request is found.
#[derive(Debug)]
pub struct Pushed {
    /// The reference for the browser.
    pub request_uri: String,
    /// For how many seconds it can be taken up.
    pub expires_in: i64,
}

/// Remembers a request that was checked, for the browser that brings its reference
/// (RFC 9126 §2.2).
///
/// Neither authenticates the client nor checks the request.
pub fn push(
    tenant: &Tenant,
    client: &ClientId,
    form: Form,
    signature: Signature,
    now: i64,
    entropy: &mut dyn Entropy,
) -> Decision<Pushed> {
    let reference = secret(entropy);
    let expires_in = tenant.lifetimes.pushed_request;
    let record = PushedRequest {
        digest: reference.digest(),
        client: client.clone(),
        form,
        signature,
        taken: Taken::No,
        expires_at: now + expires_in,
    };
    let request_uri = format!("{PREFIX}{}", reference.expose());
    Decision::new(vec![Change::insert(record)], Pushed { request_uri, expires_in })
}

/// Takes a pushed request up (RFC 9126 §4): once, in its time, by the client that pushed it.
pub fn take_up(
    client: &Client,
    pushed: Option<&Loaded<PushedRequest>>,
    now: i64,
) -> Decision<Result<(Form, Way), Refused>> {
    let refuse = |reason: Reason, text: &str| {
        Decision::unchanged(Err(Refused::new(ErrorCode::InvalidRequestUri, reason, text)))
    };
    let unknown = "this request_uri is unknown; push the request again";
    let Some(pushed) = pushed else { return refuse(Reason::Unknown, unknown) };
    // INVARIANT: another client's attempt changes nothing, and tells it nothing.
    if pushed.value.client != client.id {
        return refuse(Reason::OtherClient, unknown);
    }
    if now >= pushed.value.expires_at {
        return refuse(Reason::Expired, "this request_uri has expired; push the request again");
    }
    if pushed.value.taken == Taken::Yes {
        let text = "this request_uri was used before; push the request again";
        return refuse(Reason::RequestReplayed, text);
    }
    let PushedRequest { form, signature, .. } = pushed.value.clone();
    let taken = pushed.update(pushed.value.clone().take());
    Decision::new(vec![taken], Ok((form, Way::Pushed(signature))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{NOW, Seeded, client, tenant};
    use crate::{Record, Version};

    fn pushed() -> (Pushed, Loaded<PushedRequest>) {
        let form = Form::parse("client_id=shop&scope=read").unwrap();
        let (tenant, id) = (tenant(), client().id);
        let decision = push(&tenant, &id, form, Signature::Absent, NOW, &mut Seeded::default());
        let [Change::Insert(Record::PushedRequest(record))] = decision.changes.as_slice() else {
            panic!("one record: {:?}", decision.changes)
        };
        (decision.outcome, Loaded { version: Version(1), value: *record.clone() })
    }

    fn reason(client: &Client, pushed: Option<&Loaded<PushedRequest>>, now: i64) -> Option<Reason> {
        let decision = take_up(client, pushed, now);
        let refused = decision.outcome.err()?;
        assert_eq!(refused.error, ErrorCode::InvalidRequestUri);
        assert!(decision.changes.is_empty(), "a refusal changes nothing");
        Some(refused.reason)
    }

    //= https://www.rfc-editor.org/rfc/rfc9126#section-2.2
    //= type=test
    //# The format of the request_uri value is at the discretion of the
    //# authorization server, but it MUST contain some part generated using a
    //# cryptographically strong pseudorandom algorithm such that it is
    //# computationally infeasible to predict or guess a valid value
    //= https://www.rfc-editor.org/rfc/rfc9126#section-2.2
    //= type=test
    //# The request_uri value MUST be bound to the client that posted the
    //# authorization request.
    #[test]
    fn a_pushed_request_is_its_clients_own_and_good_once() {
        let (answer, loaded) = pushed();
        let reference = reference(&answer.request_uri).unwrap();
        assert_eq!(reference.expose().len(), 43, "256 bits");
        assert_eq!(loaded.value.digest, reference.digest(), "only its digest is kept");

        let owner = client();
        let other = Client { id: ClientId::parse("other").unwrap(), ..client() };
        assert_eq!(reason(&owner, None, NOW), Some(Reason::Unknown));
        assert_eq!(reason(&other, Some(&loaded), NOW), Some(Reason::OtherClient));
        assert_eq!(reason(&owner, Some(&loaded), NOW + 60), Some(Reason::Expired));

        let decision = take_up(&owner, Some(&loaded), NOW + 59);
        let (form, way) = decision.outcome.unwrap();
        assert_eq!(form.one("scope"), Ok(Some("read")));
        assert_eq!(way, Way::Pushed(Signature::Absent));
        let [Change::Update { record: Record::PushedRequest(record), seen: Version(1) }] =
            decision.changes.as_slice()
        else {
            panic!("spent under a precondition: {:?}", decision.changes)
        };
        let taken = Loaded { version: Version(2), value: *record.clone() };
        assert_eq!(reason(&owner, Some(&taken), NOW + 59), Some(Reason::RequestReplayed));
    }

    #[test]
    fn only_a_reference_of_ours_is_one() {
        for other in ["https://a.example/r", "urn:ietf:params:oauth:request_ur:x", ""] {
            assert!(reference(other).is_none(), "{other}");
        }
    }
}
