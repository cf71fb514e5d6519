//! What `dev` runs with, as the files that an operator would write.

use std::path::Path;

use bailiwick_authorization_server::password;
use bailiwick_oauth::Secret;

use super::walk::{ANOTHER, CLIENT, EXAMPLE, GRAPH, QUALIFIED, REDIRECT, USER};
use super::{Failure, Places};

/// Writes the configurations, and `dev.json` for programs that drive the demonstration.
pub(super) fn write(
    folder: &Path,
    places: &Places,
    gateway: &str,
    upstream: &str,
) -> Result<(), Failure> {
    let hash = password::hash(&Secret::new(USER.1))?;
    std::fs::write(folder.join("bailiwick.toml"), authorization_server(places, &hash))?;
    std::fs::write(folder.join("gateway.toml"), gateway_file(places, gateway, upstream))?;
    let json = serde_json::json!({
        "issuer": places.issuer,
        "orders": places.orders,
        "drive": places.drive,
        "client_id": CLIENT,
        "username": USER.0,
        "password": USER.1,
    });
    std::fs::write(folder.join("dev.json"), format!("{json:#}\n"))?;
    Ok(())
}

fn authorization_server(places: &Places, hash: &str) -> String {
    let Places { issuer, orders, drive } = places;
    let listen = issuer.trim_start_matches("http://");
    format!(
        r#"issuer = "{issuer}"
listen = "{listen}"
store = "bailiwick.db"

[[resource]]
identifier = "{EXAMPLE}"
name = "Example API"
scopes = {{ read = "Read", write = "Write" }}

[[resource]]
identifier = "{ANOTHER}"
name = "Another API"
scopes = {{ read = "Read", delete = "Delete" }}

[[resource]]
identifier = "{QUALIFIED}"
name = "Example orders"
scopes = {{ read = "Read the orders" }}

[[resource]]
identifier = "{GRAPH}"
name = "Graph"

[resource.scopes]
"User.Read" = {{ description = "Read your profile", default = true }}
"Mail.Read" = "Read your mail"

[[resource]]
identifier = "{orders}"
name = "Orders"
scopes = {{ "read:orders" = "See your orders", "write:orders" = "Place orders in your name" }}

[[resource]]
identifier = "{drive}"
name = "Drive"
scopes = {{ "read:files" = "Read your files", "write:files" = "Write and remove your files" }}

[[client]]
id = "{CLIENT}"
name = "The walk"
authentication = "none"
redirect_uris = ["{REDIRECT}"]
grants = ["authorization_code", "refresh_token"]
refresh_tokens = "always"
scopes = ["openid", "profile", "email", "offline_access"]
resources = {{ "*" = "*" }}

[[user]]
username = "{}"
password = "{hash}"
claims = {{ name = "Ada Lovelace", email = "ada@example.com" }}
"#,
        USER.0
    )
}

fn gateway_file(places: &Places, gateway: &str, upstream: &str) -> String {
    let Places { issuer, drive, .. } = places;
    let listen = gateway.trim_start_matches("http://");
    format!(
        r#"listen = "{listen}"

[[resource]]
identifier = "{drive}"
issuer = "{issuer}"
upstream = "{upstream}"
prefix = "/drive"
strip_prefix = true
name = "Drive"
routes = [
  {{ path = "/files", methods = ["GET"], scopes = ["read:files"] }},
  {{ path = "/files/*", methods = ["GET"], scopes = ["read:files"] }},
  {{ path = "/files/*", methods = ["PUT", "DELETE"], scopes = ["write:files"] }},
]
"#
    )
}
