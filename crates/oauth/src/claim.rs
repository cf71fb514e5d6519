//! Reads single claims strictly: absent, or of the type that its RFC gives it (RFC 7519 §4.1).

use std::borrow::Cow;

use bailiwick_jose::json::Object;
use serde_json::{Map, Value};

use crate::access_token::MalformedClaim;

/// Claims, however they are held.
pub trait Claims {
    /// Whether there is a claim of this name.
    fn has(&self, name: &str) -> bool;
    /// A claim that is a string; `None` when it is absent or anything else.
    fn text(&self, name: &str) -> Option<Cow<'_, str>>;
    /// A claim that is a whole number, written as one; `None` when it is absent or anything else.
    fn integer(&self, name: &str) -> Option<i64>;
    /// A claim.
    fn value(&self, name: &str) -> Option<Cow<'_, Value>>;
}

impl Claims for Map<String, Value> {
    fn has(&self, name: &str) -> bool {
        self.contains_key(name)
    }

    fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get(name)?.as_str().map(Cow::Borrowed)
    }

    fn integer(&self, name: &str) -> Option<i64> {
        self.get(name)?.as_i64()
    }

    fn value(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.get(name).map(Cow::Borrowed)
    }
}

impl Claims for Object {
    fn has(&self, name: &str) -> bool {
        self.contains_key(name)
    }

    fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.text(name)
    }

    fn integer(&self, name: &str) -> Option<i64> {
        self.integer(name)
    }

    fn value(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.value(name).map(Cow::Owned)
    }
}

/// A text of one's own; NUL is in none.
pub(crate) fn text(
    claims: &impl Claims,
    name: &'static str,
) -> Result<Option<String>, MalformedClaim> {
    Ok(borrowed_text(claims, name)?.map(Cow::into_owned))
}

/// A text where it stands; NUL is in none.
pub(crate) fn borrowed_text<'c>(
    claims: &'c impl Claims,
    name: &'static str,
) -> Result<Option<Cow<'c, str>>, MalformedClaim> {
    match claims.text(name) {
        Some(text) if !text.as_bytes().contains(&0) => Ok(Some(text)),
        None if !claims.has(name) => Ok(None),
        _ => Err(MalformedClaim(name)),
    }
}

/// A text that must be there and hold something.
pub(crate) fn required_text(
    claims: &impl Claims,
    name: &'static str,
) -> Result<String, MalformedClaim> {
    text(claims, name)?.filter(|text| !text.is_empty()).ok_or(MalformedClaim(name))
}

/// A list of texts; none when the claim is absent.
pub(crate) fn texts(
    claims: &impl Claims,
    name: &'static str,
) -> Result<Vec<String>, MalformedClaim> {
    let broken = MalformedClaim(name);
    let Some(value) = claims.value(name) else { return Ok(Vec::new()) };
    let item = |item: &Value| item.as_str().filter(|text| !text.contains('\0')).map(str::to_owned);
    value.as_array().ok_or(broken)?.iter().map(|value| item(value).ok_or(broken)).collect()
}

/// The audiences: one text or a list of them (RFC 7519 §4.1.3); none when the claim is absent.
pub(crate) fn audiences(claims: &impl Claims) -> Result<Vec<String>, MalformedClaim> {
    match claims.text("aud") {
        Some(_) => Ok(text(claims, "aud")?.into_iter().collect()),
        None => texts(claims, "aud"),
    }
}

/// A `NumericDate` (RFC 7519 §2): not negative, within what a double holds exactly.
pub(crate) fn seconds(
    claims: &impl Claims,
    name: &'static str,
) -> Result<Option<i64>, MalformedClaim> {
    const MOST: i64 = 1 << 53;
    let whole = match claims.integer(name) {
        Some(whole) => whole,
        None => match claims.value(name).map(|value| value.as_f64()) {
            None => return Ok(None),
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                reason = "bounded"
            )]
            Some(Some(part)) if part >= 0.0 && part <= MOST as f64 => part.floor() as i64,
            Some(_) => return Err(MalformedClaim(name)),
        },
    };
    if (0..=MOST).contains(&whole) { Ok(Some(whole)) } else { Err(MalformedClaim(name)) }
}
