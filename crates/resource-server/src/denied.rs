//! What was revoked before it expired, in the memory of this process (RFC 7009 §3, RFC 8935).
//!
//! Every request is held against the list, whether or not its token was seen before, so what is
//! added counts from the next request on. A look-up costs one hash for each *combination* of names
//! in use (most lists know two or three: by token, by subject, by session), however many denials
//! there are; an empty list costs one load.

mod denial;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use bailiwick_guard::current::{Denials, Names};
use bailiwick_oauth::Issuer;

pub use denial::{Denial, Name};
use denial::{Parts, Shape};

/// The tokens that must not pass any more, though they have not expired.
///
/// Bounded: a list that is full takes nothing more and says so; it never forgets what is in force.
///
/// ```
/// use bailiwick_resource_server::denied::{Denial, DenyList, Name};
/// use bailiwick_resource_server::Issuer;
///
/// let list = DenyList::default();
/// let issuer = Issuer::parse("https://id.example.com")?;
/// let now = 1_800_000_000;
/// // The tokens of alice that the client 'shop' got until now.
/// let denial = Denial::new(issuer, Name::Subject("alice".into()), now)
///     .and(Name::Client("shop".into()));
/// list.add(&denial, now)?;
/// assert_eq!(list.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct DenyList {
    /// Two keys, for 128 bits: what names a token has is up to strangers.
    hashers: (RandomState, RandomState),
    shards: [RwLock<HashMap<Digest, Entry>>; SHARDS],
    /// Which combinations of names are in use: bit `n` for shape `n`.
    shapes: AtomicU32,
    /// For writers, one at a time.
    ledger: Mutex<Ledger>,
    most: usize,
    longest_life: i64,
}

/// Of an issuer and the names of a denial.
type Digest = u128;

#[derive(Clone, Copy)]
struct Entry {
    /// Tokens that were issued later are not meant; `None` where all are.
    issued_until: Option<i64>,
    /// After this every token that is meant has expired.
    until: i64,
}

struct Ledger {
    /// INVARIANT: one item for each entry; its time may be earlier than the entry's.
    by_until: BinaryHeap<Reverse<(i64, Digest, Shape)>>,
    /// How many entries there are of each shape.
    shapes: [usize; Shape::COUNT],
}

/// The list has no room for another denial, which is therefore not in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the deny list is full with {0} entries; allow it more")]
pub struct DenyListFull(pub usize);

impl DenyList {
    /// How many denials a list has room for, unless said otherwise.
    pub const MOST: usize = 100_000;

    /// How long the issuer's tokens live at most, unless said otherwise: a day, and five minutes
    /// because clocks differ.
    pub const LONGEST_LIFE: Duration =
        Duration::from_hours(24).saturating_add(Duration::from_mins(5));

    /// A list with room for `most` denials (some 100 bytes each).
    ///
    /// A denial is forgotten `longest_life` after the revocation: no token may live longer than
    /// that, or it would come back to life.
    pub fn new(most: usize, longest_life: Duration) -> Self {
        Self {
            hashers: (RandomState::new(), RandomState::new()),
            shards: Default::default(),
            shapes: AtomicU32::new(0),
            ledger: Mutex::new(Ledger { by_until: BinaryHeap::new(), shapes: [0; Shape::COUNT] }),
            most,
            longest_life: i64::try_from(longest_life.as_secs()).unwrap_or(i64::MAX),
        }
    }

    /// Adds a denial, in force from the next request on, on every thread; `now` is in seconds since
    /// 1970.
    ///
    /// The same denial again changes nothing; a later one of the same names extends the first. One
    /// that is older than the longest life of a token is not kept: no token is left that it means.
    ///
    /// # Errors
    /// When the list is full of denials that are still needed.
    pub fn add(&self, denial: &Denial, now: i64) -> Result<(), DenyListFull> {
        let until = denial.at().saturating_add(self.longest_life);
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        self.forget(&mut ledger, now);
        if until < now {
            return Ok(());
        }
        let (parts, shape) = (denial.parts(), denial.shape());
        let digest = self.digest(denial.issuer(), &parts);
        let entry = Entry { issued_until: denial.issued_until(), until };
        let mut shard = self.shard(digest).write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = shard.get_mut(&digest) {
            known.extend(entry);
            return Ok(());
        }
        if ledger.by_until.len() >= self.most {
            return Err(DenyListFull(self.most));
        }
        shard.insert(digest, entry);
        drop(shard);
        ledger.by_until.push(Reverse((until, digest, shape)));
        ledger.shapes[shape.index()] += 1;
        self.shapes.fetch_or(shape.bit(), Ordering::Release); // after the entry: now it is looked for
        Ok(())
    }

    /// Forgets the denials whose tokens have all expired. [`add`](Self::add) does so too; a process
    /// that seldom adds any may call this now and then.
    pub fn sweep(&self, now: i64) {
        self.forget(&mut self.ledger.lock().unwrap_or_else(PoisonError::into_inner), now);
    }

    /// How many denials there are.
    pub fn len(&self) -> usize {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner).by_until.len()
    }

    /// Whether nothing is denied.
    pub fn is_empty(&self) -> bool {
        self.shapes.load(Ordering::Acquire) == 0
    }

    fn forget(&self, ledger: &mut Ledger, now: i64) {
        while let Some(&Reverse((until, digest, shape))) = ledger.by_until.peek()
            && until < now
        {
            ledger.by_until.pop();
            let mut shard = self.shard(digest).write().unwrap_or_else(PoisonError::into_inner);
            if let Some(entry) = shard.get(&digest)
                && entry.until >= now
            {
                ledger.by_until.push(Reverse((entry.until, digest, shape))); // it was extended
                continue;
            }
            shard.remove(&digest);
            ledger.shapes[shape.index()] -= 1;
            if ledger.shapes[shape.index()] == 0 {
                self.shapes.fetch_and(!shape.bit(), Ordering::Release);
            }
        }
    }

    fn digest(&self, issuer: &Issuer, parts: &Parts<'_>) -> Digest {
        let half = |hasher: &RandomState| u128::from(hasher.hash_one((issuer, parts)));
        half(&self.hashers.0) << 64 | half(&self.hashers.1)
    }

    fn shard(&self, digest: Digest) -> &RwLock<HashMap<Digest, Entry>> {
        // INVARIANT: the remainder is below SHARDS, so the index is in range.
        &self.shards[usize::try_from(digest % SHARDS as u128).unwrap_or(0)]
    }

    fn find(&self, digest: Digest) -> Option<Entry> {
        // No panic can leave a part half-written.
        let shard = self.shard(digest).read().unwrap_or_else(PoisonError::into_inner);
        shard.get(&digest).copied()
    }
}

impl Denials for DenyList {
    fn deny(&self, token: &Names<'_>) -> bool {
        let in_use = self.shapes.load(Ordering::Acquire);
        if in_use == 0 {
            return false;
        }
        let parts = denial::parts_of(token);
        Shape::all_in(in_use)
            .filter_map(|shape| shape.select(&parts))
            .filter_map(|names| self.find(self.digest(token.issuer, &names)))
            .any(|entry| entry.means(token.issued_at))
    }

    fn deny_nothing(&self) -> bool {
        self.is_empty()
    }
}

impl Entry {
    /// Whether a token that was issued then is meant; one that does not say when, always is.
    fn means(&self, issued_at: Option<i64>) -> bool {
        match (self.issued_until, issued_at) {
            (Some(until), Some(issued)) => issued <= until,
            _ => true,
        }
    }

    /// Takes in another entry for the same names.
    fn extend(&mut self, other: Self) {
        self.issued_until = self.issued_until.max(other.issued_until);
        self.until = self.until.max(other.until);
    }
}

impl Default for DenyList {
    fn default() -> Self {
        Self::new(Self::MOST, Self::LONGEST_LIFE)
    }
}

impl fmt::Debug for DenyList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DenyList").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// How many parts the list has, each with a lock of its own.
const SHARDS: usize = 16;

#[cfg(test)]
mod tests;
