//! JSON-RPC messages, read so strictly that nobody reads them otherwise (JSON-RPC 2.0 §4, §6).
//!
//! Parsers differ in which of two members with one name they take, whether names of members are
//! told apart by case, and in what they make of text that is no JSON. None of that passes.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::TOOL_CALL;

/// A message that a client sends.
#[derive(Debug, PartialEq)]
pub(super) enum Message<'b> {
    /// A request or a notification.
    Call(Call<'b>),
    /// The answer to a request of the server's.
    Answer,
}

/// A request or a notification: what tells which scopes it needs.
#[derive(Debug, PartialEq)]
pub(super) struct Call<'b> {
    pub(super) method: Cow<'b, str>,
    name: Option<Cow<'b, str>>,
    uri: Option<Cow<'b, str>>,
}

/// What is wrong with a body.
#[derive(Debug, thiserror::Error)]
#[error("the body is no JSON-RPC message with one reading: {0}")]
pub(super) struct Malformed(String);

/// Reads the messages of a body: one, or those of a batch, which are one at least.
pub(super) fn parse(body: &[u8]) -> Result<Vec<Message<'_>>, Malformed> {
    let text = std::str::from_utf8(body).map_err(|_| Malformed("it is not UTF-8".to_owned()))?;
    let mut json = serde_json::Deserializer::from_str(text);
    let messages = json.deserialize_any(Body).and_then(|messages| json.end().map(|()| messages));
    messages.map_err(|error| Malformed(error.to_string()))
}

impl Call<'_> {
    /// What is called by name: a tool or a prompt; or a resource by its URI.
    pub(super) fn target(&self) -> Option<&str> {
        match kind(&self.method) {
            Some(Kind::Name) => self.name.as_deref(),
            Some(Kind::Uri) => self.uri.as_deref(),
            None => None,
        }
    }

    /// Whether this is the name that a header may give the call.
    pub(super) fn is_named(&self, name: &str) -> bool {
        match kind(&self.method) {
            Some(_) => self.target() == Some(name),
            None => {
                [&self.name, &self.uri].into_iter().flatten().next().is_some_and(|it| it == name)
            }
        }
    }
}

/// By what a method names its target.
#[derive(Clone, Copy)]
enum Kind {
    Name,
    Uri,
}

fn kind(method: &str) -> Option<Kind> {
    match method {
        TOOL_CALL | "prompts/get" => Some(Kind::Name),
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => Some(Kind::Uri),
        _ => None,
    }
}

struct Body;

impl<'de> Visitor<'de> for Body {
    type Value = Vec<Message<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message or a batch of them")
    }

    fn visit_map<M: MapAccess<'de>>(self, members: M) -> Result<Self::Value, M::Error> {
        Ok(vec![One.visit_map(members)?])
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut elements: S) -> Result<Self::Value, S::Error> {
        let mut messages = Vec::new();
        while let Some(message) = elements.next_element_seed(One)? {
            messages.push(message);
        }
        if messages.is_empty() {
            return Err(S::Error::custom("an empty batch"));
        }
        Ok(messages)
    }
}

struct One;

impl<'de> DeserializeSeed<'de> for One {
    type Value = Message<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for One {
    type Value = Message<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Self::Value, M::Error> {
        let mut names = Names::default();
        let (mut version, mut method, mut params) = (None, None, Params::default());
        let (mut has_id, mut outcomes) = (false, 0);
        while let Some(name) = members.next_key_seed(Text)? {
            match &*name {
                "jsonrpc" => version = Some(members.next_value_seed(Text)?),
                "method" => method = Some(members.next_value_seed(Text)?),
                "params" => params = members.next_value_seed(Params::default())?,
                "id" => {
                    if members.next_value_seed(Strict)? == Value::Other {
                        return Err(M::Error::custom("`id` is neither a text nor a number"));
                    }
                    has_id = true;
                }
                "result" | "error" => {
                    members.next_value_seed(Strict)?;
                    outcomes += 1;
                }
                other if resembles(other, &MEMBERS) => {
                    return Err(M::Error::custom("a member is spelled like one of JSON-RPC's"));
                }
                _ => drop(members.next_value_seed(Strict)?),
            }
            names.add(name);
        }
        names.distinct()?;
        if version.as_deref() != Some("2.0") {
            return Err(M::Error::custom("`jsonrpc` is not \"2.0\""));
        }
        match method {
            Some(_) if outcomes > 0 => Err(M::Error::custom("a call with a result in it")),
            Some(method) => params.call(method).map(Message::Call).map_err(M::Error::custom),
            None if has_id && outcomes == 1 => Ok(Message::Answer),
            None => Err(M::Error::custom("neither a call nor an answer")),
        }
    }
}

/// The members of a message that decide what it is.
const MEMBERS: [&str; 6] = ["jsonrpc", "method", "params", "id", "result", "error"];

/// The parameters of a call, as far as they tell which scopes it needs.
#[derive(Default)]
struct Params<'b> {
    name: Option<Cow<'b, str>>,
    uri: Option<Cow<'b, str>>,
    /// Whether a member is spelled like `name` or `uri`.
    is_ambiguous: bool,
}

impl<'b> Params<'b> {
    fn call(self, method: Cow<'b, str>) -> Result<Call<'b>, &'static str> {
        let Self { name, uri, is_ambiguous } = self;
        let call = Call { method, name, uri };
        if has_odd_characters(&call.method) {
            return Err("`method` has white space or control characters");
        }
        if kind(&call.method).is_none() {
            return Ok(call);
        }
        match call.target() {
            _ if is_ambiguous => Err("a parameter is spelled like `name` or `uri`"),
            None => Err("the call does not say by a text what it is for"),
            Some(target) if target.contains(char::is_control) => {
                Err("what the call is for has control characters in its name")
            }
            Some(_) => Ok(call),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Params<'de> {
    type Value = Self;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Params<'de> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("parameters by name")
    }

    // Some clients write `null` for none.
    fn visit_unit<E: Error>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_map<M: MapAccess<'de>>(mut self, mut members: M) -> Result<Self, M::Error> {
        let mut names = Names::default();
        while let Some(name) = members.next_key_seed(Text)? {
            match &*name {
                "name" => self.name = members.next_value_seed(Strict)?.text(),
                "uri" => self.uri = members.next_value_seed(Strict)?.text(),
                other => {
                    self.is_ambiguous |= resembles(other, &["name", "uri"]);
                    members.next_value_seed(Strict)?;
                }
            }
            names.add(name);
        }
        names.distinct()?;
        Ok(self)
    }
}

/// The names of an object's members.
#[derive(Default)]
struct Names<'b>(Vec<Cow<'b, str>>);

impl<'b> Names<'b> {
    fn add(&mut self, name: Cow<'b, str>) {
        self.0.push(name);
    }

    /// Refuses two of one name.
    fn distinct<E: Error>(mut self) -> Result<(), E> {
        self.0.sort_unstable();
        if self.0.array_windows().any(|[a, b]| a == b) {
            return Err(E::custom("two members have one name"));
        }
        Ok(())
    }
}

/// Whether a name differs from one of these only in case: parsers there are that do not mind.
fn resembles(name: &str, known: &[&str]) -> bool {
    known.iter().any(|known| *known != name && folded(known) == folded(name))
}

/// A text without what tells capitals from small letters, and without white space around it.
pub(crate) fn folded(text: &str) -> String {
    text.trim().chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

fn has_odd_characters(text: &str) -> bool {
    text.is_empty() || text.contains(|c: char| c.is_control() || c.is_whitespace())
}

/// A text.
struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// A value, as far as something depends on it.
#[derive(PartialEq)]
enum Value<'b> {
    Text(Cow<'b, str>),
    Number,
    Null,
    Other,
}

impl<'b> Value<'b> {
    fn text(self) -> Option<Cow<'b, str>> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number | Self::Null | Self::Other => None,
        }
    }
}

/// Any value; no two members of an object in it have one name.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Value::Number)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Value::Number)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Value::Number)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Value::Other)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut elements: S) -> Result<Self::Value, S::Error> {
        while elements.next_element_seed(Self)?.is_some() {}
        Ok(Value::Other)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Self::Value, M::Error> {
        let mut names = Names::default();
        while let Some(name) = members.next_key_seed(Text)? {
            members.next_value_seed(Self)?;
            names.add(name);
        }
        names.distinct()?;
        Ok(Value::Other)
    }
}
