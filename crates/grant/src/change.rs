//! What a decision changes: records to write, each with its precondition.
//!
//! INVARIANT: single use is a precondition of the commit, never a lock. A store applies all changes
//! of a decision or none; the first precondition that does not hold makes it a conflict.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::state::{
    Client, Code, Consent, GrantRecord, Holding, InitialAccessToken, Interaction, Name, Notice,
    OpaqueToken, Pending, PollAnswer, PushedRequest, RefreshToken, ResourceServer, RevokedToken,
    Session, SessionGrant, StoredDecryptionKey, StoredKey, StoredSecret, User, UserCodeRecord,
    Username,
};

/// How often a record was written: 1 when it is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u64);

/// A record as it was loaded.
#[derive(Debug, Clone)]
pub struct Loaded<T> {
    /// The version that was seen; the precondition of an update.
    pub version: Version,
    /// The record.
    pub value: T,
}

impl<T: Stored> Loaded<T> {
    /// Replaces the record, if nobody else did since it was loaded.
    pub fn update(&self, value: T) -> Change {
        debug_assert_eq!(self.value.key(), value.key(), "a key never changes");
        Change::Update { record: value.into_record(), seen: self.version }
    }
}

/// One change of a decision.
#[derive(Debug, Clone)]
pub enum Change {
    /// Writes a record that must not be there yet.
    Insert(Record),
    /// Replaces a record that must still have the version that was seen.
    Update {
        /// The record in its new form.
        record: Record,
        /// The version that was loaded.
        seen: Version,
    },
    /// Writes a record, whether it is there or not.
    Put(Record),
    /// Removes a record, whether it is there or not.
    Delete {
        /// The kind of record.
        kind: Kind,
        /// Its key.
        key: String,
    },
}

impl Change {
    /// Inserts a record that must not be there yet.
    pub fn insert<T: Stored>(value: T) -> Self {
        Self::Insert(value.into_record())
    }

    /// Writes a record, whether it is there or not.
    pub fn put<T: Stored>(value: T) -> Self {
        Self::Put(value.into_record())
    }

    /// Removes a record, whether it is there or not.
    pub fn delete<T: Stored>(key: impl Into<String>) -> Self {
        Self::Delete { kind: T::KIND, key: key.into() }
    }
}

/// A record that a store keeps under a key of its kind.
pub trait Stored: Serialize + DeserializeOwned + Send + Sync + Sized {
    /// The kind of record.
    const KIND: Kind;
    /// The key, unique within the kind; never a secret itself.
    fn key(&self) -> String;
    /// From when on the record may be swept, in seconds since 1970; `None` for those that stay.
    fn expires_at(&self) -> Option<i64> {
        None
    }
    /// The record among all kinds.
    fn into_record(self) -> Record;
}

macro_rules! records {
    ($($(#[$doc:meta])* $kind:ident($type:ty) = $name:literal,)*) => {
        /// The kinds of records.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind { $($(#[$doc])* $kind,)* }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The name of the kind: the name of its table.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }
        }

        /// A record of any kind.
        #[derive(Debug, Clone)]
        pub enum Record { $($(#[$doc])* $kind(Box<$type>),)* }

        impl Record {
            /// The kind of record.
            pub fn kind(&self) -> Kind {
                match self { $(Self::$kind(_) => Kind::$kind,)* }
            }

            /// The key within the kind.
            pub fn key(&self) -> String {
                match self { $(Self::$kind(value) => value.key(),)* }
            }

            /// From when on the record may be swept.
            pub fn expires_at(&self) -> Option<i64> {
                match self { $(Self::$kind(value) => value.expires_at(),)* }
            }

            /// The record as JSON, as a store keeps it.
            ///
            /// # Errors
            /// When the record holds what JSON cannot: a bug.
            pub fn body(&self) -> Result<Vec<u8>, serde_json::Error> {
                match self { $(Self::$kind(value) => serde_json::to_vec(value),)* }
            }
        }
    };
}

records! {
    /// A protected API.
    ResourceServer(ResourceServer) = "resource_server",
    /// A client.
    Client(Client) = "client",
    /// A user.
    User(User) = "user_account",
    /// A user's name for signing in.
    Username(Username) = "username",
    /// A name of the shared namespace: identifiers, aliases, audiences, client ids, the issuer.
    Name(Name) = "name",
    /// A login.
    Session(Session) = "session",
    /// A grant that was given in a login.
    SessionGrant(SessionGrant) = "session_grant",
    /// An authorization request that waits for the user.
    Interaction(Interaction) = "interaction",
    /// An authorization request that a client pushed.
    PushedRequest(PushedRequest) = "pushed_request",
    /// What a user answered a client before.
    Consent(Consent) = "consent",
    /// What was given.
    Grant(GrantRecord) = "grant_record",
    /// An authorization code.
    Code(Code) = "code",
    /// A request that its client polls for.
    Pending(Pending) = "pending",
    /// The code by which a user finds a pending request.
    UserCode(UserCodeRecord) = "user_code",
    /// What the user answered to a pending request.
    PollAnswer(PollAnswer) = "poll_answer",
    /// A refresh token.
    RefreshToken(RefreshToken) = "refresh_token",
    /// An opaque access token.
    OpaqueToken(OpaqueToken) = "opaque_token",
    /// A JWT access token that was revoked before its time.
    RevokedToken(RevokedToken) = "revoked_token",
    /// A revocation that an API is still to be told of.
    Notice(Notice) = "notice",
    /// That a user has given a grant.
    Holding(Holding) = "holding",
    /// A permission to register clients.
    InitialAccessToken(InitialAccessToken) = "initial_access_token",
    /// A signing key.
    SigningKey(StoredKey) = "signing_key",
    /// A key that others encrypt to.
    DecryptionKey(StoredDecryptionKey) = "decryption_key",
    /// Another secret of the issuer.
    StoredSecret(StoredSecret) = "stored_secret",
}
