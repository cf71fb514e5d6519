//! Mutations of seeds: without coverage to learn from, they know what the inputs look like.

use bailiwick_jose::base64url;

/// A reproducible source of choices (SplitMix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, or 0 when there is none.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % end).unwrap_or_default()
    }

    fn one<'t, T: ?Sized>(&mut self, of: &[&'t T]) -> &'t T {
        of[self.below(of.len())]
    }

    /// A range inside of `length`, mostly short.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        let longest = if self.below(4) == 0 { length } else { 16 };
        start..(start + self.below(longest + 1)).min(length)
    }
}

/// Makes a new input of one seed, or of two.
pub(crate) fn mutate(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut input = corpus.get(random.below(corpus.len())).cloned().unwrap_or_default();
    let steps = if random.below(2) == 0 { 1 } else { 1 + random.below(4) };
    for _ in 0..steps {
        let other = corpus.get(random.below(corpus.len())).map_or(&[][..], Vec::as_slice);
        step(random, &mut input, other);
        input.truncate(LONGEST);
    }
    input
}

fn step(random: &mut Random, input: &mut Vec<u8>, other: &[u8]) {
    // A segment of a compact token, changed under its encoding.
    if random.below(2) == 0 && !input.contains(&b'{') && segment(random, input, other).is_some() {
        return;
    }
    if random.below(2) == 0 && input.contains(&b'"') {
        return json(random, input);
    }
    match random.below(11) {
        0 if !input.is_empty() => {
            let at = random.below(input.len());
            input[at] ^= 1 << random.below(8);
        }
        1 if !input.is_empty() => {
            let at = random.below(input.len());
            input[at] = BYTES[random.below(BYTES.len())];
        }
        2 => {
            let range = random.range(input.len());
            input.drain(range);
        }
        3 => {
            let copied = input[random.range(input.len())].to_vec();
            let at = random.below(input.len() + 1);
            input.splice(at..at, copied);
        }
        4 => {
            let copied = other[random.range(other.len())].to_vec();
            let range = random.range(input.len());
            input.splice(range, copied);
        }
        5 => {
            let (head, tail) = (random.below(input.len() + 1), random.below(other.len() + 1));
            input.truncate(head);
            input.extend_from_slice(&other[tail..]);
        }
        6 => {
            let repeated = input[random.range(input.len())].repeat(1 << random.below(12));
            let at = random.below(input.len() + 1);
            input.splice(at..at, repeated);
        }
        7 => {
            let word = random.one(WORDS).bytes();
            let at = random.below(input.len() + 1);
            input.splice(at..at, word);
        }
        8 => token(random, input, |c| c.is_ascii_digit() || b"-.+eE".contains(&c), NUMBERS),
        9 => token(random, input, |c| c.is_ascii_alphanumeric() || b"_#:/-.".contains(&c), WORDS),
        _ => {
            let range = random.range(input.len());
            for c in &mut input[range] {
                *c ^= if c.is_ascii_alphabetic() { 0x20 } else { 0 };
            }
        }
    }
}

/// A change after which JSON mostly still is JSON.
fn json(random: &mut Random, input: &mut Vec<u8>) {
    let strings = strings(input);
    let Some(inside) = strings.get(random.below(strings.len())).cloned() else { return };
    let word = random.one(WORDS).bytes();
    match random.below(8) {
        0 => drop(input.splice(inside, word)),
        1 => drop(input.splice(inside.start..inside.start, word)),
        2 => drop(input.splice(inside.end..inside.end, word)),
        3 => drop(input.splice(inside.start - 1..=inside.end, random.one(NUMBERS).bytes())),
        4 => {
            // The same in a list, by itself or with others.
            let quoted = [b"\"", &input[inside.clone()], b"\""].concat();
            let list = [b"[", &quoted[..], b",\"other\"]"].concat();
            input.splice(inside.start - 1..=inside.end, list);
        }
        5 => token(random, input, |c| c.is_ascii_digit() || b"-.+eE".contains(&c), NUMBERS),
        6 => {
            // What another string says.
            let other = strings[random.below(strings.len())].clone();
            let copied = input[other].to_vec();
            input.splice(inside, copied);
        }
        _ => duplicate_member(random, input),
    }
}

/// Where the insides of quotes stand.
fn strings(input: &[u8]) -> Vec<std::ops::Range<usize>> {
    let (mut found, mut start, mut escaped) = (Vec::new(), None, false);
    for (at, c) in input.iter().enumerate() {
        match (c, start) {
            _ if escaped => escaped = false,
            (b'\\', Some(_)) => escaped = true,
            (b'"', Some(start_at)) => {
                found.push(start_at..at);
                start = None;
            }
            (b'"', None) => start = Some(at + 1),
            _ => {}
        }
    }
    found
}

/// Puts another word in the place of a run of some characters: a number, a name, a value.
fn token(random: &mut Random, input: &mut Vec<u8>, is_part: impl Fn(u8) -> bool, words: &[&str]) {
    let from = random.below(input.len());
    let Some(start) = input.iter().skip(from).position(|c| is_part(*c)).map(|at| from + at) else {
        return;
    };
    let end = input[start..].iter().position(|c| !is_part(*c)).map_or(input.len(), |at| start + at);
    input.splice(start..end, random.one(words).bytes());
}

/// Writes a member of a JSON object a second time, its name perhaps escaped.
fn duplicate_member(random: &mut Random, input: &mut Vec<u8>) {
    let starts: Vec<usize> = input
        .iter()
        .enumerate()
        .filter(|(_, c)| matches!(c, b'{' | b','))
        .map(|(i, _)| i)
        .collect();
    let Some(start) = starts.get(random.below(starts.len())).map(|at| at + 1) else { return };
    let Some(end) = input[start..].iter().position(|c| matches!(c, b',' | b'}')) else { return };
    let mut copy = input[start..start + end].to_vec();
    if random.below(2) == 0 && copy.len() > 2 && copy[0] == b'"' {
        let escaped = format!("\\u{:04x}", copy[1]);
        copy.splice(1..2, escaped.bytes());
    }
    if random.below(2) == 0 {
        token(random, &mut copy, |c| c.is_ascii_alphanumeric(), WORDS);
    }
    copy.push(b',');
    input.splice(start..start, copy);
}

fn segment(random: &mut Random, input: &mut Vec<u8>, other: &[u8]) -> Option<()> {
    let text = std::str::from_utf8(input).ok()?;
    let mut segments: Vec<String> = text.split('.').map(ToOwned::to_owned).collect();
    if segments.len() < 3 {
        return None;
    }
    let at = random.below(segments.len());
    let mut decoded = base64url::decode(&segments[at]).ok()?;
    if decoded.contains(&b'.') {
        return None; // no tokens inside of tokens inside of tokens
    }
    step(random, &mut decoded, other);
    segments[at] = base64url::encode(&decoded);
    *input = segments.join(".").into_bytes();
    Some(())
}

/// Inputs grow no longer than this: somewhat more than any parser takes.
const LONGEST: usize = 72 * 1024;

const BYTES: &[u8] = b"\0\t\n\r \"%&'*+,-./0:;<=>?@A[\\]^_{|}~\x7f\x80\xc0\xff";

const NUMBERS: &[&str] = &[
    "0",
    "-1",
    "1",
    "-0",
    "0.5",
    "1e300",
    "1e-300",
    "1e400",
    "1.7976931348623157e308",
    "1.7976931348623158e308",
    "1.7976931348623159e308",
    "1.8e308",
    "-1e309",
    "1E+2",
    "01",
    "1.",
    ".5",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "-9223372036854775809",
    "1699999990",
    "1699999989",
    "1699999990.5",
    "1700000010",
    "1700000011",
    "1700000000.9",
    "\"1\"",
    "null",
    "true",
    "[]",
    "{}",
    "253402300800",
];

#[rustfmt::skip] // a dictionary reads as one
const WORDS: &[&str] = &[
    // JOSE
    "alg", "typ", "kid", "crit", "zip", "b64", "cty", "enc", "epk", "apu", "apv", "p2c", "p2s", "jwk", "jku", "x5u",
    "x5c", "kty", "crv", "use", "key_ops", "keys", "none", "None", "HS256", "RS256", "RS512", "PS256", "ES256", "ES384",
    "EdDSA", "Ed25519", "at+jwt", "application/at+jwt", "AT+JWT", "JWT", "dpop+jwt", "logout+jwt", "secevent+jwt",
    "statuslist+jwt", "dir", "RSA-OAEP-256", "RSA1_5", "ECDH-ES", "ECDH-ES+A128KW", "PBES2-HS256+A128KW", "A128GCM",
    "A256GCM", "A128CBC-HS256", "DEF", "RSA", "EC", "OKP", "oct", "P-256", "P-384", "secp256k1", "sig",
    // Claims
    "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope", "cnf", "jkt", "x5t#S256", "status", "status_list",
    "idx", "uri", "bits", "lst", "ttl", "active", "nonce", "events", "acr", "amr", "auth_time", "roles",
    "authorization_details", "type", "htm", "htu", "ath", "token_type", "DPoP", "sub_id", "format", "iss_sub", "complex",
    "issuer", "resource", "GET", "read:orders", "https://id.example.com", "https://api.example.com/orders",
    "https://api.example.com/order", "https://api.example.com", "{tenantid}",
    // JSON
    "null", "true", "false", "[]", "{}", "{", "[", "\"", "\"\":", ",\"a\":1", "\\u0000", "\\ud800", "\\u0061", "\\ud83d\\ude00", "\\\\", "\\/", "\u{feff}",
    // HTTP and URIs
    "Bearer ", "bearer ", "DPoP ", "Basic ", "access_token=", "%61ccess_token=", "&", "?", "#", "//", "/../", "/./", "%2e%2e",
    "%2F", "%00", "%", ":443", ":0", ":", "@", "[::1]", "127.0.0.1", "localhost", "http://", "https://", "urn:", "javascript:",
    "data:", "é", "..", ".", "=", "==", "\r\n", "\n", "\t", " ", "/", "2", ".evil", ".evil.example",
];
