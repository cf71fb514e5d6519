//! A strict JSON object whose members are read when they are asked for (RFC 8259 §4, RFC 7493).

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

use serde_json::{Map, Value};

use super::scan::{self, Member};
use super::{Malformed, parse_object};

/// An object that was checked as [`parse_object`] checks it, but of which nothing is built before
/// somebody asks: a token has many claims and most of them concern nobody.
///
/// Shows no value in `Debug`.
pub struct Object {
    text: String,
    members: Vec<Member>,
    tree: OnceLock<Map<String, Value>>,
}

impl Object {
    /// Checks one JSON object, by the very rules of [`parse_object`].
    ///
    /// # Errors
    /// As there.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, Malformed> {
        let text = String::from_utf8(bytes).map_err(|_| Malformed::Syntax)?;
        match scan::members(&text) {
            Ok(members) => Ok(Self { text, members, tree: OnceLock::new() }),
            // Says what is wrong in the words of the other reader; it never likes more.
            Err(fault) => Err(parse_object(text.as_bytes()).err().unwrap_or(fault)),
        }
    }

    /// Whether there is a member of this name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// A member as text of its own; `None` when it is absent or no string.
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        let inside = self.raw(name)?.strip_prefix('"')?.strip_suffix('"')?;
        Some(scan::unescaped(inside))
    }

    /// A member that must be text if it is there.
    ///
    /// # Errors
    /// [`NotText`] when it is anything else.
    pub(crate) fn optional_text(&self, name: &str) -> Result<Option<String>, NotText> {
        match self.text(name) {
            Some(text) => Ok(Some(text.into_owned())),
            None if self.contains_key(name) => Err(NotText),
            None => Ok(None),
        }
    }

    /// A member, built for the caller.
    pub fn value(&self, name: &str) -> Option<Value> {
        serde_json::from_str(self.raw(name)?).ok()
    }

    /// A member, in the tree of them all, which is built the first time that one is there.
    pub fn get(&self, name: &str) -> Option<&Value> {
        // Should the tree ever lack what was scanned, the member is still not absent.
        self.contains_key(name).then(|| self.tree().get(name).unwrap_or(&Value::Null))
    }

    /// All members, built the first time somebody asks.
    pub fn tree(&self) -> &Map<String, Value> {
        // INVARIANT: what was scanned is what the other reader reads.
        self.tree.get_or_init(|| parse_object(self.text.as_bytes()).unwrap_or_default())
    }

    fn raw(&self, name: &str) -> Option<&str> {
        let mark = scan::mark(name.as_bytes());
        let is_it = |member: &&Member| {
            let may_be = member.name.mark.is_none_or(|known| known == mark);
            may_be && member.name.read(&self.text) == name
        };
        self.members.iter().find(is_it).map(|member| &self.text[member.value.clone()])
    }
}

/// A member is there and no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotText;

impl From<Map<String, Value>> for Object {
    fn from(members: Map<String, Value>) -> Self {
        let text = Value::Object(members).to_string();
        // INVARIANT: a map has no name twice, and what is written is JSON.
        let found = scan::members(&text).unwrap_or_default();
        Self { text, members: found, tree: OnceLock::new() }
    }
}

impl Clone for Object {
    fn clone(&self) -> Self {
        self.tree().clone().into()
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.tree() == other.tree()
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.members.iter().map(|member| &self.text[member.name.place.clone()]))
            .finish()
    }
}
