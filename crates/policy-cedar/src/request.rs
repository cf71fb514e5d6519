//! A question of `guard` as a request of Cedar, in the words of the built-in schema.

use bailiwick_guard::policy::{Denied, Question};
use bailiwick_oauth::Scope;
use cedar_policy::{Context, EntityUid, Request, RestrictedExpression};

use crate::schema::{RESOURCE, SUBJECT, Schema, uid};

/// Writes a question in the words of the schema.
///
/// # Errors
/// When a claim is not as the schema declares it.
pub(crate) fn request(
    question: &Question<'_>,
    action: EntityUid,
    schema: &Schema,
) -> Result<Request, Denied> {
    let permit = question.permit;
    // An issuer has no fragment (RFC 8414 §2), so the first `#` parts the two.
    let subject = format!("{}#{}", permit.issuer(), permit.subject());
    let context = Context::from_pairs(context(question, schema)?).map_err(|_| unfit())?;
    Request::new(
        uid(&SUBJECT, &subject),
        action,
        uid(&RESOURCE, permit.resource().as_str()),
        context,
        Some(schema.cedar()),
    )
    .map_err(|_| unfit())
}

/// The attributes of `Bailiwick::Request`.
fn context(
    question: &Question<'_>,
    schema: &Schema,
) -> Result<Vec<(String, RestrictedExpression)>, Denied> {
    let Question { permit, method, path, now } = *question;
    let token = permit.token();
    let claims = schema
        .claims()
        .read(token.claims.tree())
        .map_err(|unfit| Denied { why: unfit.to_string() })?;
    let mut context = vec![
        ("method", text(method.as_str())),
        ("path", text(path)),
        ("now", RestrictedExpression::new_long(now)),
        ("issuer", text(permit.issuer().as_str())),
        ("subject", text(permit.subject().as_str())),
        ("scopes", texts(permit.scopes().iter().map(Scope::as_str))),
        ("roles", texts(permit.roles().iter().map(String::as_str))),
        ("expires", RestrictedExpression::new_long(permit.expires())),
        ("bound", RestrictedExpression::new_bool(permit.confirmation().is_some())),
        ("amr", texts(token.amr.iter().map(String::as_str))),
        ("claims", claims),
    ];
    context.extend(permit.client_id().map(|id| ("client_id", text(id.as_str()))));
    context.extend(token.acr().as_deref().map(|acr| ("acr", text(acr))));
    context.extend(token.auth_time.map(|at| ("auth_time", RestrictedExpression::new_long(at))));
    Ok(context.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

fn texts<'t>(values: impl Iterator<Item = &'t str>) -> RestrictedExpression {
    RestrictedExpression::new_set(values.map(text))
}

/// Cedar's own words could hold a claim's value.
fn unfit() -> Denied {
    Denied { why: "the request is not as the policies' schema declares requests".to_owned() }
}
