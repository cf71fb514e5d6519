//! A strict JSON object whose members are read when they are asked for (RFC 8259 §4, RFC 7493).

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

use serde_json::{Map, Value};

use super::scan::{self, Mark, Marks, Member};
use super::{Malformed, parse_object};

/// An object that was checked as [`parse_object`] checks it, but of which nothing is built before
/// somebody asks: a token has many claims and most of them concern nobody.
///
/// Shows no value in `Debug`.
pub struct Object {
    text: String,
    members: Vec<Member>,
    marks: Marks,
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
            Ok((members, marks)) => Ok(Self { text, members, marks, tree: OnceLock::new() }),
            // Says what is wrong in the words of the other reader; it never likes more.
            Err(fault) => Err(parse_object(text.as_bytes()).err().unwrap_or(fault)),
        }
    }

    /// Whether there is a member of this name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.member(name).is_some()
    }

    /// A member as text of its own; `None` when it is absent or no string.
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.text_of(self.member(name)?)
    }

    /// A member that is a whole number, written without fraction and exponent; `None` when it is
    /// anything else, or absent.
    pub fn integer(&self, name: &str) -> Option<i64> {
        // INVARIANT: what was scanned has no form that only Rust reads, such as `+1`.
        self.raw(self.member(name)?).parse().ok()
    }

    /// A member that must be text if it is there.
    ///
    /// # Errors
    /// [`NotText`] when it is anything else.
    pub(crate) fn optional_text(&self, name: &str) -> Result<Option<String>, NotText> {
        let Some(member) = self.member(name) else { return Ok(None) };
        self.text_of(member).map(|text| Some(text.into_owned())).ok_or(NotText)
    }

    /// A member, built for the caller.
    pub fn value(&self, name: &str) -> Option<Value> {
        serde_json::from_str(self.raw(self.member(name)?)).ok()
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

    fn member(&self, name: &str) -> Option<&Member> {
        let mark = Mark::of(name.as_bytes());
        if !self.marks.may_hold(mark) {
            return None; // as most names that are asked for
        }
        self.members.iter().find(|member| member.is_called(name, mark, &self.text))
    }

    /// A member's value, as it is written.
    fn raw(&self, member: &Member) -> &str {
        member.value.of(&self.text)
    }

    fn text_of(&self, member: &Member) -> Option<Cow<'_, str>> {
        let inside = self.raw(member).strip_prefix('"')?.strip_suffix('"')?;
        Some(if member.is_escaped { scan::unescaped(inside) } else { Cow::Borrowed(inside) })
    }
}

/// A member is there and no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotText;

impl From<Map<String, Value>> for Object {
    fn from(members: Map<String, Value>) -> Self {
        let text = Value::Object(members).to_string();
        // INVARIANT: a map has no name twice, and what is written is JSON.
        let (members, marks) = scan::members(&text).unwrap_or_default();
        Self { text, members, marks, tree: OnceLock::new() }
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
        f.debug_list().entries(self.members.iter().map(|member| member.name(&self.text))).finish()
    }
}
