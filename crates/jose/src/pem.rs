//! Private keys as text (RFC 7468 §10).

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

/// The DER of one `PRIVATE KEY`, with nothing around it but white space.
///
/// Encrypted keys and the older labels (`RSA PRIVATE KEY`, `EC PRIVATE KEY`) are not read, nor is
/// text before or after the key, which would hide a second one.
pub(crate) fn private_key(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let body = text.trim_ascii().strip_prefix(BEGIN)?.strip_suffix(END)?;
    if !body.starts_with(['\r', '\n']) || !body.ends_with('\n') {
        return None;
    }
    let mut digits = Zeroizing::new(String::with_capacity(body.len()));
    for line in body.lines() {
        digits.push_str(line.trim_ascii_end());
    }
    let der = Zeroizing::new(STANDARD.decode(digits.as_bytes()).ok()?);
    (!der.is_empty()).then_some(der)
}

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
