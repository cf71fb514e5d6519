//! The issuers whose assertions are taken as grants (RFC 7523 §2.1).

use bailiwick_grant::state::{Client, GrantKind, ResourceServer};
use bailiwick_grant::{AssertionProfile, Named, TrustedIssuer};
use bailiwick_oauth::{ClientId, Issuer, Resource};

use super::check::{distinct, registered};
use super::read::{At, Reader, section};
use super::value::Words;

section! {
    /// An issuer, say a company's identity provider, whose assertions about its people are taken as
    /// grants (RFC 7523). It opens what stands here and nothing else.
    struct Entry("[[trusted_issuer]]") {
        /// The issuer, as it stands in the assertions' `iss`.
        issuer: At<Issuer> = required "\"https://idp.example.com\"";
        /// Where its keys are; without it, where its metadata says.
        jwks_uri: Words = optional "\"https://idp.example.com/jwks\"";
        /// Which assertions it makes: `id-jag` are made for one client (`typ`
        /// `oauth-id-jag+jwt`), `jwt` are any that RFC 7523 allows.
        profile: AssertionProfile = default "\"id-jag\"";
        /// The clients that may bring its assertions.
        clients: Vec<At<ClientId>> = required "[\"agent\"]";
        /// The APIs that its assertions open.
        resources: Vec<At<Resource>> = required "[\"https://api.example.com/orders\"]";
        /// The claim that says who the user is. Nobody is registered by an assertion.
        user_claim: Words = default "\"sub\"";
        /// What that claim is here: the user's name for signing in, or its subject.
        user_is: Named = default "\"username\"";
    }
}

/// Holds the trusted issuers against the clients and resource servers.
pub(super) fn check(
    entries: Vec<Entry>,
    own: &Issuer,
    clients: &[Client],
    servers: &[ResourceServer],
    reader: &mut Reader<'_>,
) -> Vec<TrustedIssuer> {
    let mut all: Vec<TrustedIssuer> = Vec::new();
    for entry in entries {
        let At { span, value: issuer } = entry.issuer;
        if issuer == *own {
            let help = "an assertion of this server is a token: exchange it (RFC 8693)";
            reader.problem(&span, "the issuer is this server itself", help);
        }
        if all.iter().any(|one| one.issuer == issuer) {
            reader.problem(&span, format!("the issuer {issuer} is there twice"), "leave one out");
        }
        for At { span, value } in &entry.clients {
            let client = clients.iter().find(|client| client.id == *value);
            if !client.is_some_and(|client| client.grant_types.contains(&GrantKind::JwtBearer)) {
                let message = format!("no client `{value}` of this file has that grant");
                reader.problem(span, message, "add \"jwt_bearer\" to its `grants`");
            }
        }
        for resource in &entry.resources {
            registered(resource, servers, reader);
        }
        let resources: Vec<Resource> = distinct(entry.resources, "API", reader);
        let clients: Vec<ClientId> = distinct(entry.clients, "client", reader);
        all.push(TrustedIssuer {
            issuer,
            jwks_uri: entry.jwks_uri.map(|uri| uri.0),
            profile: entry.profile,
            clients: clients.into_iter().collect(),
            resources: resources.into_iter().collect(),
            claim: entry.user_claim.0,
            names: entry.user_is,
        });
    }
    all
}
