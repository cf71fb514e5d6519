//! Parameters of requests, in the query and in bodies (RFC 6749 §3.1, §3.2, Appendix B).

use std::borrow::Cow;
use std::fmt;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

/// The most parameters that one request may carry.
pub const MOST: usize = 256;

/// The parameters of one request, in their order; those without a value are left out
/// (RFC 6749 §3.1: treated as if they were omitted).
///
/// Holds secrets, so it is never printed.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Form(Vec<(String, String)>);

/// What makes a query or body no form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MalformedForm {
    /// A `%` without digits, or what was encoded is not UTF-8.
    #[error("the parameters are not percent-encoded UTF-8")]
    Encoding,
    /// More parameters than are taken.
    #[error("more than {MOST} parameters")]
    TooMany,
    /// A parameter that may stand once stands twice.
    #[error("the parameter '{0}' is given more than once")]
    Repeated(&'static str),
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Form({} parameters)", self.0.len())
    }
}

impl Form {
    /// Parses `application/x-www-form-urlencoded` text.
    ///
    /// # Errors
    /// When an encoding is broken, the text is not UTF-8, or there are too many parameters.
    pub fn parse(text: &str) -> Result<Self, MalformedForm> {
        let mut pairs = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            if pairs.len() == MOST {
                return Err(MalformedForm::TooMany);
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            pairs.push((decode(name)?, decode(value)?));
        }
        Ok(Self(pairs))
    }

    /// Parses a body.
    ///
    /// # Errors
    /// As [`Form::parse`]; also when the octets are not UTF-8.
    pub fn parse_bytes(body: &[u8]) -> Result<Self, MalformedForm> {
        Self::parse(std::str::from_utf8(body).map_err(|_| MalformedForm::Encoding)?)
    }

    /// Makes a form of pairs that came another way.
    ///
    /// # Errors
    /// When there are too many.
    pub fn from_pairs(pairs: Vec<(String, String)>) -> Result<Self, MalformedForm> {
        if pairs.len() > MOST { Err(MalformedForm::TooMany) } else { Ok(Self(pairs)) }
    }

    /// The same form without the parameters of these names.
    pub fn without(mut self, names: &[&str]) -> Self {
        self.0.retain(|(name, _)| !names.contains(&name.as_str()));
        self
    }

    /// The same form with one more parameter.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The value of a parameter that may stand once; an empty one counts as absent.
    ///
    /// # Errors
    /// When it stands more than once (RFC 6749 §3.1), whatever its values.
    pub fn one(&self, name: &'static str) -> Result<Option<&str>, MalformedForm> {
        let mut values = self.0.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str());
        let first = values.next();
        match values.next() {
            Some(_) => Err(MalformedForm::Repeated(name)),
            None => Ok(first.filter(|value| !value.is_empty())),
        }
    }

    /// The values of a parameter that may repeat; empty ones are left out.
    pub fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0
            .iter()
            .filter(move |(n, value)| n == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// Whether the parameter stands there, with or without a value.
    pub fn names(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n == name)
    }
}

/// Writes pairs as `application/x-www-form-urlencoded`.
pub fn encode<'p>(pairs: impl IntoIterator<Item = (&'p str, &'p str)>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// Decodes one name or value (RFC 6749 Appendix B).
///
/// # Errors
/// When a `%` has no two hexadecimal digits behind it or the octets are not UTF-8.
pub fn decode(text: &str) -> Result<String, MalformedForm> {
    let octets = text.as_bytes();
    let broken = octets.iter().enumerate().any(|(at, octet)| {
        *octet == b'%'
            && !octets
                .get(at + 1..at + 3)
                .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    if broken {
        return Err(MalformedForm::Encoding);
    }
    let text = if text.contains('+') { Cow::Owned(text.replace('+', " ")) } else { text.into() };
    let decoded = percent_decode_str(&text).decode_utf8().map_err(|_| MalformedForm::Encoding)?;
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    //= https://www.rfc-editor.org/rfc/rfc6749#section-3.1
    //= type=test
    //# Request and response parameters MUST NOT be included more than once.
    #[test]
    fn a_repeated_parameter_is_refused() {
        let form = Form::parse("a=1&b=2&a=3&c=&c=").unwrap();
        assert_eq!(form.one("a"), Err(MalformedForm::Repeated("a")));
        assert_eq!(form.one("c"), Err(MalformedForm::Repeated("c")));
        assert_eq!(form.one("b"), Ok(Some("2")));
        assert_eq!(form.all("a").collect::<Vec<_>>(), ["1", "3"]);
    }

    //= https://www.rfc-editor.org/rfc/rfc6749#section-3.1
    //= type=test
    //# Parameters sent without a value MUST be treated as if they were
    //# omitted from the request.
    #[test]
    fn an_empty_parameter_counts_as_absent() {
        let form = Form::parse("a=&resource=&resource=x&b").unwrap();
        assert_eq!(form.one("a"), Ok(None));
        assert_eq!(form.one("b"), Ok(None));
        assert_eq!(form.all("resource").collect::<Vec<_>>(), ["x"]);
    }

    #[test]
    fn broken_encodings_are_refused() {
        for bad in ["a=%", "a=%4", "a=%zz", "a=%ff", "%=1", "a=%C3%28"] {
            assert!(matches!(Form::parse(bad), Err(MalformedForm::Encoding)), "{bad}");
        }
        assert!(matches!(Form::parse_bytes(b"a=\xff"), Err(MalformedForm::Encoding)));
        let many = "a=1&".repeat(MOST + 1);
        assert!(matches!(Form::parse(&many), Err(MalformedForm::TooMany)));
        assert_eq!(Form::parse("a=x+y%2Bz").unwrap().one("a"), Ok(Some("x y+z")));
    }
}
