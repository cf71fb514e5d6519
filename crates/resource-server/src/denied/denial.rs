//! One denial: which tokens it means, by their names (RFC 7009 §2.1, RFC 9068 §2.2).

use bailiwick_guard::current::Names;
use bailiwick_oauth::{ClientId, Issuer};

/// Which tokens of an issuer must not pass any more: those that have all of the names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    issuer: Issuer,
    /// INVARIANT: there is one at least, or every token would be meant.
    names: Vec<Name>,
    at: i64,
}

/// A name by which tokens are denied. It means nothing without its issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// The token's own identifier (`jti`).
    Token(String),
    /// The grant that it came of: what stands before the first `.` of the `jti` of the tokens that
    /// Bailiwick's authorization server issues for a user.
    Grant(String),
    /// The session that it came of (`sid`).
    Session(String),
    /// Whom it speaks of (`sub`).
    Subject(String),
    /// Who holds it (`client_id`).
    Client(String),
}

impl Denial {
    /// Denies the tokens of an issuer that have this name. `at` is when it was revoked, in seconds
    /// since 1970.
    ///
    /// A token, a grant and a session end for good: all that is left of them is denied. Subjects
    /// and clients go on: only tokens that were issued at or before `at` are denied.
    pub fn new(issuer: Issuer, name: Name, at: i64) -> Self {
        Self { issuer, names: vec![name], at }
    }

    /// Spares the tokens that do not have this name too. A second name of the same kind takes the
    /// place of the first.
    pub fn and(mut self, name: Name) -> Self {
        self.names.retain(|other| other.kind() != name.kind());
        self.names.push(name);
        self
    }

    pub(super) fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    pub(super) fn at(&self) -> i64 {
        self.at
    }

    /// When the last token was issued that is meant; `None` where it does not matter.
    pub(super) fn issued_until(&self) -> Option<i64> {
        let goes_on = |name: &Name| matches!(name, Name::Subject(_) | Name::Client(_));
        self.names.iter().all(goes_on).then_some(self.at)
    }

    pub(super) fn parts(&self) -> Parts<'_> {
        let mut parts = Parts::default();
        for name in &self.names {
            parts[name.kind()] = Some(name.text());
        }
        parts
    }

    pub(super) fn shape(&self) -> Shape {
        Shape(self.names.iter().fold(0, |shape, name| shape | 1 << name.kind()))
    }
}

impl Name {
    /// Its place among the [`Parts`].
    fn kind(&self) -> usize {
        match self {
            Self::Token(_) => 0,
            Self::Grant(_) => 1,
            Self::Session(_) => 2,
            Self::Subject(_) => 3,
            Self::Client(_) => 4,
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Token(text)
            | Self::Grant(text)
            | Self::Session(text)
            | Self::Subject(text)
            | Self::Client(text) => text,
        }
    }
}

/// The names of a token or of a denial, a place for each kind.
pub(super) type Parts<'n> = [Option<&'n str>; KINDS];

/// How many kinds of names there are.
const KINDS: usize = 5;

/// The names of a token, in the order of [`Name::kind`].
pub(super) fn parts_of<'t>(token: &Names<'t>) -> Parts<'t> {
    let grant = token.jti.and_then(|jti| jti.split_once('.')).map(|(grant, _)| grant);
    let client = token.client_id.map(ClientId::as_str);
    [token.jti, grant, token.session, Some(token.subject.as_str()), client]
}

/// Which kinds of names a denial has: bit `n` for the kind `n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shape(u8);

impl Shape {
    /// How many there could be, among them the one without any name, which no denial has.
    pub(super) const COUNT: usize = 1 << KINDS;

    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Its bit in a set of shapes.
    pub(super) fn bit(self) -> u32 {
        1 << self.0
    }

    /// The shapes of a set.
    pub(super) fn all_in(mut set: u32) -> impl Iterator<Item = Self> {
        std::iter::from_fn(move || {
            let lowest = u8::try_from(set.trailing_zeros()).ok().filter(|_| set != 0)?;
            set &= set - 1;
            Some(Self(lowest))
        })
    }

    /// Those names that are of the shape; `None` when one of them is missing.
    pub(super) fn select<'n>(self, names: &Parts<'n>) -> Option<Parts<'n>> {
        let mut selected = Parts::default();
        for (kind, name) in names.iter().enumerate() {
            if self.0 & 1 << kind != 0 {
                selected[kind] = Some((*name)?);
            }
        }
        Some(selected)
    }
}
