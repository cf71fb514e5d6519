//! Patterns of paths: literal segments, `*` for one, `**` for the rest.

use std::cmp::Ordering;
use std::fmt;

use crate::path::{AmbiguousPath, Path};

/// A pattern of paths, matched by whole segments: `/public` does not match `/publicadmin`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    written: Box<str>,
    segments: Box<[Segment]>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Segment {
    /// Exactly this, decoded.
    Literal(Box<[u8]>),
    /// `*`: any one segment.
    One,
    /// `**`: any number of segments, none too.
    Rest,
}

/// What makes a text no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedPattern {
    /// No request with such a path would be let in.
    #[error("{0}")]
    Path(#[from] AmbiguousPath),
    /// A slash at the end.
    #[error("it ends with '/', which makes no difference; remove it")]
    TrailingSlash,
    /// `**` before the end.
    #[error("'**' stands only at the end")]
    RestBeforeTheEnd,
    /// `*` with something beside it.
    #[error("a '*' is a whole segment; use '*' for one segment or '**' at the end for the rest")]
    PartOfASegment,
    /// A wildcard in a prefix.
    #[error("it has a '*'")]
    Wildcard,
    /// The root as a prefix.
    #[error("it is the root; leave it out")]
    Root,
}

impl Pattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, MalformedPattern> {
        let path = Path::parse(text)?;
        if text.len() > 1 && text.ends_with('/') {
            return Err(MalformedPattern::TrailingSlash);
        }
        let mut segments = Vec::new();
        for segment in path.segments() {
            if segments.last() == Some(&Segment::Rest) {
                return Err(MalformedPattern::RestBeforeTheEnd);
            }
            segments.push(match segment.as_ref() {
                b"*" => Segment::One,
                b"**" => Segment::Rest,
                literal if literal.contains(&b'*') => return Err(MalformedPattern::PartOfASegment),
                literal => Segment::Literal(literal.into()),
            });
        }
        Ok(Self { written: text.into(), segments: segments.into() })
    }

    /// Parses a prefix: literal segments, at least one.
    pub(crate) fn parse_prefix(text: &str) -> Result<String, MalformedPattern> {
        let pattern = Self::parse(text)?;
        if pattern.segments.is_empty() {
            return Err(MalformedPattern::Root);
        }
        if pattern.segments.iter().any(|segment| !matches!(segment, Segment::Literal(_))) {
            return Err(MalformedPattern::Wildcard);
        }
        Ok(text.to_owned())
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// What stands before the first wildcard, without a slash at its end.
    pub(crate) fn literal_part(&self) -> &str {
        let literal = self.written.split('*').next().unwrap_or(&self.written);
        literal.trim_end_matches('/')
    }

    /// Whether it has no wildcard: it is the path of its requests.
    pub(crate) fn is_literal(&self) -> bool {
        self.segments.iter().all(|segment| matches!(segment, Segment::Literal(_)))
    }

    /// Whether some paths of another pattern go to this one where both are there.
    pub(crate) fn takes_from(&self, other: &Self) -> bool {
        let weight = |segment: Option<&Segment>| match segment {
            Some(Segment::Rest) => 0,
            Some(Segment::One) => 1,
            Some(Segment::Literal(_)) | None => 2,
        };
        let mut is_nearer = None;
        for at in 0.. {
            let (this, that) = (self.segments.get(at), other.segments.get(at));
            is_nearer = is_nearer.or(match weight(this).cmp(&weight(that)) {
                Ordering::Equal => None,
                order => Some(order == Ordering::Greater),
            });
            match (this, that) {
                (Some(Segment::Literal(one)), Some(Segment::Literal(two))) if one != two => {
                    return false;
                }
                (Some(Segment::Rest), _) | (_, Some(Segment::Rest)) | (None, None) => break,
                (None, _) | (_, None) => return false,
                _ => {}
            }
        }
        is_nearer == Some(true)
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_pattern_is_refused() {
        use MalformedPattern as No;
        let cases = [
            ("files", No::Path(AmbiguousPath::NotAbsolute)),
            ("/files/", No::TrailingSlash),
            ("/**/files", No::RestBeforeTheEnd),
            ("/files*", No::PartOfASegment),
            ("/***", No::PartOfASegment),
            ("/a/../b", No::Path(AmbiguousPath::DotSegment)),
            ("/a;b", No::Path(AmbiguousPath::Parameters)),
        ];
        for (text, expected) in cases {
            assert_eq!(Pattern::parse(text), Err(expected), "{text}");
        }
        for text in ["/", "/**", "/*", "/a/*/b", "/a/**"] {
            assert_eq!(Pattern::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn a_prefix_is_literal() {
        assert_eq!(Pattern::parse_prefix("/a/b").as_deref(), Ok("/a/b"));
        assert_eq!(Pattern::parse_prefix("/"), Err(MalformedPattern::Root));
        assert_eq!(Pattern::parse_prefix("/a/*"), Err(MalformedPattern::Wildcard));
    }

    #[test]
    fn the_more_specific_of_two_patterns_takes_from_the_other() {
        for (this, other, takes) in [
            ("/files/secret", "/files/**", true),
            ("/files/secret", "/files/*", true),
            ("/files/**", "/files/secret", false),
            ("/files/**", "/files/**", false),
            ("/files/*", "/files/**", true),
            ("/files", "/files/**", true),
            ("/files/**", "/files", false),
            ("/**", "/files/**", false),
            ("/a/*", "/*/b", true),
            ("/*/b", "/a/*", false),
            ("/other/x", "/files/**", false),
            ("/a/b/c", "/a/*", false),
            ("/a/b/**", "/a/*", true),
        ] {
            let pattern = |text| Pattern::parse(text).unwrap();
            assert_eq!(pattern(this).takes_from(&pattern(other)), takes, "{this} {other}");
        }
    }

    #[test]
    fn the_literal_part_ends_before_the_first_wildcard() {
        for (pattern, part) in [("/a/b/**", "/a/b"), ("/a/*/c", "/a"), ("/**", ""), ("/a", "/a")] {
            assert_eq!(Pattern::parse(pattern).unwrap().literal_part(), part);
        }
    }
}
