//! Where users may be sent back (RFC 6749 §3.1.2.3, RFC 8252 §7.3, RFC 9700 §2.1).

use bailiwick_oauth::{ErrorCode, RedirectUri};

use crate::state::Client;
use crate::{Reason, Refused};

/// Matches the redirect URI of a request with the registered ones: exactly, but for the port of
/// loopback URIs. A request without one gets the sole registered one.
///
/// # Errors
/// `invalid_request`; to be shown to the user, never redirected.
pub fn matched(client: &Client, sent: Option<&RedirectUri>) -> Result<RedirectUri, Refused> {
    let Some(sent) = sent else {
        return match client.redirect_uris.as_slice() {
            [sole] => Ok(sole.clone()),
            _ => Err(refused("redirect_uri is missing and the client has not exactly one")),
        };
    };
    let is_registered = client.redirect_uris.iter().any(|registered| same(registered, sent));
    if is_registered {
        Ok(sent.clone())
    } else {
        Err(refused(format!("redirect_uri '{sent}' is not registered for this client")))
    }
}

fn same(registered: &RedirectUri, sent: &RedirectUri) -> bool {
    if registered == sent {
        return true;
    }
    match (registered.without_loopback_port(), sent.without_loopback_port()) {
        (Some(registered), Some(sent)) => registered == sent,
        _ => false,
    }
}

fn refused(text: impl Into<String>) -> Refused {
    Refused::new(ErrorCode::InvalidRequest, Reason::RedirectUri, text)
}

#[cfg(test)]
mod tests {
    use bailiwick_oauth::ClientId;

    use super::*;
    use crate::state::Authentication;

    fn verdict(registered: &[&str], sent: Option<&str>) -> Option<String> {
        let id = ClientId::parse("shop").unwrap();
        let mut client = Client::new(id, "Shop", Authentication::None);
        client.redirect_uris =
            registered.iter().map(|uri| RedirectUri::parse(uri).unwrap()).collect();
        let sent = sent.map(|uri| RedirectUri::parse(uri).unwrap());
        matched(&client, sent.as_ref()).ok().map(|uri| uri.as_str().to_owned())
    }

    //= https://www.rfc-editor.org/rfc/rfc8252#section-7.3
    //= type=test
    //# The authorization server MUST allow any port to be specified at the
    //# time of the request for loopback IP redirect URIs, to accommodate
    //# clients that obtain an available ephemeral port from the operating
    //# system at the time of the request.
    #[test]
    fn only_a_loopback_port_may_differ() {
        let web = ["https://app.example/cb"];
        let native = ["http://127.0.0.1/cb", "http://[::1]:1/cb", "http://localhost/cb"];
        let cases: [(&[&str], &str, bool); 12] = [
            (&web, "https://app.example/cb", true),
            (&web, "https://app.example/cb/", false),
            (&web, "https://app.example/CB", false),
            (&web, "https://app.example:444/cb", false),
            (&web, "https://app.example/cb?x=1", false),
            (&web, "https://app.example.evil.example/cb", false),
            (&native, "http://127.0.0.1:50123/cb", true),
            (&native, "http://[::1]:50123/cb", true),
            (&native, "http://localhost:50123/cb", true),
            (&native, "http://127.0.0.1:50123/other", false),
            (&native, "http://127.0.0.2:50123/cb", false),
            (&native, "https://127.0.0.1:50123/cb", false),
        ];
        for (registered, sent, allowed) in cases {
            assert_eq!(verdict(registered, Some(sent)).is_some(), allowed, "{sent}");
        }
    }

    #[test]
    fn a_request_without_one_gets_the_sole_registered_one() {
        assert_eq!(verdict(&["https://a/cb"], None).as_deref(), Some("https://a/cb"));
        assert_eq!(verdict(&["https://a/cb", "https://b/cb"], None), None);
        assert_eq!(verdict(&[], None), None);
    }
}
