//! The headers in which proxies say which certificate the client showed (RFC 9440 §2.2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};
use percent_encoding::percent_decode_str;

use super::Shown;

/// A header with the client's certificate, as the proxy before this server writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateHeader {
    /// `Client-Cert: :MIIB…:`, the standard's own: the certificate in base64 (RFC 9440 §2.2).
    ClientCert,
    /// The certificate as percent-encoded PEM: nginx's `$ssl_client_escaped_cert`, AWS's
    /// `X-Amzn-Mtls-Clientcert-Leaf`. One certificate, no chain.
    Pem {
        /// The header.
        name: HeaderName,
    },
    /// Envoy's `X-Forwarded-Client-Cert`: its `Hash`.
    ///
    /// It must hold one element: Envoy shall set it (`SANITIZE_SET`), not append to it. Of several
    /// elements, the last describes the hop before this server, which need not be the client, and
    /// the others whatever that hop was told. They are refused.
    Xfcc,
    /// The SHA-256 digest of the certificate in hexadecimal: HAProxy's `%[ssl_c_der,sha2(256),hex]`.
    Sha256Hex {
        /// The header.
        name: HeaderName,
    },
}

impl CertificateHeader {
    /// The header's name.
    pub fn name(&self) -> HeaderName {
        match self {
            Self::ClientCert => HeaderName::from_static("client-cert"),
            Self::Xfcc => HeaderName::from_static("x-forwarded-client-cert"),
            Self::Pem { name } | Self::Sha256Hex { name } => name.clone(),
        }
    }

    /// Reads the header; `None` when it is absent, malformed, or there twice.
    pub fn read(&self, headers: &HeaderMap) -> Option<Shown> {
        let mut values = headers.get_all(self.name()).iter();
        let value = values.next().filter(|_| values.next().is_none())?.to_str().ok()?;
        match self {
            Self::ClientCert => certificate(byte_sequence(value)?),
            Self::Pem { .. } => pem(&percent_decode_str(value).decode_utf8().ok()?),
            Self::Xfcc => xfcc(value),
            Self::Sha256Hex { .. } => hex(value),
        }
    }
}

/// The text of a byte sequence (RFC 8941 §3.3.5); RFC 9440 defines no parameters.
fn byte_sequence(value: &str) -> Option<&str> {
    value.trim_matches(' ').strip_prefix(':')?.strip_suffix(':')
}

fn certificate(base64: &str) -> Option<Shown> {
    let der = STANDARD.decode(base64).ok()?;
    (!der.is_empty()).then(|| Shown::Der(der))
}

/// One certificate with nothing around it but white space (RFC 7468 §5).
fn pem(text: &str) -> Option<Shown> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let body = text.trim_ascii().strip_prefix(BEGIN)?.strip_suffix(END)?;
    // A second certificate has dashes, which base64 has not.
    certificate(&body.lines().map(str::trim_ascii_end).collect::<String>())
}

/// The `Hash` of the only element: `By=…;Hash=…;Subject="…"`.
fn xfcc(value: &str) -> Option<Shown> {
    let mut hashes = pairs(value)?.into_iter().filter(|(key, _)| key.eq_ignore_ascii_case("hash"));
    let (_, hash) = hashes.next().filter(|_| hashes.next().is_none())?;
    hex(hash)
}

/// The pairs of an element; `None` when there is another element, or it is malformed.
///
/// A quoted value may hold any character, with a backslash before its quotes: the client chose the
/// subject of its certificate, and so what stands there.
fn pairs(element: &str) -> Option<Vec<(&str, &str)>> {
    let mut pairs = Vec::new();
    let mut rest = element.trim_ascii();
    loop {
        let (key, after) = rest.split_once('=')?;
        if key.is_empty() || !key.bytes().all(|c| c.is_ascii_alphanumeric()) {
            return None;
        }
        let end = match after.strip_prefix('"') {
            Some(quoted) => 1 + closing_quote(quoted)? + 1,
            None => after.find([';', ',', '"']).unwrap_or(after.len()),
        };
        let (value, after) = after.split_at(end);
        pairs.push((key, value));
        match after.strip_prefix(';') {
            Some(next) => rest = next,
            None if after.is_empty() => return Some(pairs),
            None => return None, // a comma: another element
        }
    }
}

fn closing_quote(quoted: &str) -> Option<usize> {
    let mut is_escaped = false;
    quoted.bytes().position(|c| {
        let closes = c == b'"' && !is_escaped;
        is_escaped = c == b'\\' && !is_escaped;
        closes
    })
}

fn hex(text: &str) -> Option<Shown> {
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut digest = [0; 32];
    for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? << 4 | digit(1)?).ok()?;
    }
    Some(Shown::Digest(digest))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const DER: &[u8] = b"\x30\x03\x02\x01\x07\xff\xfb\xfe";
    const BASE64: &str = "MAMCAQf/+/4=";
    const HASH: &str = "8d2e7b90c2b1aa4a1f7a4e9e4f6c3b5a7d9e8f0011223344556677889900aabb";

    fn name() -> HeaderName {
        HeaderName::from_static("x-client-cert")
    }

    fn verdict(header: &CertificateHeader, values: &[&str]) -> Option<Shown> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header.name(), HeaderValue::from_str(value).unwrap());
        }
        header.read(&headers)
    }

    fn hash() -> Shown {
        let byte = |at: usize| u8::from_str_radix(&HASH[2 * at..2 * at + 2], 16).unwrap();
        Shown::Digest(std::array::from_fn(byte))
    }

    #[test]
    fn a_byte_sequence_is_read() {
        let read = |value: &str| verdict(&CertificateHeader::ClientCert, &[value]);
        let good = Some(Shown::Der(DER.to_vec()));
        assert_eq!(read(&format!(":{BASE64}:")), good);
        assert_eq!(read(&format!(" :{BASE64}: ")), good);
        let cases = [
            String::new(),
            ":".to_owned(),
            "::".to_owned(),
            BASE64.to_owned(),
            format!(":{BASE64}"),
            format!("{BASE64}:"),
            format!("::{BASE64}::"),
            format!(":{BASE64}:;a=1"),
            format!(":{BASE64}:, :{BASE64}:"),
            format!("\":{BASE64}:\""),
            format!(": {BASE64}:"),
            ":MAMCAQf_-_4=:".to_owned(), // another alphabet
            ":MAMCAQf/+/4:".to_owned(),  // no padding
            ":MAMCAQf/+/5=:".to_owned(), // stray bits
            ":!:".to_owned(),
        ];
        for bad in cases {
            assert_eq!(read(&bad), None, "{bad}");
        }
    }

    #[test]
    fn a_percent_encoded_pem_is_read() {
        let header = CertificateHeader::Pem { name: name() };
        let read = |value: &str| verdict(&header, &[value]);
        let good = Some(Shown::Der(DER.to_vec()));
        let begin = "-----BEGIN%20CERTIFICATE-----";
        let end = "-----END%20CERTIFICATE-----";
        for text in [
            format!("{begin}%0AMAMCAQf%2F%2B%2F4%3D%0A{end}%0A"),
            format!("{begin}%0aMAMCAQf/+/4=%0a{end}%0a"), // what is safe is left as it is
            format!("{begin}%0D%0AMAMC%0D%0AAQf%2F%2B%2F4%3D%0D%0A{end}%0D%0A"),
        ] {
            assert_eq!(read(&text), good, "{text}");
        }
        let one = format!("{begin}%0A{BASE64}%0A{end}%0A");
        for bad in [
            String::new(),
            BASE64.to_owned(),
            format!("{one}{one}"), // a chain
            format!("{one},{one}"),
            format!("x{one}"),
            format!("{one}x"),
            format!("{begin}%0A%0A{end}%0A"),
            format!("{begin}%0AMAMCAQf/%20/4=%0A{end}%0A"), // a plus that became a space
            format!("{begin}%0A{BASE64}%{end}"),
            format!("{begin}%FF{end}"),
            one.replace("CERTIFICATE", "PRIVATE%20KEY"),
        ] {
            assert_eq!(read(&bad), None, "{bad}");
        }
    }

    #[test]
    fn the_hash_of_the_only_element_is_read() {
        let read = |value: &str| verdict(&CertificateHeader::Xfcc, &[value]);
        for good in [
            format!("Hash={HASH}"),
            format!("hash={}", HASH.to_uppercase()),
            format!("By=spiffe://a/b;Hash={HASH};URI=spiffe://a/c;DNS=d"),
            format!(r#"Hash={HASH};Subject="CN=a, O=\"b;Hash=0\\\", c";Cert="-----BEGIN%20""#),
            format!("By=;Hash={HASH}"),
        ] {
            assert_eq!(read(&good), Some(hash()), "{good}");
        }
        let zeros = "0".repeat(64);
        for bad in [
            String::new(),
            HASH.to_owned(),
            "By=a".to_owned(),
            format!("Hash={HASH},Hash={HASH}"), // which of the hops is the client?
            format!("Hash={zeros},By=a;Hash={HASH}"),
            format!("Hash={HASH},"),
            format!("Hash={HASH};"),
            format!("Hash={HASH};Hash={zeros}"),
            format!("Hash={HASH};hash={HASH}"),
            format!("Hash=\"{HASH}\""),
            format!("Hash={HASH}0"),
            format!("Hash={}", &HASH[1..]),
            format!("Hash=+{}", &HASH[1..]),
            format!(" Hash ={HASH}"),
            format!("Subject=\"CN=a;Hash={HASH}"), // a quote that does not end
            format!("Subject=\"CN=a\\\";Hash={HASH}\""), // inside of a quote
            format!("Subject=a\";Hash={HASH}"),
            format!("Subject=\"a\"b;Hash={HASH}"),
            format!("=;Hash={HASH}"),
        ] {
            assert_eq!(read(&bad), None, "{bad}");
        }
    }

    #[test]
    fn a_digest_in_hexadecimal_is_read() {
        let header = CertificateHeader::Sha256Hex { name: name() };
        let read = |value: &str| verdict(&header, &[value]);
        assert_eq!(read(HASH), Some(hash()));
        assert_eq!(read(&HASH.to_uppercase()), Some(hash()));
        let colons: Vec<_> = (0..32).map(|at| &HASH[2 * at..2 * at + 2]).collect();
        for bad in
            ["", &HASH[2..], &format!("{HASH}00"), &colons.join(":"), &HASH.replace('8', "g")]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_header_that_stands_there_twice_is_none() {
        let (sequence, pem) = (format!(":{BASE64}:"), BASE64.to_owned());
        let cases = [
            (CertificateHeader::ClientCert, sequence),
            (CertificateHeader::Pem { name: name() }, pem),
            (CertificateHeader::Xfcc, format!("Hash={HASH}")),
            (CertificateHeader::Sha256Hex { name: name() }, HASH.to_owned()),
        ];
        for (header, value) in cases {
            assert_eq!(verdict(&header, &[&value, &value]), None, "{header:?}");
            assert_eq!(verdict(&header, &[]), None, "{header:?}");
        }
    }
}
