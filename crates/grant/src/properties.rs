//! What must hold for every registry, request and removal: nothing is issued that was not asked,
//! granted, defined and permitted (rules §4.5, §6.3).

use bailiwick_oauth::{Resource, Scope};
use proptest::prelude::*;

use crate::fixture::{World, resource, scope, scopes, server};
use crate::flow::authorize::Answer;
use crate::flow::token::Tokens;
use crate::rule::resource::{names, requested};
use crate::rule::scope::resolve;
use crate::state::{GrantRecord, Reach, RoleAccess};
use crate::{Loaded, Refused};

const SERVERS: [&str; 4] =
    ["https://a.example", "https://a.example/b", "https://c.example", "urn:example:d"];
const NAMES: [&str; 4] = ["read", "write", "b:read", "b/read"];

/// One of the four names, or several, as a bit each.
fn picked(bits: u8) -> String {
    let names = NAMES.iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0);
    names.map(|(_, name)| *name).collect::<Vec<_>>().join(" ")
}

/// How one resource server is registered, and what client and user may have there.
#[derive(Debug, Clone)]
struct Registered {
    exists: bool,
    enabled: bool,
    empty: bool,
    defined: u8,
    defaults: u8,
    ceiling: Option<u8>,
    roles: Option<u8>,
}

fn registered() -> impl Strategy<Value = Registered> {
    let bits = 0u8..16;
    (
        prop::bool::weighted(0.9),
        prop::bool::weighted(0.9),
        prop::bool::weighted(0.2),
        1u8..16,
        bits.clone(),
        prop::option::of(bits.clone()),
        prop::option::weighted(0.3, bits),
    )
        .prop_map(|(exists, enabled, empty, defined, defaults, ceiling, roles)| Registered {
            exists,
            enabled,
            empty,
            defined,
            defaults,
            ceiling,
            roles,
        })
}

fn registry() -> impl Strategy<Value = Vec<Registered>> {
    prop::collection::vec(registered(), SERVERS.len())
}

/// Puts a registry into the world.
fn apply(world: &mut World, registry: &[Registered]) {
    world.servers.clear();
    world.client.ceiling.resources.clear();
    for (identifier, one) in SERVERS.iter().zip(registry) {
        let reach = one.ceiling.map_or(Reach::Everything, |bits| match picked(bits).as_str() {
            "" => Reach::Nothing,
            names => Reach::Only(scopes(names)),
        });
        world.client.ceiling.resources.insert(resource(identifier), reach);
        if !one.exists {
            continue;
        }
        let mut server = server(identifier, &picked(one.defined));
        for definition in &mut server.scopes {
            let at = NAMES.iter().position(|name| *name == definition.name.as_str()).unwrap();
            definition.default = one.defaults & (1 << at) != 0;
        }
        server.enabled = one.enabled;
        server.allow_empty_scope = one.empty;
        if let Some(bits) = one.roles {
            let roles = [("clerk".to_owned(), scopes(&picked(bits)))];
            server.access = RoleAccess::Roles(roles.into());
        }
        world.servers.push(server);
    }
}

/// Whether a pair is defined and permitted now; written anew, not by the rules under test.
fn may(world: &World, at: &Resource, name: &Scope) -> bool {
    let Some(server) = world.servers.iter().find(|one| one.identifier == *at) else { return false };
    let in_ceiling = match &world.client.ceiling.resources[at] {
        Reach::Nothing => false,
        Reach::Only(names) => names.contains(name),
        Reach::Everything => true,
    };
    let is_held = match &server.access {
        RoleAccess::Everyone => true,
        RoleAccess::Roles(roles) => roles["clerk"].contains(name),
    };
    server.enabled && server.scopes.iter().any(|one| one.name == *name) && in_ceiling && is_held
}

/// Whether a pair was asked for: in the product, by its qualified name, or as a default.
fn was_asked(
    world: &World,
    resources: &[usize],
    asked: &[String],
    at: &Resource,
    name: &Scope,
) -> bool {
    let is_named = resources.iter().any(|n| SERVERS[*n] == at.as_str());
    let by_product = is_named && asked.iter().any(|one| one == name.as_str());
    let by_name =
        asked.iter().any(|one| *one == format!("{at}:{name}") || *one == format!("{at}/{name}"));
    let is_default = world.servers.iter().any(|one| {
        one.identifier == *at && one.scopes.iter().any(|s| s.name == *name && s.default)
    });
    let by_default = is_named && is_default && !asked.iter().any(|one| one != "openid");
    by_product || by_name || by_default
}

/// A scope of a request: a plain name, a qualified one, a global one or a stranger.
fn asked_name() -> impl Strategy<Value = String> {
    let qualified =
        (0..SERVERS.len(), prop::bool::ANY, 0..NAMES.len()).prop_map(|(at, slash, n)| {
            format!("{}{}{}", SERVERS[at], if slash { '/' } else { ':' }, NAMES[n])
        });
    prop_oneof![
        6 => prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned),
        2 => qualified,
        1 => Just("openid".to_owned()),
        1 => Just("stranger".to_owned()),
    ]
}

fn joined(resources: &[usize], asked: &[String]) -> String {
    let mut query = format!("scope={}", asked.join("+"));
    for at in resources {
        query.push_str("&resource=");
        query.push_str(SERVERS[*at]);
    }
    query
}

/// Checks one access token against the grant it came of and the world as it is now.
fn sound(world: &World, held: &GrantRecord, tokens: &Result<Tokens, Refused>) {
    let Ok(tokens) = tokens else { return };
    let claims = &tokens.access.claims;
    let Some(at) = &tokens.access.resource else {
        assert_eq!(claims.aud, world.tenant.issuer.as_str());
        assert!(held.grant.global.is_superset(&claims.scope), "{claims:?}");
        return;
    };
    let server = world.servers.iter().find(|one| one.identifier == *at).unwrap();
    assert_eq!(claims.aud, at.as_str());
    assert!(server.enabled && world.client.ceiling.resources[at].is_open());
    assert!(!claims.scope.is_empty() || server.allow_empty_scope);
    for name in &claims.scope {
        assert!(held.grant.holds(at, name), "{name} on {at} was not granted");
        assert!(may(world, at, name), "{name} on {at} cannot be had");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..Default::default() })]

    #[test]
    fn downscoping_yields_only_what_was_asked_granted_defined_and_permitted(
        before in registry(),
        meanwhile in prop::option::of(registry()),
        later in registry(),
        resources in prop::collection::vec(0..SERVERS.len(), 0..4),
        asked in prop::collection::vec(asked_name(), 0..5),
        ticked in prop::collection::vec(any::<bool>(), 16),
        on in prop::option::of(0..SERVERS.len()),
        then in prop::option::of(0..SERVERS.len()),
        narrowed in prop::option::of(0u8..16),
        strict in any::<bool>(),
    ) {
        let mut world = World::new();
        world.client.strict = strict;
        world.client.refresh_tokens = crate::state::RefreshTokens::Always;
        apply(&mut world, &before);
        let Ok(checked) = world.check(&joined(&resources, &asked)) else { return Ok(()) };
        for (at, name) in checked.asked().permissions() {
            prop_assert!(was_asked(&world, &resources, &asked, at, name), "{name} on {at}");
        }
        // The user unticks some; a form says more than was asked.
        let mut answer = checked.asked().clone();
        let mut tick = ticked.iter();
        for scopes in answer.resources.values_mut() {
            scopes.retain(|_| *tick.next().unwrap_or(&true));
            scopes.insert(scope("write"));
        }
        let wanted = checked.asked().clone();
        let key = world.begin(checked);
        if let Some(meanwhile) = &meanwhile {
            apply(&mut world, meanwhile);
        }
        let Ok(code) = world.answer(&key, &Answer::Accept(answer.clone())) else { return Ok(()) };
        let held = world.grant().value;
        for (at, name) in held.grant.permissions() {
            prop_assert!(wanted.holds(at, name) && answer.holds(at, name) && may(&world, at, name));
        }
        let parameter = |at: Option<usize>| {
            at.map(|at| format!("resource={}", SERVERS[at])).unwrap_or_default()
        };
        let tokens = world.redeem(&code, &parameter(on));
        sound(&world, &held, &tokens);
        let Some(token) = tokens.ok().and_then(|tokens| tokens.refresh) else { return Ok(()) };
        apply(&mut world, &later);
        let narrow = narrowed.map(|bits| picked(bits).replace(' ', "+")).unwrap_or_default();
        let tokens = world.refresh(&token, &format!("{}&scope={narrow}", parameter(then)));
        sound(&world, &held, &tokens);
        if let (Ok(tokens), false) = (&tokens, narrow.is_empty()) {
            let names = scopes(&narrow.replace('+', " "));
            prop_assert!(names.is_superset(&tokens.access.claims.scope));
        }
        // Refreshing never widens: neither the grant nor, all else being the same, a token.
        let after: Loaded<GrantRecord> = world.load(held.id.as_str()).unwrap();
        prop_assert_eq!(&after.value.grant, &held.grant);
    }

    #[test]
    fn no_text_makes_the_decision_panic(
        sent in prop::collection::vec(".{0,40}", 0..3),
        audience in prop::collection::vec("(https?|urn|api):[/:a-z%#?.@\\[\\]]{0,30}", 0..3),
        asked in prop::collection::vec("[!#-\\[\\]-~]{1,40}|(https|api|urn):[/:a-z%.\\[]{1,60}", 0..6),
    ) {
        let world = World::new();
        let mut directory = world.directory();
        directory.suggest_among(SERVERS.iter().map(|name| resource(name)).collect());
        let scopes = scopes(&asked.join(" "));
        let (tenant, client) = (&world.tenant, &world.client);
        let looked_up = names(tenant, client, &sent, &audience, &scopes);
        prop_assert!(looked_up.windows(2).all(|pair| pair[0] < pair[1]));
        let named = requested(tenant, client, &directory, &sent, &audience);
        if let Err(refused) = &named {
            let answer = refused.answer();
            prop_assert!(answer.error_description.bytes().all(|c| (b' '..=b'~').contains(&c)));
        }
        let resolved = resolve(tenant, client, &directory, &named.unwrap_or_default(), &scopes);
        if let Ok(resolved) = resolved {
            prop_assert!(!resolved.asked.is_empty());
        }
    }
}
