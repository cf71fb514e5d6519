//! Distinguished names: the subject of a certificate, as text and for comparison (RFC 4514).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A distinguished name (RFC 4514 §2), most specific part first, as in `CN=orders,O=Example,C=DE`.
///
/// Two names are equal when they have the same types and values in the same order, octet for octet:
/// spaces and case within values count (stricter than RFC 4518, which folds them).
#[derive(Clone, PartialEq, Eq)]
pub struct DistinguishedName {
    parts: Vec<BTreeSet<Attribute>>,
}

/// The dotted identifier of a type, and a value.
type Attribute = (String, String);

/// Why a text is no distinguished name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedName {
    /// It is not made of `type=value` parts.
    #[error("a distinguished name is made of parts such as CN=orders, separated by commas")]
    Form,
    /// A type is neither a known word nor a dotted identifier.
    #[error("a type of the distinguished name is unknown; write its dotted identifier")]
    Type,
    /// A value holds a character that must be escaped, or an escape that is none.
    #[error("a value of the distinguished name is not escaped as RFC 4514 has it")]
    Escape,
}

/// The words for types, and their identifiers (RFC 4514 §3, RFC 4519 §2, RFC 5280 §4.1.2.6).
const TYPES: [(&str, &str); 15] = [
    ("CN", "2.5.4.3"),
    ("SN", "2.5.4.4"),
    ("SERIALNUMBER", "2.5.4.5"),
    ("C", "2.5.4.6"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("STREET", "2.5.4.9"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("TITLE", "2.5.4.12"),
    ("ORGANIZATIONIDENTIFIER", "2.5.4.97"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("UID", "0.9.2342.19200300.100.1.1"),
    ("EMAILADDRESS", "1.2.840.113549.1.9.1"),
    ("E", "1.2.840.113549.1.9.1"),
];

impl DistinguishedName {
    /// Reads a name as RFC 4514 writes it; spaces around separators do not count.
    ///
    /// # Errors
    /// When it is empty or malformed, or has a value in hexadecimal (`#04…`).
    pub fn parse(text: &str) -> Result<Self, MalformedName> {
        let mut parts = vec![BTreeSet::new()];
        let mut rest = text;
        loop {
            let (kind, after) = rest.split_once('=').ok_or(MalformedName::Form)?;
            let kind = identifier(kind.trim_matches(' '))?;
            let (value, end) = value(after)?;
            let part = parts.last_mut().ok_or(MalformedName::Form)?;
            if value.is_empty() || !part.insert((kind, value)) {
                return Err(MalformedName::Form);
            }
            let mut characters = after[end..].chars();
            match characters.next() {
                None => return Ok(Self { parts }),
                Some('+') => {}
                Some(_) => parts.push(BTreeSet::new()),
            }
            rest = characters.as_str();
        }
    }

    /// Makes a name of the parts of a certificate, which has the most specific one last: the dotted
    /// identifiers of the types with their values.
    pub fn of_certificate(parts: Vec<Vec<(String, String)>>) -> Self {
        let parts = parts.into_iter().rev();
        Self { parts: parts.map(|part| part.into_iter().collect()).collect() }
    }
}

fn identifier(kind: &str) -> Result<String, MalformedName> {
    let is_dotted = kind.contains('.')
        && kind.split('.').all(|n| !n.is_empty() && n.bytes().all(|c| c.is_ascii_digit()));
    if is_dotted {
        return Ok(kind.to_owned());
    }
    let known = TYPES.iter().find(|(word, _)| word.eq_ignore_ascii_case(kind));
    known.map(|(_, dotted)| (*dotted).to_owned()).ok_or(MalformedName::Type)
}

/// The value that a text begins with, unescaped, and where it ends: at a separator or the end.
fn value(text: &str) -> Result<(String, usize), MalformedName> {
    let bytes = text.as_bytes();
    let mut value = Vec::new();
    let mut kept = 0; // spaces after this many octets do not count, unless escaped
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b',' | b';' | b'+' => break,
            b'"' | b'<' | b'>' | 0 => return Err(MalformedName::Escape),
            b'#' if value.is_empty() => return Err(MalformedName::Escape),
            b' ' if value.is_empty() => at += 1,
            b' ' => {
                value.push(b' ');
                at += 1;
            }
            b'\\' => {
                let (octet, length) = escaped(&bytes[at + 1..])?;
                value.push(octet);
                kept = value.len();
                at += 1 + length;
            }
            _ => {
                value.push(byte);
                kept = value.len();
                at += 1;
            }
        }
    }
    value.truncate(kept);
    String::from_utf8(value).map(|value| (value, at)).map_err(|_| MalformedName::Escape)
}

/// What stands behind a backslash, and how long it is.
fn escaped(bytes: &[u8]) -> Result<(u8, usize), MalformedName> {
    match bytes {
        [special @ (b' ' | b'"' | b'#' | b'+' | b',' | b';' | b'<' | b'=' | b'>' | b'\\'), ..] => {
            Ok((*special, 1))
        }
        [high, low, ..] => {
            let digit = |byte: &u8| char::from(*byte).to_digit(16).ok_or(MalformedName::Escape);
            let octet = digit(high)? << 4 | digit(low)?;
            u8::try_from(octet).map(|octet| (octet, 2)).map_err(|_| MalformedName::Escape)
        }
        _ => Err(MalformedName::Escape),
    }
}

impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, part) in self.parts.iter().enumerate() {
            for (m, (kind, value)) in part.iter().enumerate() {
                let separator = if m > 0 { "+" } else { [",", ""][usize::from(n == 0)] };
                let word = TYPES.iter().find(|(_, dotted)| dotted == kind);
                write!(f, "{separator}{}=", word.map_or(kind.as_str(), |(word, _)| word))?;
                let last = value.chars().count().saturating_sub(1);
                for (place, c) in value.chars().enumerate() {
                    let is_edge =
                        (c == ' ' && (place == 0 || place == last)) || (c == '#' && place == 0);
                    if is_edge || matches!(c, '"' | '+' | ',' | ';' | '<' | '>' | '\\') {
                        f.write_str("\\")?;
                    }
                    write!(f, "{c}")?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DistinguishedName({self})")
    }
}

impl Serialize for DistinguishedName {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DistinguishedName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(parts: &[&[(&str, &str)]]) -> DistinguishedName {
        let attribute = |(kind, value): &(&str, &str)| ((*kind).to_owned(), (*value).to_owned());
        let parts = parts.iter().map(|part| part.iter().map(attribute).collect());
        DistinguishedName::of_certificate(parts.collect())
    }

    // The examples of RFC 4514 §4, and what certificates have beyond them.
    #[test]
    fn a_name_is_read_as_a_certificate_has_it() {
        let cases: [(&str, &[&[(&str, &str)]]); 7] = [
            (
                "UID=jsmith,DC=example,DC=net",
                &[
                    &[("0.9.2342.19200300.100.1.25", "net")],
                    &[("0.9.2342.19200300.100.1.25", "example")],
                    &[("0.9.2342.19200300.100.1.1", "jsmith")],
                ],
            ),
            (
                "OU=Sales+CN=J.  Smith,C=DE",
                &[&[("2.5.4.6", "DE")], &[("2.5.4.3", "J.  Smith"), ("2.5.4.11", "Sales")]],
            ),
            (
                r#"CN=James \"Jim\" Smith\, III,O=x"#,
                &[&[("2.5.4.10", "x")], &[("2.5.4.3", r#"James "Jim" Smith, III"#)]],
            ),
            (r"CN=Before\0dAfter", &[&[("2.5.4.3", "Before\rAfter")]]),
            (r"CN=Lu\C4\8Di\C4\87", &[&[("2.5.4.3", "Lučić")]]),
            (r"cn = \20a\20 , 2.5.4.10=b", &[&[("2.5.4.10", "b")], &[("2.5.4.3", " a ")]]),
            (r"CN=\#a=b", &[&[("2.5.4.3", "#a=b")]]),
        ];
        for (text, parts) in cases {
            let name = DistinguishedName::parse(text).unwrap();
            assert_eq!(name, certificate(parts), "{text}");
            assert_eq!(DistinguishedName::parse(&name.to_string()), Ok(name), "{text}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        use MalformedName::{Escape, Form, Type};
        for (text, why) in [
            ("", Form),
            ("orders", Form),
            ("CN=", Form),
            ("CN=a,", Form),
            ("CN=a,,O=b", Type),
            ("CN=a+CN=a", Form),
            ("=a", Type),
            ("COLOUR=red", Type),
            ("1.=a", Type),
            ("CN=#04024869", Escape),
            ("CN=\"a\"", Escape),
            ("CN=a<b", Escape),
            ("CN=a\\", Escape),
            ("CN=a\\z", Escape),
            ("CN=a\\ff", Escape),
        ] {
            assert_eq!(DistinguishedName::parse(text), Err(why), "{text}");
        }
    }

    #[test]
    fn order_and_case_of_values_count() {
        let name = |text| DistinguishedName::parse(text).unwrap();
        assert_eq!(name("CN=a+OU=b"), name("ou=b+cn=a"));
        for other in ["O=b,CN=a", "CN=A,O=b", "CN=a", "CN=a,O=b,C=DE", "CN=a,O= b c"] {
            assert_ne!(name("CN=a,O=b"), name(other), "{other}");
        }
    }
}
