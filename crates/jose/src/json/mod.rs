//! Strict JSON (RFC 8259, RFC 7493): each text has one meaning, or none.
//!
//! A duplicate member is where two readers of one token may disagree; so it is refused at any
//! depth, in the same pass that builds the value.

mod object;
mod scan;

use std::{cell::Cell, fmt};

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value, map::Entry};

pub use object::Object;

/// Objects and arrays may be nested this deep.
pub const DEEPEST: usize = 64;

/// Parses one JSON text.
///
/// # Errors
///
/// Beyond broken JSON: duplicate members at any depth and however they are escaped (RFC 7493
/// §2.3), surrogates without their other half (§2.1), anything after the text, nesting deeper than
/// [`DEEPEST`], and numbers too large for a double (§2.2).
pub fn parse(bytes: &[u8]) -> Result<Value, Malformed> {
    let fault = Cell::new(Malformed::Syntax);
    let mut text = serde_json::Deserializer::from_slice(bytes);
    let value =
        Strict { room: DEEPEST, fault: &fault }.deserialize(&mut text).map_err(|_| fault.get())?;
    text.end().map_err(|_| Malformed::Trailing)?;
    Ok(value)
}

/// Parses one JSON object, as [`parse`] does.
///
/// # Errors
///
/// As for [`parse`], and any other kind of value.
pub fn parse_object(bytes: &[u8]) -> Result<Map<String, Value>, Malformed> {
    match parse(bytes)? {
        Value::Object(members) => Ok(members),
        _ => Err(Malformed::NotObject),
    }
}

/// Why a text is not acceptable JSON; never with a piece of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It is not JSON, or has a lone surrogate or a number beyond all bounds.
    #[error("not well-formed JSON")]
    Syntax,
    /// An object names a member twice.
    #[error("a member occurs twice in one JSON object")]
    Duplicate,
    /// It is nested deeper than [`DEEPEST`].
    #[error("JSON nested deeper than {DEEPEST} levels")]
    TooDeep,
    /// It is longer than 4 GiB.
    #[error("JSON longer than 4 GiB")]
    TooLong,
    /// Something follows the value.
    #[error("data after the end of the JSON text")]
    Trailing,
    /// It is JSON, but no object.
    #[error("not a JSON object")]
    NotObject,
}

/// Builds a value; `fault` carries the reason past serde's own error, which is a string.
#[derive(Clone, Copy)]
struct Strict<'a> {
    room: usize,
    fault: &'a Cell<Malformed>,
}

impl Strict<'_> {
    fn fail<T, E: Error>(self, why: Malformed) -> Result<T, E> {
        self.fault.set(why);
        Err(E::custom(why))
    }

    fn deeper<E: Error>(self) -> Result<Self, E> {
        match self.room.checked_sub(1) {
            Some(room) => Ok(Self { room, ..self }),
            None => self.fail(Malformed::TooDeep),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, text: D) -> Result<Value, D::Error> {
        text.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        match Number::from_f64(value) {
            Some(number) => Ok(Value::Number(number)),
            None => self.fail(Malformed::Syntax),
        }
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inside = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inside = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            match object.entry(name) {
                Entry::Vacant(place) => place.insert(members.next_value_seed(inside)?),
                Entry::Occupied(_) => return self.fail(Malformed::Duplicate),
            };
        }
        Ok(Value::Object(object))
    }
}
