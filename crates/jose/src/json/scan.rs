//! One pass over a JSON text that builds nothing: the same rules as [`parse`](super::parse).

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use super::{DEEPEST, Malformed};

/// Up to so many names of one object are compared with each other; more of them are sorted.
const FEW: usize = 24;

/// A member of an object: where its name and its value stand.
pub(super) struct Member {
    /// Between the name's quotes.
    name: Range<usize>,
    mark: Mark,
    pub(super) value: Range<usize>,
    /// Whether the value is a string to be read through its escapes.
    pub(super) is_escaped: bool,
}

impl Member {
    /// Its name, in the text that was scanned.
    pub(super) fn name<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let inside = &text[self.name.clone()];
        if self.mark == ESCAPED { unescaped(inside) } else { Cow::Borrowed(inside) }
    }

    /// Whether this is its name, which has that mark.
    #[inline]
    pub(super) fn is_called(&self, name: &str, mark: Mark, text: &str) -> bool {
        (self.mark == mark || self.mark == ESCAPED) && self.name(text) == name
    }
}

/// The length and both ends of a name: names that differ in one of them need no comparison.
pub(super) type Mark = u32;

/// The mark of a name that is to be read through its escapes: it may be like any other.
const ESCAPED: Mark = 0;

pub(super) fn mark(name: &[u8]) -> Mark {
    let [.., high, low] = name.len().to_be_bytes(); // the rest differs in the comparison
    let end = |end: Option<&u8>| end.copied().unwrap_or_default();
    Mark::from_be_bytes([high, low, end(name.first()), end(name.last())])
}

/// The marks of some names, as a set that may hold more of them: whatever it does not hold is absent.
#[derive(Clone, Copy, Default)]
pub(super) struct Marks(u64);

impl Marks {
    pub(super) fn may_hold(self, mark: Mark) -> bool {
        self.0 & Self::bits(mark) != 0
    }

    fn insert(&mut self, mark: Mark) {
        self.0 |= Self::bits(mark);
    }

    /// One bit out of 64, by a multiplication that spreads the marks over them.
    fn bits(mark: Mark) -> u64 {
        if mark == ESCAPED { u64::MAX } else { 1 << (mark.wrapping_mul(0x9e37_79b9) >> 26) }
    }
}

/// Checks that the whole text is one object, and says where its members stand and how they are marked.
pub(super) fn members(text: &str) -> Result<(Vec<Member>, Marks), Malformed> {
    let members = Vec::with_capacity(16);
    let mut scanner = Scanner { text, bytes: text.as_bytes(), at: 0, members };
    scanner.space();
    let marks = scanner.object(DEEPEST)?;
    scanner.space();
    if scanner.at == text.len() { Ok((scanner.members, marks)) } else { Err(Malformed::Trailing) }
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

/// How many octets stand for themselves in a string, up to a quote, an escape or what none may hold.
fn plain(bytes: &[u8]) -> usize {
    let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
    bytes.iter().position(ends).unwrap_or(bytes.len())
}

struct Scanner<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    /// Of the objects that are open, those of the innermost last.
    members: Vec<Member>,
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

    /// A value; says whether it is a string that has escapes.
    fn value(&mut self, room: usize) -> Result<bool, Malformed> {
        match self.peek() {
            Some(b'"') => return self.string().map(|(_, is_escaped)| is_escaped),
            Some(b'{') => {
                let outside = self.members.len();
                self.object(room)?;
                self.members.truncate(outside);
            }
            Some(b'[') => self.array(room)?,
            Some(b't') => self.word("true")?,
            Some(b'f') => self.word("false")?,
            Some(b'n') => self.word("null")?,
            _ => self.number()?,
        }
        Ok(false)
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

    /// An object, whose members are left behind; gives their marks.
    fn object(&mut self, room: usize) -> Result<Marks, Malformed> {
        let room = room.checked_sub(1).ok_or(Malformed::TooDeep)?;
        self.expect(b'{')?;
        self.space();
        let mut names = Names { first: self.members.len(), ..Names::default() };
        if self.take(b'}') {
            return Ok(names.marks);
        }
        loop {
            self.space();
            let (name, is_escaped) = self.string()?;
            let mark = if is_escaped { ESCAPED } else { mark(&self.bytes[name.clone()]) };
            self.space();
            self.expect(b':')?;
            self.space();
            let start = self.at;
            let is_escaped = self.value(room)?;
            let member = Member { name, mark, value: start..self.at, is_escaped };
            self.note(member, &mut names)?;
            self.space();
            if self.take(b'}') {
                return Ok(names.marks);
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
            self.at += plain(&self.bytes[self.at..]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok((start..self.at - 1, is_escaped));
                }
                Some(b'\\') => {
                    is_escaped = true;
                    self.escape()?;
                }
                _ => return Err(Malformed::Syntax),
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

/// The names of an object that is open.
#[derive(Default)]
struct Names<'t> {
    /// Where its members begin.
    first: usize,
    marks: Marks,
    /// All of them, once they are many.
    many: BTreeSet<Cow<'t, str>>,
}

impl<'t> Scanner<'t> {
    /// Notes a member of the innermost object; none may have the name of another (RFC 7493 §2.3).
    fn note(&mut self, member: Member, names: &mut Names<'t>) -> Result<(), Malformed> {
        let (text, name) = (self.text, member.name(self.text));
        let others = &self.members[names.first..];
        let is_known = if others.len() < FEW {
            names.marks.may_hold(member.mark) && others.iter().any(|other| other.name(text) == name)
        } else {
            // From here on all of them are sorted: comparing would cost the square.
            if names.many.is_empty() {
                names.many.extend(others.iter().map(|other| other.name(text)));
            }
            !names.many.insert(name)
        };
        names.marks.insert(member.mark);
        self.members.push(member);
        if is_known { Err(Malformed::Duplicate) } else { Ok(()) }
    }
}
