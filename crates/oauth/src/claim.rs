//! Reads single claims strictly: absent, or of the type that its RFC gives it (RFC 7519 §4.1).

use serde_json::{Map, Value};

use crate::access_token::MalformedClaim;

/// A text; NUL is in none.
pub(crate) fn text(
    claims: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<String>, MalformedClaim> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.contains('\0') => Ok(Some(text.clone())),
        Some(_) => Err(MalformedClaim(name)),
    }
}

/// A text that must be there and hold something.
pub(crate) fn required_text(
    claims: &Map<String, Value>,
    name: &'static str,
) -> Result<String, MalformedClaim> {
    text(claims, name)?.filter(|text| !text.is_empty()).ok_or(MalformedClaim(name))
}

/// A list of texts; none when the claim is absent.
pub(crate) fn texts(
    claims: &Map<String, Value>,
    name: &'static str,
) -> Result<Vec<String>, MalformedClaim> {
    let broken = MalformedClaim(name);
    let Some(value) = claims.get(name) else { return Ok(Vec::new()) };
    let item = |item: &Value| item.as_str().filter(|text| !text.contains('\0')).map(str::to_owned);
    value.as_array().ok_or(broken)?.iter().map(|value| item(value).ok_or(broken)).collect()
}

/// The audiences: one text or a list of them (RFC 7519 §4.1.3); none when the claim is absent.
pub(crate) fn audiences(claims: &Map<String, Value>) -> Result<Vec<String>, MalformedClaim> {
    match claims.get("aud") {
        Some(Value::String(_)) => Ok(text(claims, "aud")?.into_iter().collect()),
        _ => texts(claims, "aud"),
    }
}

/// A `NumericDate` (RFC 7519 §2): not negative, within what a double holds exactly.
pub(crate) fn seconds(
    claims: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<i64>, MalformedClaim> {
    const MOST: i64 = 1 << 53;
    let Some(value) = claims.get(name) else { return Ok(None) };
    let whole = match (value.as_i64(), value.as_f64()) {
        (Some(whole), _) => whole,
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "bounded")]
        (None, Some(part)) if part >= 0.0 && part <= MOST as f64 => part.floor() as i64,
        _ => return Err(MalformedClaim(name)),
    };
    if (0..=MOST).contains(&whole) { Ok(Some(whole)) } else { Err(MalformedClaim(name)) }
}
