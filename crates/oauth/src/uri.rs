//! Splits and checks absolute URIs (RFC 3986 §4.3), for the words that are URIs.

/// An absolute URI in its parts, with every character checked against RFC 3986.
pub(crate) struct Parts<'u> {
    pub(crate) scheme: &'u str,
    /// What stands between `//` and the path, split further by [`authority`].
    pub(crate) authority: Option<&'u str>,
    pub(crate) path: &'u str,
    pub(crate) query: Option<&'u str>,
}

/// What makes a text no absolute URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UriError {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// Too long to be taken.
    #[error("it is longer than {0} octets")]
    TooLong(usize),
    /// A character outside of RFC 3986: white space, a control, a quote, not ASCII.
    #[error("it holds a character that a URI cannot hold; percent-encode it")]
    Character,
    /// A `%` without two hexadecimal digits behind it.
    #[error("a '%' is not followed by two hexadecimal digits")]
    PercentEncoding,
    /// No scheme: a relative reference.
    #[error("it is not absolute: it has no scheme")]
    Relative,
    /// A scheme that is not accepted here.
    #[error("its scheme is not accepted")]
    Scheme,
    /// `http` to a host other than this machine.
    #[error("plain http is accepted on loopback only; use https")]
    PlainHttp,
    /// A fragment, if only an empty one.
    #[error("it has a fragment; remove '#' and what follows")]
    Fragment,
    /// A user name or password in the authority.
    #[error("it has userinfo; remove what stands before '@'")]
    Userinfo,
    /// No host, a percent-encoded host, or a malformed one.
    #[error("its host is missing or malformed")]
    Host,
    /// An empty, zero-led or too large port.
    #[error("its port is empty or malformed")]
    Port,
}

/// Splits an absolute URI without a fragment.
///
/// # Errors
/// The first thing wrong with it, see [`UriError`].
pub(crate) fn split(text: &str, longest: usize) -> Result<Parts<'_>, UriError> {
    if text.is_empty() {
        return Err(UriError::Empty);
    }
    if text.len() > longest {
        return Err(UriError::TooLong(longest));
    }
    characters(text)?;
    if text.contains('#') {
        return Err(UriError::Fragment);
    }
    let (scheme, rest) = text.split_once(':').ok_or(UriError::Relative)?;
    if !is_scheme(scheme) {
        return Err(UriError::Relative);
    }
    let (hierarchy, query) = match rest.split_once('?') {
        Some((hierarchy, query)) => (hierarchy, Some(query)),
        None => (rest, None),
    };
    let (authority, path) = match hierarchy.strip_prefix("//") {
        None => (None, hierarchy),
        Some(rest) => {
            let end = rest.find('/').unwrap_or(rest.len());
            (Some(&rest[..end]), &rest[end..])
        }
    };
    // Brackets delimit an IP literal and stand nowhere else (RFC 3986 §3.2.2).
    if path.contains(['[', ']']) || query.is_some_and(|query| query.contains(['[', ']'])) {
        return Err(UriError::Character);
    }
    Ok(Parts { scheme, authority, path, query })
}

/// Splits an authority into its host (brackets kept) and port (RFC 3986 §3.2).
pub(crate) fn authority(text: &str) -> Result<(&str, Option<u16>), UriError> {
    if text.contains('@') {
        return Err(UriError::Userinfo);
    }
    if text.contains('%') {
        return Err(UriError::Host);
    }
    let (host, port) = match text.rfind(']') {
        Some(end) => (&text[..=end], &text[end + 1..]),
        None if text.starts_with('[') => return Err(UriError::Host),
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        None => return Err(UriError::Host),
        Some(digits) => Some(parse_port(digits)?),
    };
    let well_formed = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(literal) => literal.parse::<core::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && !host.contains(['[', ']', ':']),
    };
    if well_formed { Ok((host, port)) } else { Err(UriError::Host) }
}

/// The host of an absolute URI in lower case, brackets kept; `None` for one without.
pub(crate) fn host(text: &str) -> Option<String> {
    let parts = split(text, text.len()).ok()?;
    let (host, _) = authority(parts.authority?).ok()?;
    Some(host.to_ascii_lowercase())
}

/// Whether a host (lower-case, brackets kept) is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host == "[::1]"
        || host.parse::<core::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

/// Decodes percent-encoded unreserved characters and upper-cases what stays encoded
/// (RFC 3986 §6.2.2.1, §6.2.2.2).
pub(crate) fn normalize_encoding(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let digits = &rest[at + 1..at + 3];
        match u8::from_str_radix(digits, 16) {
            Ok(octet) if is_unreserved(octet) => out.push(char::from(octet)),
            _ => {
                out.push('%');
                out.push_str(&digits.to_ascii_uppercase());
            }
        }
        rest = &rest[at + 3..];
    }
    out.push_str(rest);
    out
}

/// Removes `.` and `..` segments (RFC 3986 §5.2.4) from a path that is empty or begins with `/`.
pub(crate) fn remove_dot_segments(path: &str) -> String {
    if path.is_empty() {
        return String::new();
    }
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path[1..].split('/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    let mut out = String::with_capacity(path.len());
    for segment in kept {
        out.push('/');
        out.push_str(segment);
    }
    out
}

fn characters(text: &str) -> Result<(), UriError> {
    let octets = text.as_bytes();
    for (at, octet) in octets.iter().copied().enumerate() {
        if octet == b'%' {
            let digits = octets.get(at + 1..at + 3).ok_or(UriError::PercentEncoding)?;
            if !digits.iter().all(u8::is_ascii_hexdigit) {
                return Err(UriError::PercentEncoding);
            }
        } else if !is_unreserved(octet) && !b":/?#[]@!$&'()*+,;=".contains(&octet) {
            return Err(UriError::Character);
        }
    }
    Ok(())
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || b"+-.".contains(&c))
}

fn is_unreserved(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._~".contains(&octet)
}

fn parse_port(digits: &str) -> Result<u16, UriError> {
    if digits.is_empty() || digits.starts_with('0') || !digits.bytes().all(|c| c.is_ascii_digit()) {
        return Err(UriError::Port);
    }
    digits.parse().map_err(|_| UriError::Port)
}
