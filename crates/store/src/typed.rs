//! Reading whole records.

use std::future::Future;

use bailiwick_grant::{Kind, Loaded, Stored};

use crate::{Listed, Raw, Store, StoreError};

/// How many records [`StoreExt::all`] reads at once.
const PAGE: usize = 256;

/// Two records, each if it is there.
pub type Pair<A, B> = (Option<Loaded<A>>, Option<Loaded<B>>);

/// Reads records of their own types from any [`Store`], also through `Arc<dyn Store>`.
///
/// ```
/// use std::sync::Arc;
/// use bailiwick_grant::{Change, state::Username};
/// use bailiwick_oauth::Subject;
/// use bailiwick_store::{MemoryStore, Store, StoreExt};
///
/// # async fn example(subject: Subject) -> Result<(), Box<dyn std::error::Error>> {
/// let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
/// store.commit(vec![Change::insert(Username { username: "ada".into(), subject })]).await?;
/// let found = store.load::<Username>("ada").await?;
/// assert!(found.is_some());
/// # Ok(())
/// # }
/// ```
pub trait StoreExt: Store {
    /// Loads the record with this key.
    fn load<T: Stored>(
        &self,
        key: &str,
    ) -> impl Future<Output = Result<Option<Loaded<T>>, StoreError>> + Send {
        async move {
            let [raw] = together(self, [(T::KIND, key)]).await?;
            read(key, raw)
        }
    }

    /// Loads two records as of one moment.
    fn load_pair<A: Stored, B: Stored>(
        &self,
        a: &str,
        b: &str,
    ) -> impl Future<Output = Result<Pair<A, B>, StoreError>> + Send {
        async move {
            let [first, second] = together(self, [(A::KIND, a), (B::KIND, b)]).await?;
            Ok((read(a, first)?, read(b, second)?))
        }
    }

    /// Loads the records with these keys as of one moment, in the order of the keys.
    fn load_each<T: Stored>(
        &self,
        keys: &[&str],
    ) -> impl Future<Output = Result<Vec<Option<Loaded<T>>>, StoreError>> + Send {
        async move {
            let wanted: Vec<_> = keys.iter().map(|key| (T::KIND, *key)).collect();
            let raws = self.load_raw(&wanted).await?;
            keys.iter().zip(raws).map(|(key, raw)| read(key, raw)).collect()
        }
    }

    /// Lists up to `limit` records in the order of their keys, beginning after `after`.
    ///
    /// The next page begins after the key of the last record; a page with fewer than `limit` is the
    /// last one.
    fn list<T: Stored>(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Loaded<T>>, StoreError>> + Send {
        async move {
            let listed = self.list_raw(T::KIND, after, limit).await?;
            listed.into_iter().map(|Listed { key, raw }| parse(&key, &raw)).collect()
        }
    }

    /// Lists all records of a kind, page by page: not as of one moment.
    ///
    /// For kinds that an operator writes; not for codes and tokens.
    fn all<T: Stored>(&self) -> impl Future<Output = Result<Vec<Loaded<T>>, StoreError>> + Send {
        async move {
            let mut all: Vec<Loaded<T>> = Vec::new();
            loop {
                let after = all.last().map(|last| last.value.key());
                let page = self.list(after.as_deref(), PAGE).await?;
                let done = page.len() < PAGE;
                all.extend(page);
                if done {
                    return Ok(all);
                }
            }
        }
    }
}

impl<S: Store + ?Sized> StoreExt for S {}

async fn together<S: Store + ?Sized, const N: usize>(
    store: &S,
    keys: [(Kind, &str); N],
) -> Result<[Option<Raw>; N], StoreError> {
    let raws = store.load_raw(&keys).await?;
    raws.try_into().map_err(|_| {
        StoreError::unavailable("load records", "the store answered another number of records")
    })
}

fn read<T: Stored>(key: &str, raw: Option<Raw>) -> Result<Option<Loaded<T>>, StoreError> {
    raw.map(|raw| parse(key, &raw)).transpose()
}

fn parse<T: Stored>(key: &str, raw: &Raw) -> Result<Loaded<T>, StoreError> {
    let value = serde_json::from_slice(&raw.body).map_err(|error| StoreError::Unreadable {
        kind: T::KIND,
        key: key.to_owned(),
        byte: error.column(),
    })?;
    Ok(Loaded { version: raw.version, value })
}
