//! Token revocation (RFC 7009 §2.1).

use crate::Secret;
use crate::authorize::{invalid, once};
use crate::error::ErrorAnswer;
use crate::form::Form;

/// A revocation request; the hint is never needed to find a token here.
#[derive(Debug)]
pub struct Request {
    /// The token to revoke: an access token or a refresh token.
    pub token: Secret,
    /// The `resource` values as they were sent, beside a refresh token: to take these out of its grant
    /// and leave the rest. An extension of ours, in the words of RFC 8707.
    pub resource: Vec<String>,
}

impl Request {
    /// Reads a revocation request.
    ///
    /// # Errors
    /// When `token` is missing or a parameter is repeated.
    pub fn read(form: &Form) -> Result<Self, ErrorAnswer> {
        once(form, "token_type_hint")?;
        let token = once(form, "token")?.ok_or_else(|| invalid("token is missing"))?;
        let resource = form.all("resource").filter(|text| !text.is_empty()).map(str::to_owned);
        Ok(Self { token: Secret::new(token), resource: resource.collect() })
    }
}
