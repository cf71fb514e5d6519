//! Why something was kept, dropped or refused: stable codes for logs, explanations and answers
//! (rules §9).

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $code:literal,)*) => {
        /// The one rule that decided.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Reason { $($(#[$doc])* #[serde(rename = $code)] $variant,)* }

        impl Reason {
            /// The stable code.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }
        }
    };
}

reasons! {
    /// The request is malformed.
    Malformed = "malformed",
    /// The client does not exist.
    UnknownClient = "unknown_client",
    /// The client used another authentication method than it registered.
    AuthenticationMethod = "authentication_method",
    /// The client's secret or assertion is wrong.
    AuthenticationFailed = "authentication_failed",
    /// The client may not use this grant type.
    GrantTypeNotAllowed = "grant_type_not_allowed",
    /// The redirect URI is not registered.
    RedirectUri = "redirect_uri",
    /// The redirect URI differs from the one of the authorization request.
    RedirectUriDiffers = "redirect_uri_differs",
    /// A PKCE challenge is required.
    ChallengeMissing = "challenge_missing",
    /// The PKCE verifier is missing.
    VerifierMissing = "verifier_missing",
    /// There was no challenge, but a verifier came.
    VerifierUnexpected = "verifier_unexpected",
    /// The PKCE verifier does not match.
    VerifierWrong = "verifier_wrong",
    /// The request must be pushed first.
    NotPushed = "not_pushed",
    /// The request must be signed.
    NotSigned = "not_signed",
    /// The pushed request or the request object was used before.
    RequestReplayed = "request_replayed",
    /// The request object is not the client's own, not for this server, or not valid now.
    RequestObject = "request_object",
    /// The address of a request object is not registered, or nothing of use is there.
    RequestUri = "request_uri",
    /// A resource is no absolute URI of an accepted form.
    ResourceMalformed = "resource_malformed",
    /// No resource server is registered under that name.
    ResourceUnknown = "resource_unknown",
    /// The resource server is disabled.
    ResourceDisabled = "resource_disabled",
    /// The client's ceiling does not hold the resource server.
    ResourceNotOpen = "resource_not_open",
    /// More resources than one request may name.
    TooManyResources = "too_many_resources",
    /// Several resources where one is to be named.
    SeveralResources = "several_resources",
    /// `resource` and `audience` name different resources.
    AudienceDiffers = "audience_differs",
    /// The client must send `resource` and did not.
    ResourceRequired = "resource_required",
    /// The resource is not in the grant.
    ResourceNotGranted = "resource_not_granted",
    /// The resource server takes part only when it is named.
    ResourceNotExplicit = "resource_not_explicit",
    /// None of several granted resources is the one meant.
    ResourceAmbiguous = "resource_ambiguous",
    /// The scope is kept.
    Kept = "kept",
    /// No requested resource server defines the scope.
    ScopeUnknown = "scope_unknown",
    /// A qualified scope has no reading, or more than one.
    ScopeReading = "scope_reading",
    /// The resource server does not define the scope.
    NotDefined = "not_defined",
    /// The client's ceiling does not hold the pair.
    ClientCeiling = "client_ceiling",
    /// The subject does not hold the pair.
    SubjectPermission = "subject_permission",
    /// The user refused the pair.
    Refused = "refused",
    /// The grant does not hold the pair.
    NotGranted = "not_granted",
    /// The type of a detail is unknown, or not for this client.
    DetailsType = "details_type",
    /// A detail does not say which API it is for, or names none that is open to the client.
    DetailsPlace = "details_place",
    /// A detail does not fit the schema of its type.
    DetailsSchema = "details_schema",
    /// The grant does not hold the detail.
    DetailsNotGranted = "details_not_granted",
    /// Nothing is left.
    NothingLeft = "nothing_left",
    /// The user said no.
    Denied = "denied",
    /// The user must sign in first.
    LoginRequired = "login_required",
    /// No login is as strong as the request needs it.
    AuthenticationTooWeak = "authentication_too_weak",
    /// The user must be asked first.
    ConsentRequired = "consent_required",
    /// The user must compare the codes first.
    ConfirmationRequired = "confirmation_required",
    /// The user has not answered yet.
    Pending = "pending",
    /// The client polls too fast.
    PolledTooFast = "polled_too_fast",
    /// The code or token is unknown.
    Unknown = "unknown",
    /// The code or token is past its time.
    Expired = "expired",
    /// The code was redeemed before.
    CodeReplayed = "code_replayed",
    /// The refresh token was rotated away before.
    RefreshReplayed = "refresh_replayed",
    /// The code or token belongs to another client.
    OtherClient = "other_client",
    /// The grant was revoked.
    Revoked = "revoked",
    /// The user is gone or disabled.
    SubjectDisabled = "subject_disabled",
    /// The assertion is of nobody who is believed.
    UnknownIssuer = "unknown_issuer",
    /// The assertion was used before.
    AssertionReplayed = "assertion_replayed",
    /// Too many clients would act for one another.
    TooManyActors = "too_many_actors",
    /// The resource server may not call the other one.
    MayNotCall = "may_not_call",
    /// The DPoP proof is malformed, or another request's.
    ProofInvalid = "proof_invalid",
    /// The DPoP proof was used before.
    ProofReplayed = "proof_replayed",
    /// The DPoP proof needs a nonce of this server.
    NonceMissing = "nonce_missing",
    /// The sender proved nothing that the token can be bound to.
    SenderUnproved = "sender_unproved",
    /// The sender is another one than the code or token is bound to.
    SenderDiffers = "sender_differs",
    /// The client is not registered as its security profile demands.
    ProfileContradicted = "profile_contradicted",
    /// The request is not made as the security profile demands.
    ProfileDemand = "profile_demand",
    /// What a client says of itself cannot be taken.
    ClientMetadata = "client_metadata",
    /// The client's document about itself cannot be had or is not to be believed.
    ClientDocument = "client_document",
    /// Clients cannot register themselves, or not without an initial access token.
    InitialAccess = "initial_access",
    /// There are as many registrations as there may be.
    TooManyClients = "too_many_clients",
    /// The registration access token does not fit a registration.
    RegistrationToken = "registration_token",
    /// The token is not addressed to the asker.
    OtherAudience = "other_audience",
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
