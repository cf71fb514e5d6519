//! The reference of the configuration file, generated from its fields.

use std::fmt::Write as _;

use super::file::SECTIONS;
use super::read::{Field, Presence};

/// The reference of the configuration file, in Markdown.
pub fn reference() -> String {
    let mut out = String::from(INTRODUCTION);
    for section in SECTIONS {
        let (heading, about) = (section.heading, paragraph(section.about));
        let heading = if heading.contains('[') { format!("`{heading}`") } else { heading.into() };
        let _ = write!(out, "\n## {}\n\n{about}\n\n", capitalised(&heading));
        out.push_str("| field | type | default | meaning |\n|---|---|---|---|\n");
        for field in section.fields {
            out.push_str(&row(field));
        }
    }
    out
}

fn row(field: &Field) -> String {
    let (default, example) = match field.presence {
        Presence::Required(example) => ("**required**".to_owned(), Some(example)),
        Presence::Default(default) => (format!("`{default}`"), None),
        Presence::Optional(example) => ("none".to_owned(), Some(example)),
    };
    let mut meaning = paragraph(field.about);
    if let Some(example) = example {
        let _ = write!(meaning, " Example: `{example}`");
    }
    let (kind, meaning) = ((field.kind)().replace('|', "\\|"), meaning.replace('|', "\\|"));
    format!("| `{}` | {kind} | {default} | {meaning} |\n", field.name)
}

/// The lines of a comment as one paragraph.
fn paragraph(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

const INTRODUCTION: &str = "\
# Configuration of the authorization server

<!-- Generated from crates/authorization-server/src/config/file.rs; a test fails when it is stale. -->

One TOML file. A field that is not listed here is refused, and every mistake is reported with its
line and what would be right. What the file names is applied at each start and *managed*: commands
refuse to change it. What is taken out of the file is switched off at the next start: a user or an
API is disabled, a client is removed, and its name stays reserved.

A time is a whole number of seconds, or a text: `\"90s\"`, `\"10m\"`, `\"12h\"`, `\"30d\"`. A path is
relative to the folder of the file.

Identifiers, aliases, audiences, client identifiers and the issuer share one namespace: no two of
them are equal.

```toml
issuer = \"http://127.0.0.1:9000\"

[[resource]]
identifier = \"https://api.example.com/orders\"
name = \"Orders\"

[resource.scopes]
\"read:orders\" = \"See your orders\"
\"write:orders\" = { description = \"Place orders in your name\", sensitive = true }

[[client]]
id = \"shop\"
name = \"Example Shop\"
authentication = \"client_secret_basic\"
secret = { env = \"SHOP_SECRET\" }
redirect_uris = [\"https://shop.example.com/callback\"]
scopes = [\"openid\", \"profile\", \"offline_access\"]
resources = { \"https://api.example.com/orders\" = [\"read:orders\", \"write:orders\"] }

[[user]]
username = \"ada\"
password = \"$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$2BxBUGBm9oHHOwQUPQ9yYQlLXHqYkJo8yDDEnSFT6B4\"
claims = { name = \"Ada Lovelace\", email = \"ada@example.com\" }
```
";
