//! Scopes: names of permissions, in sets (RFC 6749 §3.3).

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest scope name that is taken, in octets: an identifier and a name behind it.
pub const LONGEST: usize = 768;

/// The OpenID Connect scopes, which belong to no resource server (OpenID Connect Core §5.4, §11).
pub const OPENID_CONNECT: [&str; 6] =
    ["openid", "profile", "email", "address", "phone", "offline_access"];

/// The most names that one `scope` parameter may hold.
pub const MOST: usize = 256;

/// One scope name: a `scope-token` (RFC 6749 §3.3).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Scope(Arc<str>);

/// What makes a text no scope name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "scopes are at most {MOST} names of 1 to {LONGEST} printable ASCII characters without space, '\"' and '\\'"
)]
pub struct MalformedScope;

impl Scope {
    /// Parses one scope name.
    ///
    /// # Errors
    /// When it is empty, too long, or holds a character that RFC 6749 §3.3 excludes.
    pub fn parse(text: &str) -> Result<Self, MalformedScope> {
        let well_formed = !text.is_empty()
            && text.len() <= LONGEST
            && text.bytes().all(|c| matches!(c, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
        if well_formed { Ok(Self(text.into())) } else { Err(MalformedScope) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({})", self.0)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A set of scope names that keeps the order in which they came.
///
/// Equality is of sets: order does not count. Serialised as one space-separated string.
#[derive(Clone, Default)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// The empty set.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Parses a `scope` parameter: names separated by single or several spaces, duplicates collapsed.
    ///
    /// # Errors
    /// When one of the names is malformed, or there are more than [`MOST`].
    pub fn parse(text: &str) -> Result<Self, MalformedScope> {
        // Before duplicates are looked for: that costs the square of the number.
        if text.split(' ').filter(|name| !name.is_empty()).count() > MOST {
            return Err(MalformedScope);
        }
        text.split(' ').filter(|name| !name.is_empty()).map(Scope::parse).collect()
    }

    /// Adds a name; `false` when it was there.
    pub fn insert(&mut self, scope: Scope) -> bool {
        let is_new = !self.contains(&scope);
        if is_new {
            self.0.push(scope);
        }
        is_new
    }

    /// Whether the name is in the set.
    pub fn contains(&self, scope: &Scope) -> bool {
        self.0.contains(scope)
    }

    /// Whether a name with this spelling is in the set.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|scope| scope.as_str() == name)
    }

    /// Whether every name of `other` is in this set.
    pub fn is_superset(&self, other: &Self) -> bool {
        other.0.iter().all(|scope| self.contains(scope))
    }

    /// Keeps the names for which `keep` says so.
    pub fn retain(&mut self, keep: impl FnMut(&Scope) -> bool) {
        self.0.retain(keep);
    }

    /// The names in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, Scope> {
        self.0.iter()
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl PartialEq for Scopes {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.is_superset(other)
    }
}

impl Eq for Scopes {}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let mut set = Self::new();
        set.extend(scopes);
        set
    }
}

impl Extend<Scope> for Scopes {
    fn extend<I: IntoIterator<Item = Scope>>(&mut self, scopes: I) {
        for scope in scopes {
            self.insert(scope);
        }
    }
}

impl IntoIterator for Scopes {
    type Item = Scope;
    type IntoIter = std::vec::IntoIter<Scope>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Scopes {
    type Item = &'a Scope;
    type IntoIter = std::slice::Iter<'a, Scope>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, scope) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scopes({self})")
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_order_and_collapse() {
        let scopes = Scopes::parse("read  write read").unwrap();
        assert_eq!(scopes.to_string(), "read write");
        assert_eq!(scopes, Scopes::parse("write read").unwrap());
        assert_ne!(scopes, Scopes::parse("write").unwrap());
    }

    #[test]
    fn more_names_than_are_taken_are_refused() {
        let names =
            |count: usize| (0..count).map(|n| format!("s{n}")).collect::<Vec<_>>().join(" ");
        assert_eq!(Scopes::parse(&names(MOST)).unwrap().len(), MOST);
        assert_eq!(Scopes::parse(&names(MOST + 1)), Err(MalformedScope));
    }

    //= https://www.rfc-editor.org/rfc/rfc6749#section-3.3
    //= type=test
    //# scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
    #[test]
    fn a_name_outside_the_grammar_is_refused() {
        for bad in ["", "a b", "a\"", "a\\", "a\n", "é", "a\u{7f}", "a\0"] {
            assert_eq!(Scope::parse(bad), Err(MalformedScope), "{bad:?}");
        }
        for good in ["read:orders", "orders:read", "https://api.example.com/orders:read", "!"] {
            assert_eq!(Scope::parse(good).unwrap().as_str(), good);
        }
        assert_eq!(Scopes::parse("read a\"b"), Err(MalformedScope));
    }
}
