//! By which way a request's parameters may come (RFC 9101 §10.5, RFC 9126 §5, §6).

use bailiwick_oauth::ErrorCode;
use serde::{Deserialize, Serialize};

use crate::state::Client;
use crate::{Reason, Refused, Tenant};

/// By which way the parameters of a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Through the browser.
    Direct(Signature),
    /// From the client itself, ahead of the browser (RFC 9126).
    Pushed(Signature),
}

/// Whether parameters came in a signed request object (RFC 9101).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Signature {
    /// They did not.
    Absent,
    /// They did, and the signature was verified.
    Verified,
}

impl Way {
    /// Whether the parameters came in a signed request object.
    pub fn signature(self) -> Signature {
        match self {
            Self::Direct(signature) | Self::Pushed(signature) => signature,
        }
    }
}

/// Demands the way that client or tenant insist on.
///
/// # Errors
/// `invalid_request` for a request that came another way.
pub fn demand(tenant: &Tenant, client: &Client, way: Way) -> Result<(), Refused> {
    let rules = (&tenant.requests, &client.requests);
    if (rules.0.require_pushed || rules.1.require_pushed) && matches!(way, Way::Direct(_)) {
        let text = "push the request to the pushed_authorization_request_endpoint first";
        return Err(Refused::new(ErrorCode::InvalidRequest, Reason::NotPushed, text));
    }
    demand_signature(tenant, client, way.signature())
}

/// Demands a signed request object where client or tenant insist on one.
///
/// # Errors
/// `invalid_request` for plain parameters.
pub fn demand_signature(
    tenant: &Tenant,
    client: &Client,
    signature: Signature,
) -> Result<(), Refused> {
    let is_required = tenant.requests.require_signed || client.requests.require_signed;
    if is_required && signature == Signature::Absent {
        let text = "send the parameters in a signed request object, the parameter request";
        return Err(Refused::new(ErrorCode::InvalidRequest, Reason::NotSigned, text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{client, tenant};

    //= https://www.rfc-editor.org/rfc/rfc9126#section-5
    //= type=test
    //# Boolean parameter indicating whether the authorization server accepts
    //# authorization request data only via PAR.
    #[test]
    fn a_way_that_is_insisted_on_is_the_only_one() {
        use Signature::{Absent, Verified};
        let all = [
            Way::Direct(Absent),
            Way::Direct(Verified),
            Way::Pushed(Absent),
            Way::Pushed(Verified),
        ];
        let cases = [
            ((false, false), [None, None, None, None]),
            ((true, false), [Some(Reason::NotPushed), Some(Reason::NotPushed), None, None]),
            ((false, true), [Some(Reason::NotSigned), None, Some(Reason::NotSigned), None]),
            (
                (true, true),
                [Some(Reason::NotPushed), Some(Reason::NotPushed), Some(Reason::NotSigned), None],
            ),
        ];
        for ((pushed, signed), expected) in cases {
            let (mut by_tenant, mut by_client) = (tenant(), client());
            by_tenant.requests.require_pushed = pushed;
            by_tenant.requests.require_signed = signed;
            by_client.requests.require_pushed = pushed;
            by_client.requests.require_signed = signed;
            for (tenant, client) in [(&by_tenant, &client()), (&tenant(), &by_client)] {
                let verdicts = all.map(|way| demand(tenant, client, way).err().map(|no| no.reason));
                assert_eq!(verdicts, expected, "pushed {pushed}, signed {signed}");
            }
        }
    }
}
