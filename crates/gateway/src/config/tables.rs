//! Declares the tables of the file, and makes their reference.

use super::{
    admin, answer, bounds, credentials, events, identity, issuer, limits, log, lookup, records,
    resource, route, rule, signing, tls, tokens, top, traces, upstream,
};

/// Declares the tables once: their fields, and their lines in the reference.
macro_rules! tables {
    ($(
        $(#[doc = $about:literal])+
        $heading:literal $name:ident {
            $( $(#[doc = $doc:literal])+ $field:ident: $type:ty, $kind:literal, $default:literal; )+
        }
    )+) => {
        $(
            $(#[doc = $about])+
            #[derive(serde::Deserialize)]
            #[serde(deny_unknown_fields)]
            pub(in crate::config) struct $name {
                $( $(#[doc = $doc])+ pub(in crate::config) $field: $type, )+
            }
        )+

        /// The tables of this file, for the reference.
        pub(in crate::config) const TABLES: &[$crate::config::tables::Table] = &[$( $crate::config::tables::Table {
            heading: $heading,
            about: concat!($($about),+),
            settings: &[$( $crate::config::tables::Setting {
                name: stringify!($field),
                kind: $kind,
                default: $default,
                about: concat!($($doc),+),
            } ),+],
        } ),+];
    };
}
pub(super) use tables;

/// A table, for the reference.
pub(super) struct Table {
    pub(super) heading: &'static str,
    pub(super) about: &'static str,
    pub(super) settings: &'static [Setting],
}

/// A setting, for the reference.
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) default: &'static str,
    pub(super) about: &'static str,
}

/// The reference in Markdown; `docs/gateway-configuration.md` is this text.
pub(super) fn reference() -> String {
    let mut out = String::from(INTRODUCTION);
    let tables = [
        top::TABLES,
        bounds::TABLES,
        tls::TABLES,
        admin::TABLES,
        log::TABLES,
        records::TABLES,
        signing::TABLES,
        traces::TABLES,
        resource::TABLES,
        upstream::TABLES,
        route::TABLES,
        rule::TABLES,
        answer::TABLES,
        limits::TABLES,
        issuer::TABLES,
        tokens::TABLES,
        credentials::TABLES,
        lookup::TABLES,
        identity::TABLES,
        events::TABLES,
    ];
    for table in tables.into_iter().flatten() {
        out.extend(["\n## ", table.heading, "\n\n", table.about.trim(), "\n\n"]);
        out.push_str("| setting | value | default | meaning |\n|---|---|---|---|\n");
        for setting in table.settings {
            let Setting { name, kind, default, about } = setting;
            let name = name.trim_start_matches("r#"); // `type` is a word of the language
            out.extend(["| `", name, "` | ", kind, " | ", default, " | ", about.trim(), " |\n"]);
        }
    }
    out
}

const INTRODUCTION: &str = "\
# Configuration of the gateway

Generated from the source; do not edit.

One TOML file. A setting that is not listed here is refused, and so is a file with any mistake in
it: the gateway then does not start and says in which line and column what is wrong.

```toml
listen = \"127.0.0.1:8080\"

[[resource]]
identifier = \"https://api.example.com/drive\"
issuer = \"https://id.example.com\"
upstream = \"http://127.0.0.1:7000\"
prefix = \"/drive\"
routes = [
  { path = \"/files/**\", methods = [\"GET\", \"HEAD\"], scopes = [\"read:files\"] },
  { path = \"/files/**\", methods = [\"PUT\", \"DELETE\"], scopes = [\"write:files\"] },
  { path = \"/healthz\", public = true },
]
```
";
