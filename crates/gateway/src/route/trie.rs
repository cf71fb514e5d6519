//! Finds the most specific pattern of a path; the cost grows with the path, not with the patterns.

use std::collections::{HashMap, HashSet};

use super::pattern::{Pattern, Segment};
use crate::path::{Path, Segments};

/// Patterns and what belongs to them.
///
/// Segment by segment from the left a literal is tried before `*`, and `*` before `**`.
#[derive(Debug)]
pub(crate) struct Trie<T>(Node<T>);

#[derive(Debug)]
struct Node<T> {
    literal: HashMap<Box<[u8]>, Node<T>>,
    /// The literals above as a lenient upstream might read them, see [`lenient`].
    lenient: HashSet<Box<[u8]>>,
    one: Option<Box<Node<T>>>,
    rest: Option<T>,
    here: Option<T>,
}

/// A segment that a lenient upstream would take for a literal that it is not.
///
/// `/Admin`, `/admin.` or `/admin%3F` would otherwise take the route of `/**`, and some upstreams
/// would answer with what stands at `/admin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NearMiss;

impl<T> Trie<T> {
    pub(crate) fn new() -> Self {
        Self(Node::new())
    }

    /// What belongs to a pattern, to be filled.
    pub(crate) fn entry(&mut self, pattern: &Pattern) -> &mut Option<T> {
        let mut node = &mut self.0;
        for segment in pattern.segments() {
            match segment {
                Segment::Literal(name) => {
                    node.lenient.insert(lenient(name).into());
                    node = node.literal.entry(name.clone()).or_insert_with(Node::new);
                }
                Segment::One => node = node.one.get_or_insert_with(|| Box::new(Node::new())),
                Segment::Rest => return &mut node.rest,
            }
        }
        &mut node.here
    }

    /// What belongs to everything under a literal prefix, to be filled.
    pub(crate) fn prefix(&mut self, prefix: &str) -> &mut Option<T> {
        let mut node = &mut self.0;
        if let Ok(path) = Path::parse(prefix) {
            for segment in path.segments() {
                node.lenient.insert(lenient(&segment).into());
                node = node.literal.entry(segment.as_ref().into()).or_insert_with(Node::new);
            }
        }
        &mut node.rest
    }

    /// What belongs to the most specific pattern that matches.
    pub(crate) fn find(&self, path: Segments<'_>) -> Result<Option<&T>, NearMiss> {
        self.0.find(path)
    }

    /// What belongs to a `**` that can never be chosen because more specific patterns match
    /// everything that it does.
    pub(crate) fn unreachable(&self) -> Option<&T> {
        self.0.unreachable()
    }
}

impl<T> Node<T> {
    fn new() -> Self {
        Self { literal: HashMap::new(), lenient: HashSet::new(), one: None, rest: None, here: None }
    }

    fn find(&self, mut path: Segments<'_>) -> Result<Option<&T>, NearMiss> {
        let Some(segment) = path.next() else {
            return Ok(self.here.as_ref().or(self.rest.as_ref()));
        };
        match self.literal.get(segment.as_ref()) {
            Some(below) => {
                if let Some(found) = below.find(path.clone())? {
                    return Ok(Some(found));
                }
            }
            None if self.lenient.is_empty() => {}
            None if self.lenient.contains(lenient(&segment).as_slice()) => return Err(NearMiss),
            None => {}
        }
        if let Some(below) = &self.one
            && let Some(found) = below.find(path)?
        {
            return Ok(Some(found));
        }
        Ok(self.rest.as_ref())
    }

    fn unreachable(&self) -> Option<&T> {
        if let Some(rest) = &self.rest
            && self.here.is_some()
            && self.one.as_ref().is_some_and(|below| below.is_total())
        {
            return Some(rest);
        }
        self.literal.values().chain(self.one.as_deref()).find_map(Self::unreachable)
    }

    fn is_total(&self) -> bool {
        self.rest.is_some()
            || self.here.is_some() && self.one.as_ref().is_some_and(|below| below.is_total())
    }
}

/// A segment as some upstreams would read it: without case, without dots and spaces around it,
/// and without what would be a query or a fragment if it were decoded too early.
fn lenient(segment: &[u8]) -> Vec<u8> {
    let segment = segment.split(|c| matches!(c, b'?' | b'#')).next().unwrap_or(segment);
    let end = segment.iter().rposition(|c| !matches!(c, b'.' | b' ')).map_or(0, |at| at + 1);
    segment[..end].trim_ascii_start().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trie(patterns: &[&'static str]) -> Trie<&'static str> {
        let mut trie = Trie::new();
        for pattern in patterns {
            *trie.entry(&Pattern::parse(pattern).unwrap()) = Some(*pattern);
        }
        trie
    }

    fn found(trie: &Trie<&'static str>, path: &str) -> Result<Option<&'static str>, NearMiss> {
        trie.find(Path::parse(path).unwrap().segments()).map(Option::<&_>::copied)
    }

    #[test]
    fn the_most_specific_pattern_is_found() {
        let trie =
            trie(&["/", "/public/**", "/a/**", "/a/*", "/a/*/c", "/a/b", "/a/b/d", "/x/%C3%A9"]);
        let cases = [
            ("/", Some("/")),
            ("/public", Some("/public/**")),
            ("/public/", Some("/public/**")),
            ("/public/x/y", Some("/public/**")),
            ("/publicadmin", None),
            ("/a", Some("/a/**")),
            ("/a/", Some("/a/**")),
            ("/a/z", Some("/a/*")),
            ("/a/b", Some("/a/b")),
            ("/a/b/", Some("/a/b")),
            ("/a/b/c", Some("/a/*/c")),
            ("/a/b/d", Some("/a/b/d")),
            ("/a/b/e", Some("/a/**")),
            ("/a/z/e", Some("/a/**")),
            ("/x/%c3%a9", Some("/x/%C3%A9")),
            ("/x", None),
            ("/elsewhere", None),
        ];
        for (path, expected) in cases {
            assert_eq!(found(&trie, path), Ok(expected), "{path}");
        }
    }

    #[test]
    fn a_path_that_a_lenient_upstream_takes_for_another_is_no_match() {
        let trie = trie(&["/**", "/admin/**", "/a/Secret"]);
        for path in [
            "/Admin",
            "/ADMIN/x",
            "/admin.",
            "/admin..",
            "/admin%20",
            "/admin%3fx",
            "/%20admin",
            "/a/secret",
        ] {
            assert_eq!(found(&trie, path), Err(NearMiss), "{path}");
        }
        assert_eq!(found(&trie, "/administrator"), Ok(Some("/**")));
    }

    #[test]
    fn a_wildcard_that_others_hide_is_reported() {
        assert_eq!(trie(&["/a/**", "/a", "/a/*/**"]).unreachable(), Some(&"/a/**"));
        assert_eq!(trie(&["/**", "/", "/*", "/*/*/**"]).unreachable(), Some(&"/**"));
        assert_eq!(trie(&["/a/**", "/a/*/**"]).unreachable(), None);
        assert_eq!(trie(&["/**", "/", "/*"]).unreachable(), None);
    }

    #[test]
    fn ten_thousand_routes_are_searched_by_the_segments_of_the_path() {
        let mut trie = Trie::new();
        for number in 0..10_000 {
            let pattern = format!("/api/v{}/things{number}/*", number % 7);
            *trie.entry(&Pattern::parse(&pattern).unwrap()) = Some(number);
        }
        let path = Path::parse("/api/v3/things9999/x").unwrap();
        assert_eq!(trie.find(path.segments()), Ok(Some(&9999)));
        let path = Path::parse("/api/v4/things4/x").unwrap();
        assert_eq!(trie.find(path.segments()), Ok(Some(&4)));
    }
}
