//! One pass over a JSON text that builds nothing: the same rules as [`parse`](super::parse).

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{DEEPEST, Malformed};

/// Up to so many names of one object are compared with each other; more of them are sorted.
const FEW: usize = 24;

/// How long a member of a token is, more or less.
const USUAL: usize = 24;

/// A member of an object: where its name and its value stand.
pub(super) struct Member {
    name: Inside,
    mark: Mark,
    pub(super) value: Place,
    /// Whether the value is a string to be read through its escapes.
    pub(super) is_escaped: bool,
}

impl Member {
    /// Its name, in the text that was scanned.
    pub(super) fn name<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.name.read(text)
    }

    /// Whether this is its name, which has that mark.
    #[inline]
    pub(super) fn is_called(&self, name: &str, mark: Mark, text: &str) -> bool {
        self.mark == mark && (mark.is_whole() || self.has_name(name, text))
    }

    fn has_name(&self, name: &str, text: &str) -> bool {
        self.name(text) == name
    }
}

/// The inside of a string's quotes.
#[derive(Clone, Copy)]
struct Inside {
    place: Place,
    is_escaped: bool,
}

impl Inside {
    fn read(self, text: &str) -> Cow<'_, str> {
        let inside = self.place.of(text);
        if self.is_escaped { unescaped(inside) } else { Cow::Borrowed(inside) }
    }

    fn mark(self, text: &str) -> Mark {
        let Place { start, end } = self.place;
        match text.as_bytes().get(start as usize..end as usize) {
            Some(inside) if !self.is_escaped => Mark::of(inside),
            _ => Mark::of(self.read(text).as_bytes()),
        }
    }
}

/// Where a part of the text stands, in half the room of a range: there are many.
#[derive(Clone, Copy)]
pub(super) struct Place {
    start: u32,
    end: u32,
}

impl Place {
    fn new(start: usize, end: usize) -> Self {
        // INVARIANT: no text is longer, see `members`.
        let short = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Self { start: short(start), end: short(end) }
    }

    #[inline]
    pub(super) fn of(self, text: &str) -> &str {
        &text[self.start as usize..self.end as usize]
    }
}

/// The length of a name and how it begins: names that differ in one of them need no comparison.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    length: usize,
    start: u64,
}

impl Mark {
    #[inline]
    pub(super) fn of(name: &[u8]) -> Self {
        let start = match name.first_chunk() {
            Some(start) => u64::from_le_bytes(*start),
            None => name.iter().rfold(0, |start, octet| start << 8 | u64::from(*octet)),
        };
        Self { length: name.len(), start }
    }

    /// Whether the name is no longer than what the mark has of it.
    fn is_whole(self) -> bool {
        self.length <= size_of::<u64>()
    }
}

/// The marks of some names, as a set that may hold more of them: whatever it does not hold is absent.
#[derive(Clone, Copy, Default)]
pub(super) struct Marks(u64);

impl Marks {
    #[inline]
    pub(super) fn may_hold(self, mark: Mark) -> bool {
        self.0 & Self::bit(mark) != 0
    }

    fn insert(&mut self, mark: Mark) {
        self.0 |= Self::bit(mark);
    }

    /// One bit out of 64, by a multiplication that spreads the marks over them.
    #[inline]
    fn bit(mark: Mark) -> u64 {
        1 << ((mark.start ^ mark.length as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58)
    }
}

/// Checks that the whole text is one object, and says where its members stand and how they are marked.
pub(super) fn members(text: &str) -> Result<(Vec<Member>, Marks), Malformed> {
    if u32::try_from(text.len()).is_err() {
        return Err(Malformed::TooLong); // for a `Place`
    }
    let members = Vec::with_capacity((text.len() / USUAL).clamp(4, 16));
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
    let (words, rest) = bytes.as_chunks();
    for (at, word) in words.iter().enumerate() {
        let ends = ends(u64::from_le_bytes(*word));
        if ends != 0 {
            return at * size_of::<u64>() + ends.trailing_zeros() as usize / 8;
        }
    }
    let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
    bytes.len() - rest.len() + rest.iter().position(ends).unwrap_or(rest.len())
}

/// The same for eight octets at a time: marks the highest bit of the first one that does not stand for
/// itself, the least significant. What is set above it means nothing.
fn ends(word: u64) -> u64 {
    const EACH: u64 = u64::MAX / 0xff; // 0x01 in each octet
    // Whatever is below borrows, which sets its highest bit and perhaps those above it.
    let below = |word: u64, least: u8| word.wrapping_sub(EACH * u64::from(least)) & !word;
    let is = |octet: u8| below(word ^ (EACH * u64::from(octet)), 1);
    (is(b'"') | is(b'\\') | below(word, b' ')) & (EACH << 7)
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
            Some(b'"') => return self.string().map(|inside| inside.is_escaped),
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
            let name = self.string()?;
            self.space();
            self.expect(b':')?;
            self.space();
            let start = self.at;
            let is_escaped = self.value(room)?;
            let (mark, value) = (name.mark(self.text), Place::new(start, self.at));
            self.note(Member { name, mark, value, is_escaped }, &mut names)?;
            self.space();
            if self.take(b'}') {
                return Ok(names.marks);
            }
            self.expect(b',')?;
        }
    }

    /// A string (RFC 8259 §7).
    #[inline]
    fn string(&mut self) -> Result<Inside, Malformed> {
        self.expect(b'"')?;
        let start = self.at;
        let mut is_escaped = false;
        loop {
            self.at += plain(&self.bytes[self.at..]);
            match self.peek() {
                Some(b'"') => {
                    let place = Place::new(start, self.at);
                    self.at += 1;
                    return Ok(Inside { place, is_escaped });
                }
                Some(b'\\') => {
                    is_escaped = true;
                    self.escape()?;
                }
                _ => return Err(Malformed::Syntax),
            }
        }
    }

    #[cold]
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
        let (text, mark) = (self.text, member.mark);
        let others = &self.members[names.first..];
        let is_known = if others.len() < FEW {
            names.marks.may_hold(mark) && {
                let name = member.name(text);
                others.iter().any(|other| other.is_called(&name, mark, text))
            }
        } else {
            // From here on all of them are sorted: comparing would cost the square.
            if names.many.is_empty() {
                names.many.extend(others.iter().map(|other| other.name(text)));
            }
            !names.many.insert(member.name(text))
        };
        names.marks.insert(mark);
        self.members.push(member);
        if is_known { Err(Malformed::Duplicate) } else { Ok(()) }
    }
}
