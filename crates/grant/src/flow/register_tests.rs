use bailiwick_jose::base64url;
use serde_json::{Value, json};

use super::*;
use crate::Stored;
use crate::fixture::{NOW, Seeded, World, no, scopes, tenant};
use crate::state::Reach;

fn metadata(value: &Value) -> Metadata {
    Metadata::read(value.as_object().unwrap()).unwrap()
}

fn web() -> Metadata {
    metadata(&json!({ "redirect_uris": ["https://a.example/cb"] }))
}

fn with_door(door: Door) -> Tenant {
    let mut tenant = tenant();
    tenant.unknown_clients.registration = door;
    tenant.unknown_clients.ceiling.global = Reach::Only(scopes("openid"));
    tenant
}

fn token(left: u32) -> InitialAccessToken {
    let digest = Secret::new("initial").digest();
    InitialAccessToken { digest, label: "ci".to_owned(), left, expires_at: NOW + 10 }
}

/// Registers a client in a world; gives it as it is stored, with its secrets.
fn registered(world: &mut World) -> (Loaded<Client>, Registered) {
    let tenant = with_door(Door::Open);
    let decision = register(&tenant, &Admission::Nobody, web(), NOW, &mut world.entropy);
    world.commit(&decision.changes).unwrap();
    let registered = decision.outcome.unwrap();
    (world.load(registered.client.id.as_str()).unwrap(), registered)
}

#[test]
fn an_identifier_and_secrets_are_random_and_of_the_url_safe_alphabet() {
    let mut world = World::new();
    let (stored, registered) = registered(&mut world);
    let id = stored.value.id.as_str();
    let secret = registered.secret.as_ref().unwrap();
    for (text, octets) in [(id, 16), (secret.expose(), 32), (registered.access_token.expose(), 32)]
    {
        assert_eq!(base64url::decode(text).unwrap().len(), octets, "{text}");
    }
    let raw = serde_json::to_string(&stored.value).unwrap();
    for secret in [secret, &registered.access_token] {
        assert!(!raw.contains(secret.expose()), "stored in the clear");
    }
    let Authentication::Basic { secrets } = &stored.value.authentication else { panic!() };
    assert!(secrets.len() == 1 && secrets[0].matches(secret));
    let (again, _) = self::registered(&mut world);
    assert_ne!(again.value.id, stored.value.id);
}

#[test]
fn the_door_says_who_may_register() {
    let mut world = World::new();
    world.commit(&[Change::insert(token(1))]).unwrap();
    let loaded: Loaded<InitialAccessToken> = world.load(token(1).digest.as_str()).unwrap();
    let spent = Loaded { version: loaded.version, value: token(0) };
    for (door, admission, now, expected) in [
        (Door::Closed, Admission::Nobody, NOW, "access_denied initial_access"),
        (Door::Closed, Admission::Invited(&loaded), NOW, "access_denied initial_access"),
        (Door::Token, Admission::Nobody, NOW, "invalid_token initial_access"),
        (Door::Token, Admission::Stranger, NOW, "invalid_token initial_access"),
        (Door::Token, Admission::Invited(&spent), NOW, "invalid_token initial_access"),
        (Door::Token, Admission::Invited(&loaded), NOW + 10, "invalid_token initial_access"),
        (Door::Token, Admission::Invited(&loaded), NOW, "registered"),
        (Door::Open, Admission::Nobody, NOW, "registered"),
        (Door::Open, Admission::Stranger, NOW, "registered"),
    ] {
        let tenant = with_door(door);
        let decision = register(&tenant, &admission, web(), now, &mut Seeded::default());
        let told = decision.outcome.as_ref().map_or_else(no, |_| "registered".to_owned());
        assert_eq!(told, expected, "{door:?} {admission:?}");
        assert_eq!(decision.changes.is_empty(), expected != "registered");
    }
}

#[test]
fn an_initial_access_token_is_good_for_as_many_clients_as_it_says() {
    let mut world = World::new();
    world.commit(&[Change::insert(token(1))]).unwrap();
    let tenant = with_door(Door::Token);
    let loaded: Loaded<InitialAccessToken> = world.load(token(1).digest.as_str()).unwrap();
    let admission = Admission::Invited(&loaded);
    let first = register(&tenant, &admission, web(), NOW, &mut world.entropy);
    let second = register(&tenant, &admission, web(), NOW, &mut world.entropy);
    world.commit(&first.changes).unwrap();
    assert!(world.commit(&second.changes).is_err(), "of two at once one wins");
    let loaded: Loaded<InitialAccessToken> = world.load(token(1).digest.as_str()).unwrap();
    assert_eq!(loaded.value.left, 0);
    // What is refused uses nothing up.
    let bad = metadata(&json!({ "redirect_uris": [] }));
    let fresh = Loaded { value: token(1), ..loaded };
    let refused = register(&tenant, &Admission::Invited(&fresh), bad, NOW, &mut world.entropy);
    assert!(refused.outcome.is_err() && refused.changes.is_empty());
}

#[test]
fn a_registration_is_managed_with_its_own_token_alone() {
    let mut world = World::new();
    let (stored, mine) = registered(&mut world);
    let (_, other) = registered(&mut world);
    assert!(manage(Some(&stored), &mine.access_token).is_ok());
    let operators = Loaded {
        version: stored.version,
        value: Client { unvetted: None, ..stored.value.clone() },
    };
    for (client, token) in [
        (Some(&stored), &other.access_token),
        (Some(&stored), mine.secret.as_ref().unwrap()),
        (Some(&operators), &mine.access_token),
        (None, &mine.access_token),
    ] {
        let refused = manage(client, token).unwrap_err();
        assert_eq!(no(&refused), "invalid_token registration_token");
    }
}

//= https://www.rfc-editor.org/rfc/rfc7592#section-2.2
//= type=test
//# Valid values of client metadata fields in this request MUST replace,
//# not augment, the values previously associated with this client.
#[test]
fn a_replacement_replaces_everything() {
    let mut world = World::new();
    let tenant = with_door(Door::Open);
    let (stored, mine) = registered(&mut world);
    let id = stored.value.id.as_str().to_owned();
    let replacement = |client_id: Option<&str>, secret: Option<&str>, new: &Value| Replacement {
        client_id: client_id.map(str::to_owned),
        client_secret: secret.map(Secret::new),
        metadata: metadata(new),
    };
    let native = json!({ "redirect_uris": ["com.example.app:/cb"], "client_name": "New" });
    for (client_id, secret) in [(None, None), (Some("other"), None), (Some(&*id), Some("wrong"))] {
        let decision = replace(
            &tenant,
            &stored,
            Secret::new("t"),
            replacement(client_id, secret, &native),
            &mut world.entropy,
        );
        let refused = decision.outcome.unwrap_err();
        assert_eq!(no(&refused), "invalid_client_metadata client_metadata");
        assert!(decision.changes.is_empty());
    }
    let secret = mine.secret.as_ref().unwrap().expose().to_owned();
    let good = replacement(Some(&id), Some(&secret), &native);
    let decision = replace(&tenant, &stored, Secret::new("t"), good, &mut world.entropy);
    world.commit(&decision.changes).unwrap();
    let after: Loaded<Client> = world.load(&id).unwrap();
    assert_eq!(after.value.name, "New");
    assert_eq!(after.value.redirect_uris[0].as_str(), "com.example.app:/cb");
    assert!(after.value.is_public(), "the secret is gone with the method");
    assert_eq!(after.value.expires_at(), stored.value.expires_at());
    // A client that begins to use a secret gets a fresh one, told once.
    let web = json!({ "redirect_uris": ["https://a.example/cb"] });
    let decision = replace(
        &tenant,
        &after,
        Secret::new("t"),
        replacement(Some(&id), None, &web),
        &mut world.entropy,
    );
    let fresh = decision.outcome.unwrap().secret.unwrap();
    assert_ne!(fresh.expose(), secret);
}

#[test]
fn a_registration_that_is_not_used_is_forgotten_and_one_that_is_used_stays() {
    let mut world = World::new();
    let tenant = with_door(Door::Open);
    let (stored, _) = registered(&mut world);
    assert_eq!(stored.value.expires_at(), Some(NOW + tenant.unknown_clients.first_use));
    let change = used(&tenant, &stored, NOW).unwrap();
    world.commit(&[change]).unwrap();
    let stored: Loaded<Client> = world.load(stored.value.id.as_str()).unwrap();
    assert_eq!(stored.value.expires_at(), Some(NOW + tenant.unknown_clients.unused));
    assert!(used(&tenant, &stored, NOW + DAY - 1).is_none(), "written about once a day");
    assert!(used(&tenant, &stored, NOW + DAY).is_some());
    let operators = Loaded { value: crate::fixture::client(), version: stored.version };
    assert!(used(&tenant, &operators, NOW).is_none());
    assert_eq!(operators.value.expires_at(), None, "whom the operator registered stays");
}
