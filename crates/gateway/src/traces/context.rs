//! What a request says of the trace that it is part of (W3C Trace Context, Level 1).

use std::fmt;

use http::{HeaderMap, HeaderName};

pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
pub(super) const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The name of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TraceId(pub(super) [u8; 16]);

/// The name of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SpanId(pub(super) [u8; 8]);

/// The span that a request was sent in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parent {
    pub(super) trace: TraceId,
    pub(super) span: SpanId,
    pub(super) is_sampled: bool,
}

impl Parent {
    /// Reads it, if it is there once and as it must be (§3.2).
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(TRACEPARENT).iter();
        let (value, None) = (values.next()?.to_str().ok()?, values.next()) else { return None };
        let mut parts = value.split('-');
        let [version] = hex(parts.next()?)?;
        let (trace, span) = (hex(parts.next()?)?, hex(parts.next()?)?);
        let [flags] = hex(parts.next()?)?;
        // Later versions may have more to say (§3.2.4).
        let is_whole = version != 0 || parts.next().is_none();
        let is_one = version != 0xff && is_whole && trace != [0; 16] && span != [0; 8];
        let (trace, span) = (TraceId(trace), SpanId(span));
        is_one.then_some(Self { trace, span, is_sampled: flags & 1 == 1 })
    }
}

/// The name of the trace that a request is part of, if somebody told one.
pub(crate) fn trace_id(headers: &HeaderMap) -> Option<String> {
    Parent::of(headers).map(|parent| parent.trace.to_string())
}

/// What others noted in the trace, if it is as it must be (§3.3).
pub(super) fn state(headers: &HeaderMap) -> Option<String> {
    let mut keys: Vec<&str> = Vec::new();
    let mut all = String::new();
    for value in headers.get_all(TRACESTATE) {
        for member in value.to_str().ok()?.split(',').map(|text| text.trim_matches([' ', '\t'])) {
            if member.is_empty() {
                continue;
            }
            let (key, value) = member.split_once('=')?;
            if !is_key(key) || !is_value(value) || keys.contains(&key) || keys.len() == MOST {
                return None;
            }
            keys.push(key);
            all.extend([if all.is_empty() { "" } else { "," }, member]);
        }
    }
    (!all.is_empty()).then_some(all)
}

/// A key, of a vendor or of a tenant at one (§3.3.1.3.1).
fn is_key(key: &str) -> bool {
    let is_name = |name: &str, longest: usize, may_begin: fn(u8) -> bool| {
        let octet = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"_-*/".contains(&c);
        name.len() <= longest
            && name.bytes().next().is_some_and(may_begin)
            && name.bytes().all(octet)
    };
    let letter = |c: u8| c.is_ascii_lowercase();
    match key.split_once('@') {
        None => is_name(key, 256, letter),
        Some((tenant, vendor)) => {
            is_name(tenant, 241, |c| c.is_ascii_lowercase() || c.is_ascii_digit())
                && is_name(vendor, 14, letter)
        }
    }
}

/// A value (§3.3.1.3.2).
fn is_value(value: &str) -> bool {
    let is_printable = |c: u8| (b' '..=b'~').contains(&c) && c != b',' && c != b'=';
    (1..=256).contains(&value.len()) && value.bytes().all(is_printable)
}

/// The octets of a number of so many lower-case hexadecimal digits.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut octets = [0; N];
    for (at, octet) in octets.iter_mut().enumerate() {
        *octet = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(octets)
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// The most members of a `tracestate`.
const MOST: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn headers(name: &HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name.clone(), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_parent_is_known_by_its_well_formed_name_alone() {
        let good = format!("00-{TRACE}-00f067aa0ba902b7-01");
        let verdict = |values: &[&str]| Parent::of(&headers(&TRACEPARENT, values));
        let parent = verdict(&[&good]).unwrap();
        assert_eq!(parent.trace.to_string(), TRACE);
        assert_eq!(parent.span.to_string(), "00f067aa0ba902b7");
        assert!(parent.is_sampled);
        let is_sampled = |flags: &str| {
            let told = good.replace("-01", flags);
            verdict(&[&told]).map(|parent| parent.is_sampled)
        };
        assert_eq!(is_sampled("-00"), Some(false));
        assert_eq!(is_sampled("-fe"), Some(false));
        assert_eq!(is_sampled("-ff"), Some(true));
        for later in ["-01-", "-01-more"] {
            let later = good.replace("-01", later);
            assert_eq!(verdict(&[&later]), None, "{later}");
            assert!(verdict(&[&later.replace("00-4", "01-4")]).is_some(), "{later}");
        }
        for bad in [
            &[][..],
            &[""],
            &[&good, &good],
            &[&good.replace("00-4", "ff-4")],
            &[&good.replace("00-4", "0-4")],
            &[&good.replace("4bf", "4BF")],
            &[&good.replace("4bf9", "4b\"9")],
            &[&good.replace("4bf9", "+bf9")],
            &[&good.replace("-01", "-1")],
            &[&good.replace("-01", "-01x")],
            &[&good.replace("-01", "")],
            &[&good.replace("00f067aa0ba902b7", "0000000000000000")],
            &[&good.replace(TRACE, "00000000000000000000000000000000")],
            &[&format!("{good} ")],
        ] {
            assert_eq!(verdict(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_state_is_taken_whole_or_not_at_all() {
        let verdict = |values: &[&str]| state(&headers(&TRACESTATE, values));
        let good = ["a=1, b@c=x y,,", "\t0t*/_-@v=!~ "];
        assert_eq!(verdict(&good).as_deref(), Some("a=1,b@c=x y,0t*/_-@v=!~"));
        let members =
            |number: usize| (0..number).map(|at| format!("k{at}=v")).collect::<Vec<_>>().join(",");
        assert!(verdict(&[&members(32)]).is_some());
        let longest = format!("a={}", "x".repeat(256));
        assert!(verdict(&[&longest]).is_some());
        for bad in [
            &[][..],
            &[""],
            &["a"],
            &["a="],
            &["=1"],
            &["A=1"],
            &["0=1"],
            &["a=1=2"],
            &["a=1", "a=2"],
            &["a=\u{7f}"],
            &["a@=1"],
            &["@a=1"],
            &["a@b@c=1"],
            &["a=1,b c=2"],
            &[&members(33)],
            &[&format!("{longest}x")],
            &[&format!("{}=1", "a".repeat(257))],
        ] {
            // The header itself cannot hold some of them.
            if bad.iter().all(|value| HeaderValue::from_str(value).is_ok()) {
                assert_eq!(verdict(bad), None, "{bad:?}");
            }
        }
    }
}
