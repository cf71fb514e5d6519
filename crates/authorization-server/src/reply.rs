//! Sends an authorization response: by redirect, or by a form that the browser posts
//! (OAuth 2.0 Multiple Response Types §2.1, OAuth 2.0 Form Post Response Mode §2, JARM §2.3).

use bailiwick_grant::flow::authorization_response::{AuthorizationResponse, Content};
use bailiwick_oauth::response_mode::Carrier;

use crate::answer::see_other;
use crate::app::{Answered, App};
use crate::{page, signer};

/// The `typ` of a signed response; JARM names none of its own.
const TYPE: &str = "JWT";

/// Sends the browser back to the client with the answer.
pub(crate) async fn send(app: &App, response: AuthorizationResponse) -> Answered {
    let AuthorizationResponse { redirect_uri, mode, content } = response;
    let parameters = match content {
        Content::Plain(parameters) => parameters,
        Content::Signed { claims, algorithm } => {
            vec![("response", signer::signed(app, algorithm, TYPE, &claims).await?)]
        }
    };
    let parameters: Vec<(&str, &str)> =
        parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
    match mode.carrier() {
        Carrier::Query => Ok(see_other(&redirect_uri.with_query(&parameters))),
        Carrier::Fragment => Ok(see_other(&redirect_uri.with_fragment(&parameters))),
        Carrier::Form => page::form_post(app, &redirect_uri, &parameters),
    }
}
