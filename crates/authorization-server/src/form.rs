//! The parameters of a request, out of its body or its query (RFC 6749 §3.1, §3.2).

use axum::body::Body;
use axum::extract::Request;
use bailiwick_oauth::Form;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::answer::Failure;

/// The longest body that is read, in octets.
pub(crate) const LONGEST: usize = 64 * 1024;

/// The parameters that are read from a body somewhere.
const OURS: &[&str] = &[
    // authorization, RFC 6749 §4.1.1
    "response_type",
    "response_mode",
    "redirect_uri",
    "scope",
    "resource",
    "audience",
    "authorization_details",
    "state",
    "nonce",
    "prompt",
    "max_age",
    "login_hint",
    "id_token_hint",
    "acr_values",
    "claims",
    "code_challenge",
    "code_challenge_method",
    "dpop_jkt",
    "request",
    "request_uri",
    // token, introspection and revocation
    "grant_type",
    "code",
    "code_verifier",
    "refresh_token",
    "device_code",
    "assertion",
    "subject_token",
    "subject_token_type",
    "actor_token",
    "actor_token_type",
    "requested_token_type",
    "token",
    "token_type_hint",
    "access_token",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    // logout
    "post_logout_redirect_uri",
    // our pages
    "interaction",
    "username",
    "password",
    "decision",
    "account",
    "permission",
    "user_code",
];

/// Reads a form that was posted, and only there.
///
/// # Errors
/// When a parameter of ours stands in the query (credentials and tokens do not belong into an
/// address, RFC 6749 §2.3.1), the content type is another one, or the body is too long or no form.
pub(crate) async fn posted(request: Request) -> Result<Form, Failure> {
    let query = queried(&request)?;
    // An endpoint's address may have a query of its own, say `api-version` (RFC 6749 §3.1, §3.2).
    if OURS.iter().any(|name| query.names(name)) {
        return Err(Failure::malformed("send the parameters in the body, not in the query"));
    }
    if !is_form(request.headers()) {
        let text = "the content type must be application/x-www-form-urlencoded";
        return Err(Failure::Http(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
    }
    Ok(Form::parse_bytes(&body(request.into_body()).await?)?)
}

/// Reads the parameters of the query.
///
/// # Errors
/// When the query is too long or no form.
pub(crate) fn queried(request: &Request) -> Result<Form, Failure> {
    let query = request.uri().query().unwrap_or_default();
    if query.len() > LONGEST {
        return Err(Failure::Http(StatusCode::URI_TOO_LONG, "the query is too long"));
    }
    Ok(Form::parse(query)?)
}

/// The one `Authorization` header, if there is one.
///
/// # Errors
/// When there are several, or it is not text.
pub(crate) fn authorization(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(one), None) => match one.to_str() {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(_) => Err(Failure::malformed("the Authorization header is not ASCII")),
        },
        _ => Err(Failure::malformed("there is more than one Authorization header")),
    }
}

/// Whether a body is said to be a form.
pub(crate) fn is_form(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(one), None) = (types.next(), types.next()) else { return false };
    one.to_str().is_ok_and(|text| {
        let essence = text.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
    })
}

/// Reads a body, as far as one is taken.
pub(crate) async fn body(body: Body) -> Result<Vec<u8>, Failure> {
    match Limited::new(body, LONGEST).collect().await {
        Ok(collected) => Ok(collected.to_bytes().into()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Failure::Http(StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than 64 KiB"))
        }
        Err(_) => Err(Failure::malformed("the body broke off")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sent(query: &str) -> Result<Form, Failure> {
        let request = Request::post(format!("/token{query}"))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from("code=c"))
            .unwrap();
        posted(request).await
    }

    //= https://www.rfc-editor.org/rfc/rfc6749#section-3.2
    //= type=test
    //# The
    //# authorization server MUST ignore unrecognized request parameters.
    #[tokio::test]
    async fn an_unknown_parameter_in_the_query_is_ignored() {
        for query in ["", "?", "?api-version=1.0", "?a=b&a=c", "?Code=x"] {
            let form = sent(query).await.unwrap_or_else(|_| panic!("{query} is refused"));
            assert_eq!(form.one("code"), Ok(Some("c")));
            assert!(!form.names("a") && !form.names("api-version"), "the body alone counts");
        }
    }

    #[tokio::test]
    async fn a_parameter_of_ours_in_the_query_is_refused() {
        for name in OURS {
            for query in [format!("?{name}=x"), format!("?api-version=1.0&{name}")] {
                assert!(matches!(sent(&query).await, Err(Failure::Malformed(_))), "{query}");
            }
        }
        assert!(sent("?client%5Fsecret=x").await.is_err(), "however it is spelt");
        assert!(sent("?a=%ff").await.is_err());
    }
}
