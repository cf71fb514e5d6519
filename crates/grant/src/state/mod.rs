//! What is remembered: the records that a store keeps.

mod client;
mod code;
mod consent;
mod decryption_key;
mod encryption;
mod grant;
mod holding;
mod initial_access_token;
mod interaction;
mod name;
mod notice;
mod pending;
mod profile;
mod pushed;
mod refresh;
mod resource_server;
mod sender;
mod session;
mod session_grant;
mod signing_key;
mod stored_secret;
mod token;
mod user;

pub use client::{
    Authentication, Ceiling, Client, ExchangeSettings, Fallback, GrantKind, Introduction, Keys,
    OpenidSettings, Parameter, Pkce, Reach, RefreshTokens, Registration, Requests, ResponseIss,
    SubjectType, Unvetted,
};
pub use code::{Code, Standing};
pub use consent::Consent;
pub use decryption_key::StoredDecryptionKey;
pub use encryption::{Encryption, Recipient};
pub use grant::{GrantId, GrantRecord, GrantedLogin, Origin as GrantOrigin, Rotation, Status};
pub use holding::Holding;
pub use initial_access_token::InitialAccessToken;
pub use interaction::{Acr, Checked, Destination, Interaction, Wish};
pub use name::{Name, NameOwner};
pub use notice::{Notice, Receiver, Revoked};
pub use pending::{Pending, PollAnswer, Polled, Said, UserCodeRecord};
pub use profile::Profile;
pub use pushed::{PushedRequest, Taken};
pub use refresh::RefreshToken;
pub use resource_server::{
    DetailType, Origin, ResourceServer, RoleAccess, ScopeDefinition, TokenFormat,
};
pub use sender::{DpopNonce, SenderConstraint, SenderSettings};
pub use session::Session;
pub use session_grant::SessionGrant;
pub use signing_key::StoredKey;
pub use stored_secret::StoredSecret;
pub use token::{OpaqueToken, RevokedToken};
pub use user::{User, Username};
