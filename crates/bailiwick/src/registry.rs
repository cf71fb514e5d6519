//! `resource`, `client` and `user`: changes the store as a running server sees it.

use std::io::{BufRead, IsTerminal};
use std::path::Path;
use std::process::ExitCode;

use bailiwick_authorization_server::registry::{self, NewUser};
use bailiwick_authorization_server::{config::Config, password};
use bailiwick_grant::state::{
    Authentication, Ceiling, GrantKind, Keys, Origin, Reach, ResourceServer, ScopeDefinition,
    TokenFormat,
};
use bailiwick_oauth::register::Metadata;
use bailiwick_oauth::{ClientId, RedirectUri, Resource as Identifier, Scope, Scopes, Secret};
use bailiwick_store_sqlite::SqliteStore;

use crate::Failure;
use crate::cli::{Client, Format, Grant, Resource, User};
use crate::closed_loop;
use crate::serve::now;

/// Adds, imports, compares, lists, disables and enables resource servers.
pub(crate) async fn resource(command: Resource) -> Result<ExitCode, Failure> {
    match command {
        Resource::List { config } => {
            let (_, store) = open(&config.config)?;
            let servers = registry::list_resource_servers(&store).await?;
            let rows = servers.iter().map(|server| {
                let names: Vec<&str> =
                    server.scopes.iter().map(|scope| scope.name.as_str()).collect();
                let state = if server.enabled { origin(server.origin) } else { "disabled" };
                [
                    server.identifier.to_string(),
                    server.name.clone(),
                    state.to_owned(),
                    names.join(" "),
                ]
            });
            table(["IDENTIFIER", "NAME", "STATE", "SCOPES"], rows);
        }
        Resource::Add {
            config,
            identifier,
            name,
            scopes,
            defaults,
            sensitive,
            aliases,
            format,
            introspection,
        } => {
            let (config, store) = open(&config.config)?;
            let identifier = parse_identifier(&config, &identifier)?;
            let mut server = ResourceServer::new(identifier, name);
            server.aliases = aliases
                .iter()
                .map(|text| parse_identifier(&config, text))
                .collect::<Result<_, _>>()?;
            server.format = match format {
                Format::Jwt => TokenFormat::Jwt,
                Format::Opaque => TokenFormat::Opaque,
            };
            for text in &scopes {
                let (name, description) = text.split_once('=').unwrap_or((text, text));
                server.scopes.push(ScopeDefinition {
                    name: parse_scope(name)?,
                    description: description.to_owned(),
                    default: defaults.iter().any(|default| default == name),
                    sensitive: sensitive.iter().any(|sensitive| sensitive == name),
                });
            }
            for flagged in defaults.iter().chain(&sensitive) {
                if !server.defines(&parse_scope(flagged)?) {
                    return Err(Failure::usage(format!("no --scope defines `{flagged}`")));
                }
            }
            let secret = introspection.then(fresh_secret).transpose()?;
            server.introspection_secrets = secret.iter().map(Secret::digest).collect();
            let identifier = server.identifier.clone();
            registry::add_resource_server(&store, server).await?;
            println!("registered {identifier}");
            if let Some(secret) = secret {
                println!("introspection secret (shown once): {}", secret.expose());
            }
        }
        Resource::Import { config, identifier, add } => {
            closed_loop::import(&config, &identifier, add).await?;
        }
        Resource::Compare { config, identifiers } => {
            return closed_loop::compare(&config, &identifiers).await;
        }
        Resource::Disable { config, identifier } => {
            let (config, store) = open(&config.config)?;
            let identifier = parse_identifier(&config, &identifier)?;
            registry::disable_resource_server(&store, &identifier).await?;
            println!("disabled {identifier}");
        }
        Resource::Enable { config, identifier } => {
            let (config, store) = open(&config.config)?;
            let identifier = parse_identifier(&config, &identifier)?;
            registry::enable_resource_server(&store, &identifier).await?;
            println!("enabled {identifier}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Adds, lists and removes clients.
pub(crate) async fn client(command: Client) -> Result<(), Failure> {
    match command {
        Client::List { config } => {
            let (_, store) = open(&config.config)?;
            let clients = registry::list_clients(&store).await?;
            let rows = clients.iter().map(|client| {
                let method = match client.authentication {
                    Authentication::None => "none",
                    Authentication::Basic { .. } => "client_secret_basic",
                    Authentication::Post { .. } => "client_secret_post",
                    Authentication::PrivateKeyJwt => "private_key_jwt",
                    Authentication::Tls { .. } => "tls_client_auth",
                    Authentication::SelfSignedTls => "self_signed_tls_client_auth",
                };
                let state = origin(client.origin).to_owned();
                [client.id.to_string(), client.name.clone(), state, method.to_owned()]
            });
            table(["ID", "NAME", "STATE", "AUTHENTICATION"], rows);
        }
        Client::Remove { config, id } => {
            let (_, store) = open(&config.config)?;
            let id = parse_client_id(&id)?;
            registry::remove_client(&store, &id, now()).await?;
            println!("removed {id}");
        }
        Client::Add {
            config,
            id,
            name,
            public,
            jwks_file,
            redirect_uris,
            grants,
            scopes,
            resources,
        } => {
            let (config, store) = open(&config.config)?;
            let id = parse_client_id(&id)?;
            let authentication = match &jwks_file {
                Some(_) => Authentication::PrivateKeyJwt,
                None if public => Authentication::None,
                None => Authentication::Basic { secrets: Vec::new() },
            };
            let name = name.unwrap_or_else(|| id.to_string());
            let mut client = bailiwick_grant::state::Client::new(id, name, authentication);
            if let Some(path) = &jwks_file {
                client.keys = Keys::Set(keys(path)?);
            }
            for text in &redirect_uris {
                let uri = RedirectUri::parse(text)
                    .map_err(|why| Failure::usage(format!("--redirect-uri {text}: {why}")))?;
                client.redirect_uris.push(uri);
            }
            client.grant_types = grants.iter().map(|grant| kind(*grant)).collect();
            if grants.is_empty() && redirect_uris.is_empty() {
                client.grant_types.insert(GrantKind::ClientCredentials);
            } else if grants.is_empty() {
                client.grant_types.extend([GrantKind::AuthorizationCode, GrantKind::RefreshToken]);
            }
            client.ceiling = ceiling(&config, &scopes, &resources)?;
            let id = client.id.clone();
            let secret = registry::add_client(&store, client, &mut random_octets).await?;
            println!("registered {id}");
            if let Some(secret) = secret {
                println!("client secret (shown once): {}", secret.expose());
            }
        }
    }
    Ok(())
}

/// Adds, lists, disables and enables users, or hashes a password.
pub(crate) async fn user(command: User) -> Result<(), Failure> {
    match command {
        User::List { config } => {
            let (_, store) = open(&config.config)?;
            let users = registry::list_users(&store).await?;
            let rows = users.iter().map(|user| {
                let state = if user.enabled { origin(user.origin) } else { "disabled" };
                let roles: Vec<&str> = user.roles.iter().map(String::as_str).collect();
                [user.username.clone(), user.subject.to_string(), state.to_owned(), roles.join(" ")]
            });
            table(["USERNAME", "SUBJECT", "STATE", "ROLES"], rows);
        }
        User::Add { config, username, name, email, roles } => {
            let (_, store) = open(&config.config)?;
            let mut claims = serde_json::Map::new();
            claims.extend(name.map(|name| ("name".to_owned(), name.into())));
            claims.extend(email.map(|email| ("email".to_owned(), email.into())));
            let new = NewUser {
                username,
                password: Some(read_password()?),
                claims,
                roles: roles.into_iter().collect(),
            };
            let user = registry::add_user(&store, new, &mut random_octets).await?;
            println!("registered {} with the subject {}", user.username, user.subject);
        }
        User::Disable { config, username } => {
            let (_, store) = open(&config.config)?;
            registry::disable_user(&store, &username, now()).await?;
            println!("disabled {username}");
        }
        User::Enable { config, username } => {
            let (_, store) = open(&config.config)?;
            registry::enable_user(&store, &username).await?;
            println!("enabled {username}");
        }
        User::Hash => println!("{}", password::hash(&read_password()?)?),
    }
    Ok(())
}

/// Reads the configuration and opens the store that it names.
pub(crate) fn open(path: &Path) -> Result<(Config, SqliteStore), Failure> {
    let config = crate::serve::load(path)?;
    let store = SqliteStore::open(&config.store)?;
    Ok((config, store))
}

pub(crate) fn parse_identifier(config: &Config, text: &str) -> Result<Identifier, Failure> {
    Identifier::parse_with(text, config.tenant.plain_http)
        .map_err(|why| Failure::usage(format!("`{text}` cannot be an identifier: {why}")))
}

fn parse_client_id(text: &str) -> Result<ClientId, Failure> {
    ClientId::parse(text).map_err(|why| Failure::usage(format!("`{text}`: {why}")))
}

/// Reads a client's public keys; each must be of use, or its client would be locked out.
fn keys(path: &Path) -> Result<serde_json::Value, Failure> {
    let wrong = |why: String| Failure::usage(format!("{}: {why}", path.display()));
    let text = std::fs::read(path).map_err(|why| wrong(format!("cannot be read: {why}")))?;
    let set =
        bailiwick_jose::json::parse(&text).map_err(|why| wrong(format!("is no JSON: {why}")))?;
    let mut metadata = serde_json::Map::new();
    metadata.insert("jwks".to_owned(), set);
    let metadata = Metadata::read(&metadata).map_err(|why| wrong(why.to_string()))?;
    metadata.jwks.ok_or_else(|| wrong("holds no key".to_owned()))
}

fn parse_scope(text: &str) -> Result<Scope, Failure> {
    Scope::parse(text).map_err(|why| Failure::usage(format!("`{text}`: {why}")))
}

fn ceiling(config: &Config, scopes: &[String], resources: &[String]) -> Result<Ceiling, Failure> {
    let mut ceiling = Ceiling { global: reach(&scopes.join(" "))?, ..Ceiling::default() };
    for text in resources {
        let (resource, scopes) = text.rsplit_once('=').ok_or_else(|| {
            Failure::usage(format!(
                "--resource {text}: write URI=SCOPES, such as https://api.example.com=read"
            ))
        })?;
        ceiling.resources.insert(parse_identifier(config, resource)?, reach(scopes)?);
    }
    Ok(ceiling)
}

fn reach(text: &str) -> Result<Reach, Failure> {
    match text {
        "" => Ok(Reach::Nothing),
        "*" => Ok(Reach::Everything),
        names => Scopes::parse(names)
            .map(Reach::Only)
            .map_err(|why| Failure::usage(format!("`{names}`: {why}"))),
    }
}

fn kind(grant: Grant) -> GrantKind {
    match grant {
        Grant::AuthorizationCode => GrantKind::AuthorizationCode,
        Grant::RefreshToken => GrantKind::RefreshToken,
        Grant::ClientCredentials => GrantKind::ClientCredentials,
        Grant::DeviceCode => GrantKind::DeviceCode,
    }
}

fn read_password() -> Result<Secret, Failure> {
    if std::io::stdin().is_terminal() {
        eprint!("Password: ");
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(Secret::new(line.trim_end_matches(['\r', '\n'])))
}

fn fresh_secret() -> Result<Secret, Failure> {
    let mut octets = [0; 32];
    aws_lc_rs::rand::fill(&mut octets)
        .map_err(|_| Failure::new("the system gives no randomness"))?;
    Ok(Secret::new(bailiwick_jose::base64url::encode(&octets)))
}

/// Random octets for the registry.
#[expect(clippy::expect_used, reason = "without randomness nothing may be issued")]
pub(crate) fn random_octets() -> [u8; 32] {
    let mut octets = [0; 32];
    aws_lc_rs::rand::fill(&mut octets).expect("the system gives randomness");
    octets
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Managed => "managed",
        Origin::Registered => "registered",
    }
}

/// Prints rows under a heading, in columns.
pub(crate) fn table<const N: usize>(heading: [&str; N], rows: impl Iterator<Item = [String; N]>) {
    let mut all = vec![heading.map(str::to_owned)];
    all.extend(rows);
    let widths: [usize; N] = std::array::from_fn(|column| {
        all.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
    });
    for row in all {
        let line: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        println!("{}", line.join("  ").trim_end());
    }
}
