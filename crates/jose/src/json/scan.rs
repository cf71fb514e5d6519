//! One pass over a JSON text that builds nothing: the same rules as [`parse`](super::parse).

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use super::{DEEPEST, Malformed};

/// Up to so many names of one object are compared with each other; more of them are sorted.
const FEW: usize = 24;

/// Where a member of the outermost object stands.
pub(super) struct Member {
    pub(super) name: Name,
    pub(super) value: Range<usize>,
}

/// Where a member's name stands.
#[derive(Clone)]
pub(super) struct Name {
    /// Between its quotes.
    pub(super) place: Range<usize>,
    /// What tells it from most other names; `None` for one to be read through its escapes.
    pub(super) mark: Option<Mark>,
}

impl Name {
    /// The name, in the text that was scanned.
    pub(super) fn read<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let inside = &text[self.place.clone()];
        if self.mark.is_some() { Cow::Borrowed(inside) } else { unescaped(inside) }
    }
}

/// The length and both ends of a name: names that differ in one of them need no comparison.
pub(super) type Mark = [u8; 4];

pub(super) fn mark(name: &[u8]) -> Mark {
    let [.., high, low] = name.len().to_be_bytes(); // the rest differs in the comparison
    let end = |end: Option<&u8>| end.copied().unwrap_or_default();
    [high, low, end(name.first()), end(name.last())]
}

/// Checks that the whole text is one object, and says where its members stand.
pub(super) fn members(text: &str) -> Result<Vec<Member>, Malformed> {
    let names = Vec::with_capacity(24);
    let mut scanner = Scanner { text, bytes: text.as_bytes(), at: 0, names };
    let mut members = Vec::with_capacity(16);
    scanner.space();
    scanner.object(DEEPEST, Some(&mut members))?;
    scanner.space();
    if scanner.at == text.len() { Ok(members) } else { Err(Malformed::Trailing) }
}

/// The inside of a string's quotes, read through its escapes; they were checked.
pub(super) fn unescaped(inside: &str) -> Cow<'_, str> {
    if inside.contains('\\') {
        let quoted = format!("\"{inside}\"");
        Cow::Owned(serde_json::from_str(&quoted).unwrap_or_default())
    } else {
        Cow::Borrowed(inside)
    }
}

struct Scanner<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    /// The names of the objects that are open, those of the innermost last.
    names: Vec<Name>,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.take(byte) { Ok(()) } else { Err(Malformed::Syntax) }
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, room: usize) -> Result<(), Malformed> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'{') => self.object(room, None),
            Some(b'[') => self.array(room),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &str) -> Result<(), Malformed> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(Malformed::Syntax);
        }
        self.at += word.len();
        Ok(())
    }

    fn array(&mut self, room: usize) -> Result<(), Malformed> {
        let room = room.checked_sub(1).ok_or(Malformed::TooDeep)?;
        self.expect(b'[')?;
        self.space();
        if self.take(b']') {
            return Ok(());
        }
        loop {
            self.space();
            self.value(room)?;
            self.space();
            if self.take(b']') {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    fn object(
        &mut self,
        room: usize,
        mut members: Option<&mut Vec<Member>>,
    ) -> Result<(), Malformed> {
        let room = room.checked_sub(1).ok_or(Malformed::TooDeep)?;
        self.expect(b'{')?;
        self.space();
        if self.take(b'}') {
            return Ok(());
        }
        let (first, mut many) = (self.names.len(), BTreeSet::new());
        loop {
            self.space();
            let (place, is_escaped) = self.string()?;
            let mark = (!is_escaped).then(|| mark(&self.bytes[place.clone()]));
            let name = Name { place, mark };
            self.note(first, name.clone(), &mut many)?;
            self.space();
            self.expect(b':')?;
            self.space();
            let start = self.at;
            self.value(room)?;
            if let Some(members) = &mut members {
                members.push(Member { name, value: start..self.at });
            }
            self.space();
            if self.take(b'}') {
                self.names.truncate(first);
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    /// A string: where its inside stands, and whether it has escapes (RFC 8259 §7).
    fn string(&mut self) -> Result<(Range<usize>, bool), Malformed> {
        self.expect(b'"')?;
        let start = self.at;
        let mut is_escaped = false;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok((start..self.at - 1, is_escaped));
                }
                Some(b'\\') => {
                    is_escaped = true;
                    self.escape()?;
                }
                Some(0..=0x1f) | None => return Err(Malformed::Syntax),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<(), Malformed> {
        self.expect(b'\\')?;
        let kind = self.peek().ok_or(Malformed::Syntax)?;
        self.at += 1;
        match kind {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(()),
            b'u' => match self.unit()? {
                0xD800..=0xDBFF => {
                    // RFC 7493 §2.1: a half needs its other half.
                    self.expect(b'\\')?;
                    self.expect(b'u')?;
                    let low = self.unit()?;
                    if (0xDC00..=0xDFFF).contains(&low) { Ok(()) } else { Err(Malformed::Syntax) }
                }
                0xDC00..=0xDFFF => Err(Malformed::Syntax),
                _ => Ok(()),
            },
            _ => Err(Malformed::Syntax),
        }
    }

    fn unit(&mut self) -> Result<u16, Malformed> {
        let digits = self.bytes.get(self.at..self.at + 4).ok_or(Malformed::Syntax)?;
        let mut unit = 0_u16;
        for digit in digits {
            let value = char::from(*digit).to_digit(16).ok_or(Malformed::Syntax)?;
            unit = unit << 4 | u16::try_from(value).map_err(|_| Malformed::Syntax)?;
        }
        self.at += 4;
        Ok(unit)
    }

    /// A number that a double can hold (RFC 8259 §6).
    fn number(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        let mut may_be_vast = self.at - start > 300;
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
            may_be_vast = true;
        }
        // As the other reader has it, which gives up a digit before the largest double.
        let is_finite = || serde_json::from_str::<f64>(&self.text[start..self.at]).is_ok();
        if may_be_vast && !is_finite() { Err(Malformed::Syntax) } else { Ok(()) }
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(Malformed::Syntax) }
    }
}

impl<'t> Scanner<'t> {
    /// Notes a name of the object whose names begin at `first`; none may come twice (RFC 7493 §2.3).
    fn note(
        &mut self,
        first: usize,
        name: Name,
        many: &mut BTreeSet<Cow<'t, str>>,
    ) -> Result<(), Malformed> {
        let is_known = if self.names.len() - first < FEW {
            self.names[first..].iter().any(|known| self.is_same(known, &name))
        } else {
            // From here on all of them are sorted: comparing would cost the square.
            if many.is_empty() {
                let known: Vec<_> =
                    self.names[first..].iter().map(|known| known.read(self.text)).collect();
                many.extend(known);
            }
            !many.insert(name.read(self.text))
        };
        self.names.push(name);
        if is_known { Err(Malformed::Duplicate) } else { Ok(()) }
    }

    fn is_same(&self, one: &Name, other: &Name) -> bool {
        let may_be = one.mark == other.mark || one.mark.is_none() || other.mark.is_none();
        may_be && one.read(self.text) == other.read(self.text)
    }
}
