//! Scopes that hold others within them, where the operator says so (RFC 6749 §3.3).

use std::collections::BTreeMap;

use bailiwick_oauth::{Scope, Scopes};

/// Which scopes imply which: a token with `admin` may do what asks for `read`.
///
/// ```
/// use bailiwick_guard::Implied;
/// use bailiwick_oauth::{Scope, Scopes};
///
/// let scopes = |text| Scopes::parse(text).unwrap();
/// let admin = Scope::parse("admin")?;
/// let write = Scope::parse("write")?;
/// let implied = Implied::new([(admin, scopes("write")), (write, scopes("read"))]);
/// assert!(implied.holds(&scopes("admin"), &Scope::parse("read")?));
/// assert!(!implied.holds(&scopes("read"), &Scope::parse("write")?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Implied {
    /// For each scope all those that imply it, at whatever distance.
    by: BTreeMap<Scope, Vec<Scope>>,
}

impl Implied {
    /// Takes a hierarchy: each scope with those that it implies. Circles make their scopes equal.
    pub fn new(implies: impl IntoIterator<Item = (Scope, Scopes)>) -> Self {
        let mut direct: BTreeMap<Scope, Scopes> = BTreeMap::new();
        for (broad, narrow) in implies {
            direct.entry(broad).or_default().extend(narrow);
        }
        let mut by: BTreeMap<Scope, Vec<Scope>> = BTreeMap::new();
        for broad in direct.keys() {
            let mut reached = Scopes::from_iter([broad.clone()]);
            let mut next = vec![broad];
            while let Some(scope) = next.pop() {
                for narrow in direct.get(scope).into_iter().flatten() {
                    if reached.insert(narrow.clone()) {
                        next.push(narrow);
                        by.entry(narrow.clone()).or_default().push(broad.clone());
                    }
                }
            }
        }
        Self { by }
    }

    /// Whether a token with these scopes may do what asks for `needed`.
    pub fn holds(&self, held: &Scopes, needed: &Scope) -> bool {
        held.contains(needed)
            || self.by.get(needed).is_some_and(|by| by.iter().any(|broad| held.contains(broad)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(hierarchy: &[(&str, &str)], held: &str, needed: &str) -> bool {
        let scope = |text: &str| Scope::parse(text).unwrap();
        let pairs =
            hierarchy.iter().map(|(broad, narrow)| (scope(broad), Scopes::parse(narrow).unwrap()));
        Implied::new(pairs).holds(&Scopes::parse(held).unwrap(), &scope(needed))
    }

    #[test]
    fn a_broad_scope_implies_its_narrow_ones_at_any_distance() {
        let three = [("admin", "write"), ("write", "read list")];
        assert!(holds(&three, "admin", "list"));
        assert!(holds(&three, "write", "read"));
        assert!(!holds(&three, "read", "list"));
        assert!(!holds(&three, "list", "admin"));
        assert!(!holds(&[], "admin", "read"));
    }

    #[test]
    fn a_circle_makes_equals_and_ends() {
        let circle = [("a", "b"), ("b", "c"), ("c", "a")];
        for held in ["a", "b", "c"] {
            for needed in ["a", "b", "c"] {
                assert!(holds(&circle, held, needed), "{held} {needed}");
            }
        }
    }
}
