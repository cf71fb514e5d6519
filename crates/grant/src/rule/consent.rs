//! What the user is asked, and what is remembered of the answer (rules §4.8).

use bailiwick_oauth::details::Detail;
use bailiwick_oauth::redirect_uri::Kind;
use bailiwick_oauth::{Grant, Permission, Resource, Scope, Scopes, Subject};

use super::claims;
use super::resource::Directory;
use super::scope::without_empty;
use crate::state::{Checked, Client, Consent, ResourceServer};

/// What a consent page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Each resource server, with the scopes asked there.
    pub servers: Vec<AskedServer>,
    /// The global scopes.
    pub global: Vec<AskedScope>,
}

/// A resource server on a consent page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedServer {
    /// Its identifier.
    pub resource: Resource,
    /// Its name.
    pub name: String,
    /// The scopes asked there; none where an empty scope is allowed.
    pub scopes: Vec<AskedScope>,
    /// The authorization details asked there.
    pub details: Vec<AskedDetail>,
}

/// An authorization detail on a consent page: it is asked each time, and as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedDetail {
    /// What its type is about, in words.
    pub description: String,
    /// The detail, to be shown with all of its members.
    pub detail: Detail,
}

/// A scope on a consent page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedScope {
    /// Its name.
    pub name: Scope,
    /// What it allows, in words.
    pub description: String,
    /// Whether it is one that is always asked.
    pub sensitive: bool,
    /// Whether the user can untick it.
    pub required: bool,
    /// Whether the user accepted it before, so that it is shown but not asked.
    pub remembered: bool,
}

/// What must be asked before all of `wanted` can be given; `None` when nothing must.
pub fn ask(
    client: &Client,
    directory: &Directory,
    request: &Checked,
    wanted: &Grant,
    consent: Option<&Consent>,
) -> Option<Ask> {
    let spares = spares(client, request);
    let consent = consent.filter(|_| spares);
    let mut asks = false;
    let mut one = |resource: Option<&Resource>, name: &Scope| {
        let definition = resource
            .and_then(|resource| directory.find(resource))
            .and_then(|server| server.scope(name));
        let sensitive = definition.is_some_and(|definition| definition.sensitive);
        let remembered =
            !sensitive && consent.is_some_and(|consent| accepted(consent, resource, name));
        asks |= !remembered;
        AskedScope {
            name: name.clone(),
            description: definition
                .map_or_else(|| global_description(name), |d| d.description.clone()),
            sensitive,
            required: is_required(client, resource, name),
            remembered,
        }
    };
    let servers: Vec<AskedServer> = wanted
        .resources
        .iter()
        .filter_map(|(resource, scopes)| Some((directory.find(resource)?, scopes)))
        .map(|(server, scopes)| AskedServer {
            resource: server.identifier.clone(),
            name: server.name.clone(),
            scopes: scopes.iter().map(|scope| one(Some(&server.identifier), scope)).collect(),
            details: asked_details(server, wanted),
        })
        .collect();
    let global = wanted.global.iter().map(|scope| one(None, scope)).collect();
    // A resource without scopes is a question of its own the first time.
    let new_empty = servers.iter().any(|server| {
        server.scopes.is_empty()
            && server.details.is_empty()
            && !consent.is_some_and(|c| c.accepted.resources.contains_key(&server.resource))
    });
    // A detail speaks of one thing at one time: no earlier answer is one to it.
    let has_details = !wanted.details.is_empty();
    (asks || new_empty || has_details).then_some(Ask { servers, global })
}

/// Everything that a request asks, as if nothing were remembered: to be shown before the login.
pub fn all(client: &Client, directory: &Directory, request: &Checked) -> Ask {
    let nothing = Ask { servers: Vec::new(), global: Vec::new() };
    ask(client, directory, request, request.asked(), None).unwrap_or(nothing)
}

fn asked_details(server: &ResourceServer, wanted: &Grant) -> Vec<AskedDetail> {
    let details = wanted.details.get(&server.identifier).into_iter().flatten();
    let asked = details.map(|detail| {
        let definition = server.detail_types.get(detail.kind());
        let description = definition.map_or_else(String::new, |known| known.description.clone());
        AskedDetail { description, detail: detail.clone() }
    });
    asked.collect()
}

/// What the user gives: of what is wanted, what is required and what was ticked.
///
/// What was accepted before is no tick: between the page and its answer another page may have been
/// answered. The page sends what it shows as accepted along with the ticks.
pub fn given(client: &Client, directory: &Directory, wanted: &Grant, ticked: &Grant) -> Grant {
    // Details are given as they stand, or everything is refused.
    let mut given = Grant { details: wanted.details.clone(), ..Grant::default() };
    for resource in given.details.keys() {
        given.resources.entry(resource.clone()).or_default();
    }
    // INVARIANT: never more than what was wanted, whatever the form said.
    for scope in &wanted.global {
        if is_required(client, None, scope) || ticked.global.contains(scope) {
            given.global.insert(scope.clone());
        }
    }
    for (resource, scopes) in &wanted.resources {
        // Without scopes the resource itself is the question; else it comes with its scopes only.
        if scopes.is_empty() && ticked.resources.contains_key(resource) {
            given.resources.entry(resource.clone()).or_default();
        }
        for scope in scopes {
            if is_required(client, Some(resource), scope) || ticked.holds(resource, scope) {
                let (resource, scope) = (resource.clone(), scope.clone());
                given.insert(Permission { resource, scope });
            }
        }
    }
    without_empty(directory, given)
}

/// What is left when the user refuses everything: what needed no question.
pub fn spared(ask: &Ask) -> Grant {
    let names = |scopes: &[AskedScope]| -> Scopes {
        scopes.iter().filter(|scope| scope.remembered).map(|scope| scope.name.clone()).collect()
    };
    let servers = ask.servers.iter().map(|one| (one.resource.clone(), names(&one.scopes)));
    Grant {
        global: names(&ask.global),
        resources: servers.filter(|(_, scopes)| !scopes.is_empty()).collect(),
        ..Grant::default()
    }
}

/// What is remembered after an answer: accepted pairs are spared next time, refused ones asked.
pub fn remember(
    subject: &Subject,
    client: &Client,
    request: &Checked,
    before: Option<&Consent>,
    wanted: &Grant,
    given: &Grant,
) -> Consent {
    let mut consent = before.cloned().unwrap_or_else(|| Consent {
        subject: subject.clone(),
        client: client.id.clone(),
        fingerprint: Consent::fingerprint(client, request.redirect_uri()),
        accepted: Grant::default(),
        refused: Grant::default(),
    });
    for scope in &wanted.global {
        let is_given = given.global.contains(scope);
        let (to, from) = sides(&mut consent, is_given);
        to.global.insert(scope.clone());
        from.global.retain(|one| one != scope);
    }
    for (resource, scopes) in &wanted.resources {
        for scope in scopes {
            let is_given = given.holds(resource, scope);
            let (to, from) = sides(&mut consent, is_given);
            to.insert(Permission { resource: resource.clone(), scope: scope.clone() });
            if let Some(scopes) = from.resources.get_mut(resource) {
                scopes.retain(|one| one != scope);
                // An entry without scopes would say that the resource itself was accepted.
                if scopes.is_empty() {
                    from.resources.remove(resource);
                }
            }
        }
        if scopes.is_empty() && !wanted.details.contains_key(resource) {
            let (to, from) = sides(&mut consent, given.resources.contains_key(resource));
            to.resources.entry(resource.clone()).or_default();
            from.resources.retain(|one, scopes| one != resource || !scopes.is_empty());
        }
    }
    consent
}

fn sides(consent: &mut Consent, is_given: bool) -> (&mut Grant, &mut Grant) {
    if is_given {
        (&mut consent.accepted, &mut consent.refused)
    } else {
        (&mut consent.refused, &mut consent.accepted)
    }
}

/// Whether a remembered answer may spare the question at all.
fn spares(client: &Client, request: &Checked) -> bool {
    // What polls may be anybody's device: no redirect URI says whose (RFC 8628 §5.4).
    let comes_back = request.polled().is_none() && request.redirect_uri().kind() == Kind::Web;
    let proves_itself = comes_back || client.first_party;
    proves_itself && !request.prompt.consent
}

fn accepted(consent: &Consent, resource: Option<&Resource>, scope: &Scope) -> bool {
    match resource {
        None => consent.accepted.global.contains(scope),
        Some(resource) => consent.accepted.holds(resource, scope),
    }
}

fn is_required(client: &Client, resource: Option<&Resource>, scope: &Scope) -> bool {
    match resource {
        None => scope.as_str() == "openid",
        Some(resource) => client
            .required
            .iter()
            .any(|required| required.resource == *resource && required.scope == *scope),
    }
}

fn global_description(scope: &Scope) -> String {
    if let Some((claim, _)) = claims::named(scope) {
        return claims::description(claim);
    }
    let text = match scope.as_str() {
        "openid" => "Know who you are",
        "profile" => "See your name and profile",
        "email" => "See your e-mail address",
        "address" => "See your postal address",
        "phone" => "See your telephone number",
        "offline_access" => "Keep this access while you are away",
        _ => "",
    };
    text.to_owned()
}

#[cfg(test)]
#[path = "consent_tests.rs"]
mod tests;
