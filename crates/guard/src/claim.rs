//! A claim: where it stands in a token, and what a route wants it to be (RFC 7519 §4).

use std::borrow::Cow;
use std::fmt;

use bailiwick_oauth::claim::Claims;
use serde_json::Value;

/// Where a claim stands: a member's name, or a JSON pointer to one further in (RFC 6901).
///
/// ```
/// use bailiwick_guard::ClaimPath;
///
/// let roles = ClaimPath::parse("/realm_access/roles");
/// let claims = serde_json::json!({ "realm_access": { "roles": ["admin"] } });
/// let found = roles.find(claims.as_object().unwrap());
/// assert_eq!(found.as_deref(), Some(&serde_json::json!(["admin"])));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimPath {
    text: String,
    /// INVARIANT: never empty.
    segments: Vec<String>,
}

impl ClaimPath {
    /// Reads a path: with a slash in front it is a JSON pointer, else the name of one member,
    /// whatever characters it holds (`https://example.com/roles`, `cognito:groups`).
    pub fn parse(text: &str) -> Self {
        let Some(pointer) = text.strip_prefix('/') else { return Self::member(text) };
        let segment = |part: &str| part.replace("~1", "/").replace("~0", "~");
        Self { text: text.to_owned(), segments: pointer.split('/').map(segment).collect() }
    }

    /// The path of one member, by its name.
    pub fn member(name: &str) -> Self {
        Self { text: name.to_owned(), segments: vec![name.to_owned()] }
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text there, if there is one.
    pub(crate) fn text<'c>(&self, claims: &'c impl Claims) -> Option<Cow<'c, str>> {
        match self.segments.as_slice() {
            [member] => claims.text(member), // without building a value
            _ => match self.find(claims)? {
                Cow::Borrowed(Value::String(text)) => Some(Cow::Borrowed(text)),
                Cow::Owned(Value::String(text)) => Some(Cow::Owned(text)),
                _ => None,
            },
        }
    }

    /// The value there, if there is one. Members of objects only: no path leads into a list.
    pub fn find<'c>(&self, claims: &'c impl Claims) -> Option<Cow<'c, Value>> {
        let (first, rest) = self.segments.split_first()?;
        let value = claims.value(first)?;
        if rest.is_empty() {
            return Some(value);
        }
        fn inside<'v>(value: &'v Value, name: &String) -> Option<&'v Value> {
            value.as_object()?.get(name)
        }
        let found = match value {
            Cow::Borrowed(value) => Cow::Borrowed(rest.iter().try_fold(value, inside)?),
            Cow::Owned(value) => Cow::Owned(rest.iter().try_fold(&value, inside)?.clone()),
        };
        Some(found)
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What a route wants a claim to be.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimRule {
    /// Which claim.
    pub claim: ClaimPath,
    /// What it must be.
    pub test: ClaimTest,
}

/// What a claim must be; an absent claim is nothing of it.
#[derive(Debug, Clone, PartialEq)]
pub enum ClaimTest {
    /// There, and not `null`, `false` or empty.
    Present,
    /// One of these values; exactly, with its type.
    OneOf(Vec<Value>),
    /// A list that holds this value, or a string of names with spaces between that holds it.
    Contains(Value),
}

impl ClaimRule {
    /// Decides whether the claims are as they must be.
    pub fn is_met_by(&self, claims: &impl Claims) -> bool {
        let Some(value) = self.claim.find(claims) else { return false };
        match &self.test {
            ClaimTest::Present => match &*value {
                Value::Null | Value::Bool(false) => false,
                Value::String(text) => !text.is_empty(),
                Value::Array(list) => !list.is_empty(),
                Value::Object(members) => !members.is_empty(),
                Value::Bool(true) | Value::Number(_) => true,
            },
            ClaimTest::OneOf(values) => values.contains(&value),
            ClaimTest::Contains(wanted) => match (&*value, wanted) {
                (Value::Array(list), _) => list.contains(wanted),
                (Value::String(names), Value::String(name)) => {
                    names.split(' ').any(|one| one == name)
                }
                _ => false,
            },
        }
    }
}
