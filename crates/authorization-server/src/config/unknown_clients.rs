//! What clients may do that describe themselves: by registration, or by a document.

use bailiwick_grant::state::{GrantKind, Pkce, RefreshTokens, ResourceServer};
use bailiwick_grant::{Documents, Door, MetadataScope, Tenant, UnknownClients};

use super::check::{YEAR, between, ceiling};
use super::outgoing::Host;
use super::read::{At, Entries, FromText, FromToml, Reader, Wrong, section};
use super::value::{ReachEntry, Reached, Seconds, unknown_word, words};

section! {
    /// Clients that the operator never saw: those that register themselves (RFC 7591), and those
    /// whose identifier is the address of a document about them. Nobody checks what they say, so
    /// `scopes` and `resources` are a ceiling that no metadata widens; both are empty by default.
    /// `bailiwick registration preview` says what such a client could ever get.
    struct Section("[unknown_clients]") {
        /// Whether a client identifier may be an `https` URL at which the client describes itself.
        documents: bool = default "false";
        /// Reads documents of these hosts only; of every host when empty.
        document_hosts: Vec<At<Host>> = default "[]";
        /// Who may register a client at `/register`: nobody, whoever has an initial access token
        /// (`bailiwick registration token`), or everybody.
        registration: Door = default "\"closed\"";
        /// The ceiling of global scopes.
        scopes: ReachEntry = default "[]";
        /// The ceiling on each API of this file; the key `"*"` is every API that is not named.
        resources: Entries<Reached, ReachEntry> = default "{}";
        /// The grant types that they may use, of those that they ask for.
        grants: Vec<GrantKind> = default "[\"authorization_code\", \"refresh_token\"]";
        /// When those that use refresh tokens get one: always, or for a granted `offline_access`.
        refresh_tokens: RefreshTokens = default "\"always\"";
        /// Whether those that can keep a secret may leave PKCE out (RFC 7636).
        pkce: Pkce = default "\"required\"";
        /// What the `scope` of their metadata means: no other scope is to be had, or nothing.
        metadata_scope: MetadataScope = default "\"limit\"";
        /// About how many clients may be registered at the same time.
        most: Registrations = default "10000";
        /// How long a registration waits for its first token before it is forgotten.
        first_use: At<Seconds> = default "\"1d\"";
        /// How long a registration that was used is kept without further use.
        unused: At<Seconds> = default "\"30d\"";
    }
}

/// Turns what was read into the operator's ceiling; notes every contradiction.
pub(super) fn check(
    section: Section,
    tenant: &Tenant,
    servers: &[ResourceServer],
    reader: &mut Reader<'_>,
) -> UnknownClients {
    let ceiling = ceiling(&section.scopes, &section.resources, tenant, servers, reader);
    if !section.documents
        && let Some(host) = section.document_hosts.first()
    {
        reader.problem(&host.span, "documents are not read", "write `documents = true`");
    }
    let hosts = section.document_hosts.into_iter().map(|host| host.value.0);
    UnknownClients {
        documents: match (section.documents, hosts.len()) {
            (false, _) => Documents::Refused,
            (true, 0) => Documents::Anybody,
            (true, _) => Documents::Hosts(hosts.collect()),
        },
        registration: section.registration,
        ceiling,
        grant_types: section.grants.into_iter().collect(),
        refresh_tokens: section.refresh_tokens,
        pkce: section.pkce,
        scope: section.metadata_scope,
        first_use: between(&section.first_use, 60, YEAR, reader),
        unused: between(&section.unused, 3600, 10 * YEAR, reader),
        most: section.most.0,
    }
}

words!(Door { "closed" => Self::Closed, "token" => Self::Token, "open" => Self::Open, });
words!(MetadataScope { "limit" => Self::Limit, "ignored" => Self::Ignored, });

/// A number of registrations.
#[derive(Debug, Clone, Copy)]
pub(super) struct Registrations(usize);

impl FromToml for Registrations {
    fn kind() -> String {
        "a whole number from 1 to 1000000".into()
    }
    fn read(value: &toml::Spanned<toml::de::DeValue<'_>>, reader: &mut Reader<'_>) -> Option<Self> {
        let toml::de::DeValue::Integer(number) = value.get_ref() else {
            return reader.wrong_kind::<Self>(value);
        };
        let read = usize::from_str_radix(number.as_str(), number.radix()).ok();
        let read = read.filter(|number| (1..=1_000_000).contains(number)).map(Self);
        if read.is_none() {
            reader.problem(&value.span(), format!("expected {}", Self::kind()), "");
        }
        read
    }
}
