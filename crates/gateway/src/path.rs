//! The path guard: one parse of the request's path, ambiguous ones refused (RFC 3986 §3.3, §6.2.2).
//!
//! Two programs that read one path differently are how a protected path is reached through a
//! public one. So a path passes only if there is nothing about it to read differently: no empty or
//! dot segments, no parameters, nothing encoded that needs no encoding or that would be a
//! delimiter, nothing encoded twice, UTF-8 without controls. The path that was checked is the one
//! that is forwarded, byte for byte.

use std::borrow::Cow;

/// A path that has one reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Path<'r>(&'r str);

/// What makes a path ambiguous.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmbiguousPath {
    /// It does not begin with a slash.
    #[error("the path does not begin with '/'")]
    NotAbsolute,
    /// Two slashes in a row.
    #[error("the path has an empty segment")]
    EmptySegment,
    /// `.` or `..` as a segment, or nothing but dots and spaces, which some take for that.
    #[error("the path has a dot segment")]
    DotSegment,
    /// `;`, plain or encoded.
    #[error("the path has parameters")]
    Parameters,
    /// A character that RFC 3986 §3.3 does not have in a path.
    #[error("the path has a character that must be percent-encoded")]
    Character,
    /// `%` without two hexadecimal digits.
    #[error("the path has a '%' without two hexadecimal digits")]
    PercentEncoding,
    /// An encoded slash or backslash.
    #[error("the path has an encoded slash or backslash")]
    EncodedSlash,
    /// An encoded letter, digit, `.`, `-`, `_` or `~`.
    #[error("the path has a character encoded that must stand plain")]
    EncodedUnreserved,
    /// `%25` before two hexadecimal digits.
    #[error("the path is encoded twice")]
    EncodedTwice,
    /// An encoded control character.
    #[error("the path has an encoded control character")]
    Control,
    /// Encoded octets that are not UTF-8, over-long forms among them.
    #[error("the path is not UTF-8")]
    NotUtf8,
}

impl<'r> Path<'r> {
    /// Checks a path, without its query.
    pub(crate) fn parse(raw: &'r str) -> Result<Self, AmbiguousPath> {
        let below = raw.strip_prefix('/').ok_or(AmbiguousPath::NotAbsolute)?;
        if below.is_empty() {
            return Ok(Self(raw));
        }
        // One slash at the end is no empty segment.
        for segment in below.strip_suffix('/').unwrap_or(below).split('/') {
            check_segment(segment)?;
        }
        Ok(Self(raw))
    }

    /// The path as it was received and is forwarded.
    pub(crate) fn as_str(self) -> &'r str {
        self.0
    }

    /// Its segments, decoded; a slash at the end adds none.
    pub(crate) fn segments(self) -> Segments<'r> {
        let below = self.0.strip_prefix('/').unwrap_or(self.0);
        Segments(below.strip_suffix('/').unwrap_or(below))
    }

    /// What is left of the path behind a prefix that it was matched with; never empty.
    pub(crate) fn behind(self, prefix: &str) -> Self {
        // The prefix may be spelled with other percent-encoding: count segments, not octets.
        let mut rest = self.0;
        for _ in prefix.matches('/') {
            rest =
                rest.get(1..).and_then(|below| below.find('/')).map_or("/", |at| &rest[at + 1..]);
        }
        Self(rest)
    }
}

/// Segments of a checked path, decoded one by one.
#[derive(Clone)]
pub(crate) struct Segments<'r>(&'r str);

impl<'r> Iterator for Segments<'r> {
    type Item = Cow<'r, [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let (segment, rest) = self.0.split_once('/').unwrap_or((self.0, ""));
        self.0 = rest;
        Some(decode(segment))
    }
}

fn check_segment(segment: &str) -> Result<(), AmbiguousPath> {
    if segment.is_empty() {
        return Err(AmbiguousPath::EmptySegment);
    }
    let octets = segment.as_bytes();
    let mut has_encoded = false;
    for (at, octet) in octets.iter().copied().enumerate() {
        match octet {
            b'%' => {
                has_encoded = true;
                check_encoded(octets.get(at + 1..).unwrap_or_default())?;
            }
            b';' => return Err(AmbiguousPath::Parameters),
            octet if is_unreserved(octet) || b"!$&'()*+,=:@".contains(&octet) => {}
            _ => return Err(AmbiguousPath::Character),
        }
    }
    let decoded = decode(segment);
    if decoded.iter().all(|c| matches!(c, b'.' | b' ')) {
        return Err(AmbiguousPath::DotSegment);
    }
    if has_encoded {
        let text = std::str::from_utf8(&decoded).map_err(|_| AmbiguousPath::NotUtf8)?;
        if text.chars().any(char::is_control) {
            return Err(AmbiguousPath::Control);
        }
    }
    Ok(())
}

/// Checks the octet that is encoded by what stands behind a `%`.
fn check_encoded(behind: &[u8]) -> Result<(), AmbiguousPath> {
    match hex_octet(behind).ok_or(AmbiguousPath::PercentEncoding)? {
        b'/' | b'\\' => Err(AmbiguousPath::EncodedSlash),
        b';' => Err(AmbiguousPath::Parameters),
        b'%' if hex_octet(behind.get(2..).unwrap_or_default()).is_some() => {
            Err(AmbiguousPath::EncodedTwice)
        }
        octet if is_unreserved(octet) => Err(AmbiguousPath::EncodedUnreserved),
        _ => Ok(()),
    }
}

fn decode(segment: &str) -> Cow<'_, [u8]> {
    if !segment.contains('%') {
        return Cow::Borrowed(segment.as_bytes());
    }
    let mut rest = segment.as_bytes();
    let mut decoded = Vec::with_capacity(rest.len());
    while let Some((first, behind)) = rest.split_first() {
        match hex_octet(behind) {
            Some(octet) if *first == b'%' => {
                decoded.push(octet);
                rest = &behind[2..];
            }
            _ => {
                decoded.push(*first);
                rest = behind;
            }
        }
    }
    Cow::Owned(decoded)
}

fn hex_octet(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*digits.get(at)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

fn is_unreserved(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._~".contains(&octet)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(path: &str) -> Result<&str, AmbiguousPath> {
        Path::parse(path).map(Path::as_str)
    }

    #[test]
    fn an_ambiguous_path_is_refused() {
        use AmbiguousPath as No;
        let cases = [
            ("", No::NotAbsolute),
            ("*", No::NotAbsolute),
            ("a", No::NotAbsolute),
            ("//", No::EmptySegment),
            ("/a//b", No::EmptySegment),
            ("/a//", No::EmptySegment),
            ("/./a", No::DotSegment),
            ("/a/..", No::DotSegment),
            ("/a/../", No::DotSegment),
            ("/a/...", No::DotSegment),
            ("/a/..%20/", No::DotSegment),
            ("/%20/a", No::DotSegment),
            ("/%2e%2e/a", No::EncodedUnreserved),
            ("/.%2E/a", No::EncodedUnreserved),
            ("/%61dmin", No::EncodedUnreserved),
            ("/a%2fb", No::EncodedSlash),
            ("/a%5Cb", No::EncodedSlash),
            ("/a\\b", No::Character),
            ("/a;x=1", No::Parameters),
            ("/a%3bx", No::Parameters),
            ("/a%00", No::Control),
            ("/a%0d%0ab", No::Control),
            ("/a%7f", No::Control),
            ("/a%C2%85", No::Control),
            ("/a%c0%ae", No::NotUtf8),
            ("/a%ff", No::NotUtf8),
            ("/a%", No::PercentEncoding),
            ("/a%2", No::PercentEncoding),
            ("/a%u002e", No::PercentEncoding),
            ("/a%+1", No::PercentEncoding),
            ("/a%252e", No::EncodedTwice),
            ("/a%2541", No::EncodedTwice),
            ("/a#b", No::Character),
            ("/a b", No::Character),
            ("/a\u{e9}", No::Character),
            ("/a{b}", No::Character),
            ("/a|b", No::Character),
        ];
        for (path, expected) in cases {
            assert_eq!(verdict(path), Err(expected), "{path:?}");
        }
    }

    #[test]
    fn a_path_with_one_reading_passes_unchanged() {
        for path in
            ["/", "/a", "/a/", "/a.b/~c/d-e_f", "/%C3%A9", "/100%25", "/a:b@c!$&'()*+,=", "/..a"]
        {
            assert_eq!(verdict(path), Ok(path));
        }
    }

    #[test]
    fn segments_are_decoded_and_a_slash_at_the_end_adds_none() {
        let segments = |path| -> Vec<Vec<u8>> {
            Path::parse(path).unwrap().segments().map(Cow::into_owned).collect()
        };
        assert_eq!(segments("/"), Vec::<Vec<u8>>::new());
        assert_eq!(segments("/a%20b/c/"), [b"a b".to_vec(), b"c".to_vec()]);
    }

    #[test]
    fn what_is_behind_a_prefix_is_never_empty() {
        let behind = |path, prefix| Path::parse(path).unwrap().behind(prefix).as_str().to_owned();
        assert_eq!(behind("/drive/files/a", "/drive"), "/files/a");
        assert_eq!(behind("/drive", "/drive"), "/");
        assert_eq!(behind("/drive/", "/drive"), "/");
        assert_eq!(behind("/a/b/c/", "/a/b"), "/c/");
        assert_eq!(behind("/a", ""), "/a");
    }
}
