//! DPoP at a resource server: nonces that need no memory, and proofs that pass once (RFC 9449 §9, §11.1).

use std::sync::Arc;
use std::time::Duration;

use bailiwick_guard::Once;
use bailiwick_guard::dpop::{LIFETIME, Nonces};
use bailiwick_guard::{Permit, Refusal};
use bailiwick_jose::SealingKey;
use bailiwick_oauth::dpop::SealedNonces;
use bailiwick_window::{FirstUse, MemoryFirstUse};

/// For how many proofs it is remembered that they were used, unless another window is given: some
/// 1,400 requests a second.
const REMEMBERED: usize = 100_000;

/// How DPoP proofs are checked. Tokens that are bound to a key always need one; this says the rest.
///
/// ```
/// use std::time::Duration;
/// use bailiwick_resource_server::{Dpop, SealingKey};
///
/// // Proofs must be fresh by this server's own clock; DPoP is named in the challenges.
/// let nodes_share_this = SealingKey::from_bytes(&[7; 32])?;
/// let dpop = Dpop::new().offered().nonces(nodes_share_this, Duration::from_mins(5));
/// # let _ = dpop;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Dpop {
    pub(crate) is_offered: bool,
    pub(crate) lifetime: i64,
    nonces: Option<SealedNonces>,
    window: Arc<dyn FirstUse>,
}

impl Default for Dpop {
    fn default() -> Self {
        Self::new()
    }
}

impl Dpop {
    /// Proofs of at most 60 seconds, without nonces, each used once in this process.
    pub fn new() -> Self {
        Self {
            is_offered: false,
            lifetime: LIFETIME,
            nonces: None,
            window: Arc::new(MemoryFirstUse::new(REMEMBERED)),
        }
    }

    /// Tells clients of DPoP: in challenges, after `Bearer`, and in the metadata (RFC 9449 §5.1, §7.1).
    #[must_use]
    pub fn offered(mut self) -> Self {
        self.is_offered = true;
        self
    }

    /// For how long a proof is good; whole seconds.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = seconds(lifetime);
        self
    }

    /// Wants a nonce of this server in each proof (RFC 9449 §9). Nodes that share the key take each
    /// other's nonces; nothing is stored.
    #[must_use]
    pub fn nonces(mut self, key: SealingKey, lifetime: Duration) -> Self {
        self.nonces = Some(SealedNonces::new(key, seconds(lifetime)));
        self
    }

    /// Remembers used proofs elsewhere: where all nodes of an API share it, a proof passes once
    /// altogether, not once at each node.
    ///
    /// Without one, 100,000 are remembered in this process; each is for as long as it is good, so that is
    /// enough for some 1,400 requests a second with proofs. Beyond that the answer is 503: give a
    /// [`MemoryFirstUse`] with more room.
    #[must_use]
    pub fn window(mut self, window: Arc<dyn FirstUse>) -> Self {
        self.window = window;
        self
    }

    pub(crate) fn accepted_nonces(&self) -> &dyn Nonces {
        match &self.nonces {
            Some(nonces) => nonces,
            None => &(),
        }
    }

    /// A nonce for whoever holds the key with this thumbprint; `None` where none is asked for.
    pub(crate) fn nonce(&self, thumbprint: &str, now: i64) -> Option<String> {
        self.nonces.as_ref()?.make(thumbprint, now)
    }

    /// Lets a proof pass the first time.
    pub(crate) async fn settle(&self, once: Once, now: i64) -> Result<Permit, Refusal> {
        let only = once.only();
        match self.window.first_use(&only.key, only.until, now).await {
            Ok(true) => Ok(once.is_first()),
            Ok(false) => Err(once.is_replayed()),
            Err(error) => {
                tracing::error!(%error, "DPoP proofs cannot be remembered");
                Err(once.is_unknown())
            }
        }
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX / 4)
}
