use std::path::Path;
use std::sync::Arc;

use bailiwick_grant::state::{
    Authentication, Client, GrantKind, Name, NameOwner, Origin, Reach, ResourceServer,
    ScopeDefinition, User, Username,
};
use bailiwick_oauth::{ClientId, RedirectUri, Resource, Scope};
use bailiwick_store::{MemoryStore, StoreExt};

use super::*;
use crate::config::{Config, Surroundings};

const BASE: &str = r#"
    issuer = "https://id.example.com"
    [[resource]]
    identifier = "https://api.example.com"
    name = "API"
    aliases = ["urn:example:api"]
    scopes = { read = "Read" }
    [[client]]
    id = "shop"
    name = "Shop"
    authentication = "none"
    redirect_uris = ["https://shop.example.com/cb"]
    resources = { "https://api.example.com" = ["read"] }
    [[user]]
    username = "ada"
    subject = "s-ada"
"#;

fn config(text: &str) -> Config {
    let around = Surroundings { name: "as.toml", folder: Path::new(""), environment: &|_| None };
    Config::parse(text, &around).unwrap()
}

fn seeded() -> impl FnMut() -> [u8; 32] + Send {
    let mut next = 0;
    move || {
        next += 1;
        [next; 32]
    }
}

fn api() -> ResourceServer {
    let identifier = Resource::parse("https://own.example.com").unwrap();
    let mut server = ResourceServer::new(identifier, "Own");
    server.scopes.push(ScopeDefinition {
        name: Scope::parse("read").unwrap(),
        description: "Read".into(),
        default: false,
        sensitive: false,
    });
    server
}

fn confidential(id: &str) -> Client {
    let authentication = Authentication::Basic { secrets: Vec::new() };
    let mut client = Client::new(ClientId::parse(id).unwrap(), "Job", authentication);
    client.grant_types.insert(GrantKind::ClientCredentials);
    client
}

fn person(username: &str) -> NewUser {
    let password = Some(Secret::new("correct horse"));
    NewUser {
        username: username.into(),
        password,
        claims: serde_json::Map::new(),
        roles: [].into(),
    }
}

async fn owner(store: &MemoryStore, name: &str) -> Option<NameOwner> {
    store.load::<Name>(name).await.unwrap().map(|name| name.value.owner)
}

#[tokio::test]
async fn applying_the_same_file_again_changes_nothing() {
    let store = MemoryStore::new();
    let first = apply(&store, &config(BASE), 1).await.unwrap();
    assert_eq!(first, Applied { added: 3, changed: 0, withdrawn: 0 });
    assert_eq!(apply(&store, &config(BASE), 1).await.unwrap(), Applied::default());
    let server = &list_resource_servers(&store).await.unwrap()[0];
    assert_eq!(server.origin, Origin::Managed);
    assert_eq!(owner(&store, "https://id.example.com").await, Some(NameOwner::Issuer));
    let alias = owner(&store, "urn:example:api").await;
    assert_eq!(alias, Some(NameOwner::ResourceServer(server.identifier.clone())));
    let name = store.load::<Username>("ada").await.unwrap().unwrap();
    assert_eq!(name.value.subject.as_str(), "s-ada");
}

#[tokio::test]
async fn a_changed_entry_is_updated() {
    let store = MemoryStore::new();
    apply(&store, &config(BASE), 1).await.unwrap();
    let text = BASE.replace("\"API\"", "\"The API\"").replace("urn:example:api", "urn:example:b");
    let applied = apply(&store, &config(&text), 1).await.unwrap();
    assert_eq!(applied, Applied { added: 0, changed: 1, withdrawn: 0 });
    assert_eq!(list_resource_servers(&store).await.unwrap()[0].name, "The API");
    assert!(owner(&store, "urn:example:b").await.is_some());
    assert!(owner(&store, "urn:example:api").await.is_some(), "the former alias stays reserved");
    // an alias may become the audience of the same server
    let text = text.replace("aliases = [\"urn:example:b\"]", "audience = \"urn:example:b\"");
    apply(&store, &config(&text), 1).await.unwrap();
    assert!(matches!(owner(&store, "urn:example:b").await, Some(NameOwner::Audience(_))));
}

#[tokio::test]
async fn what_the_file_names_no_more_is_withdrawn_and_its_names_stay_reserved() {
    let store = MemoryStore::new();
    apply(&store, &config(BASE), 1).await.unwrap();
    let empty = config("issuer = \"https://id.example.com\"");
    let applied = apply(&store, &empty, 1).await.unwrap();
    assert_eq!(applied, Applied { added: 0, changed: 0, withdrawn: 3 });
    assert_eq!(apply(&store, &empty, 1).await.unwrap(), Applied::default());
    assert!(!list_resource_servers(&store).await.unwrap()[0].enabled);
    assert!(list_clients(&store).await.unwrap().is_empty());
    assert!(!list_users(&store).await.unwrap()[0].enabled);
    assert_eq!(owner(&store, "shop").await, Some(NameOwner::Reserved));

    let error = apply(&store, &config(BASE), 1).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "client \"shop\" cannot have the name \"shop\": \
         who had it was removed, and the name stays reserved; choose another name"
    );
    assert!(!list_users(&store).await.unwrap()[0].enabled, "all or nothing");
    let renamed = BASE.replace("id = \"shop\"", "id = \"shop-2\"");
    let applied = apply(&store, &config(&renamed), 1).await.unwrap();
    assert_eq!(applied, Applied { added: 1, changed: 2, withdrawn: 0 });
    assert!(list_resource_servers(&store).await.unwrap()[0].enabled);
}

#[tokio::test]
async fn an_entry_that_a_command_registered_is_not_taken_over() {
    let store = MemoryStore::new();
    add_resource_server(&store, api()).await.unwrap();
    add_client(&store, confidential("job"), &mut seeded()).await.unwrap();
    let eve = add_user(&store, person("Eve"), &mut seeded()).await.unwrap();
    let text = "issuer = \"https://id.example.com\"\n\
        [[resource]]\nidentifier = \"https://own.example.com\"\nname = \"Mine\"\n\
        [[resource]]\nidentifier = \"https://b.example.com\"\nname = \"B\"\naudience = \"job\"\n\
        [[user]]\nusername = \"eve\"\n[[user]]\nusername = \"job\"\nsubject = \"job\"\n";
    let error = apply(&store, &config(text), 1).await.unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "resource server \"https://b.example.com\" cannot have the name \"job\": \
             the client \"job\" is registered; choose another name\n\
             resource server \"https://own.example.com\" cannot have the name \
             \"https://own.example.com\": a command registered one of that name; \
             take it out of the file, or choose another name\n\
             user `eve` cannot have the name \"eve\": it is the username of the subject `{}`; \
             choose another username\n\
             user `job` cannot have the name \"job\": \
             its subject is the identifier of the client \"job\"; choose another username",
            eve.subject
        )
    );
    assert!(owner(&store, "https://id.example.com").await.is_none(), "nothing was changed");
}

#[tokio::test]
async fn commands_do_not_change_what_the_file_manages() {
    let store = MemoryStore::new();
    apply(&store, &config(BASE), 1).await.unwrap();
    let api = Resource::parse("https://api.example.com").unwrap();
    let shop = ClientId::parse("shop").unwrap();
    let advice = "is managed by the configuration file: change it there and restart the server";
    for (result, what) in [
        (
            disable_resource_server(&store, &api).await,
            "resource server \"https://api.example.com\"",
        ),
        (remove_client(&store, &shop, 1).await, "client \"shop\""),
        (disable_user(&store, "Ada", 1).await, "user `Ada`"),
    ] {
        assert_eq!(result.unwrap_err().to_string(), format!("{what} {advice}"));
    }
}

#[tokio::test]
async fn what_a_command_registered_survives_the_file() {
    let store = MemoryStore::new();
    add_resource_server(&store, api()).await.unwrap();
    add_client(&store, confidential("job"), &mut seeded()).await.unwrap();
    add_user(&store, person("eve"), &mut seeded()).await.unwrap();
    apply(&store, &config(BASE), 1).await.unwrap();
    apply(&store, &config("issuer = \"https://id.example.com\""), 1).await.unwrap();
    let kept = list_resource_servers(&store).await.unwrap();
    assert!(kept.iter().any(|server| server.identifier == api().identifier && server.enabled));
    assert_eq!(list_clients(&store).await.unwrap().len(), 1);
    assert_eq!(list_users(&store).await.unwrap().iter().filter(|user| user.enabled).count(), 1);
}

#[tokio::test]
async fn a_fresh_client_secret_is_shown_once_and_stored_as_its_digest() {
    let store = MemoryStore::new();
    let secret = add_client(&store, confidential("job"), &mut seeded()).await.unwrap().unwrap();
    assert_eq!(secret.expose().len(), 43, "256 bits");
    let stored = &list_clients(&store).await.unwrap()[0];
    let Authentication::Basic { secrets } = &stored.authentication else { panic!("basic") };
    assert!(secrets.len() == 1 && secrets[0].matches(&secret));
    let raw = serde_json::to_string(stored).unwrap();
    assert!(!raw.contains(secret.expose()));
}

#[tokio::test]
async fn a_taken_name_is_refused_with_its_holder() {
    let store = MemoryStore::new();
    apply(&store, &config(BASE), 1).await.unwrap();
    let mut server = api();
    server.aliases = ["urn:example:api", "https://id.example.com/"]
        .map(|alias| Resource::parse(alias).unwrap())
        .to_vec();
    server.audience_override = Some("shop".into());
    assert_eq!(
        add_resource_server(&store, server).await.unwrap_err().to_string(),
        "resource server \"https://own.example.com\" cannot have the name \"urn:example:api\": \
         it is or was an alias of the resource server \"https://api.example.com\"; \
         choose another name\n\
         resource server \"https://own.example.com\" cannot have the name \
         \"https://id.example.com\": it is or was the issuer; choose another name\n\
         resource server \"https://own.example.com\" cannot have the name \"shop\": \
         the client \"shop\" is registered; choose another name"
    );
    let error = add_client(&store, confidential("s-ada"), &mut seeded()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "client \"s-ada\" cannot have the name \"s-ada\": \
         it is the subject of the user `ada`; choose another identifier"
    );
    let error = add_user(&store, person(" ADA"), &mut seeded()).await.unwrap_err();
    assert!(error.to_string().contains("it is the username of the subject `s-ada`"), "{error}");
}

#[tokio::test]
async fn a_removed_client_leaves_its_name_reserved() {
    let store = MemoryStore::new();
    add_client(&store, confidential("job"), &mut seeded()).await.unwrap();
    let id = ClientId::parse("job").unwrap();
    remove_client(&store, &id, 1).await.unwrap();
    assert_eq!(
        remove_client(&store, &id, 1).await.unwrap_err().to_string(),
        "there is no client \"job\""
    );
    let error = add_client(&store, confidential("job"), &mut seeded()).await.unwrap_err();
    assert!(error.to_string().contains("the name stays reserved"), "{error}");
}

#[tokio::test]
async fn a_client_that_contradicts_itself_is_refused() {
    let store = MemoryStore::new();
    let mut client = confidential("job");
    client.authentication = Authentication::None;
    let nowhere = Resource::parse("https://nowhere.example.com").unwrap();
    client.ceiling.resources.insert(nowhere, Reach::Everything);
    client.default_resource = Some(api().identifier);
    let error = add_client(&store, client, &mut seeded()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "a public client has no credentials of its own: choose another authentication\n\
         no resource server is called \"https://nowhere.example.com\": register it first\n\
         the default resource \"https://own.example.com\" is not open to the client"
    );
    let mut client = confidential("job");
    client.grant_types = [GrantKind::AuthorizationCode].into();
    let error = add_client(&store, client.clone(), &mut seeded()).await.unwrap_err();
    assert_eq!(error.to_string(), "the authorization code needs a redirect URI: add one");
    client.redirect_uris.push(RedirectUri::parse("https://a.example/cb").unwrap());
    add_client(&store, client, &mut seeded()).await.unwrap();
}

#[tokio::test]
async fn resource_servers_and_users_can_be_disabled_and_enabled() {
    let store = MemoryStore::new();
    add_resource_server(&store, api()).await.unwrap();
    let identifier = api().identifier;
    for enabled in [false, false, true] {
        let done = if enabled {
            enable_resource_server(&store, &identifier).await
        } else {
            disable_resource_server(&store, &identifier).await
        };
        done.unwrap();
        assert_eq!(list_resource_servers(&store).await.unwrap()[0].enabled, enabled);
    }
    let user = add_user(&store, person("eve"), &mut seeded()).await.unwrap();
    assert!(crate::password::check_hash(user.password.as_deref().unwrap()).is_ok());
    disable_user(&store, "EVE", 1).await.unwrap();
    assert!(!list_users(&store).await.unwrap()[0].enabled);
    enable_user(&store, "eve").await.unwrap();
    assert!(list_users(&store).await.unwrap()[0].enabled);
    let error = disable_user(&store, "nobody", 1).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no user `nobody`");
}

#[tokio::test]
async fn users_of_the_file_may_exchange_their_names() {
    let store = MemoryStore::new();
    let two = |a: &str, b: &str| {
        config(&format!(
            "issuer = \"https://id.example.com\"\n[[user]]\nusername = \"{a}\"\nsubject = \"1\"\n\
             [[user]]\nusername = \"{b}\"\nsubject = \"2\"\n"
        ))
    };
    apply(&store, &two("ada", "eve"), 1).await.unwrap();
    apply(&store, &two("eve", "ada"), 1).await.unwrap();
    let subject = async |name: &str| {
        let found = store.load::<Username>(name).await.unwrap();
        found.map(|name| name.value.subject.as_str().to_owned())
    };
    assert_eq!(subject("ada").await.as_deref(), Some("2"));
    apply(&store, &two("grace", "ada"), 1).await.unwrap();
    assert_eq!(subject("eve").await, None, "a former name signs nobody in");
    assert_eq!(subject("grace").await.as_deref(), Some("1"));
    assert_eq!(store.all::<User>().await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_may_start_at_once() {
    let store = Arc::new(MemoryStore::new());
    let starts: Vec<_> = (0..8)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { apply(&*store, &config(BASE), 1).await.unwrap().added })
        })
        .collect();
    let mut added = 0;
    for start in starts {
        added += start.await.unwrap();
    }
    assert_eq!(added, 3, "each entry is added once");
}
