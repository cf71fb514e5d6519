//! The tables of the file as they are written, and the reference that is made from them.

use serde::Deserialize;
use toml::Spanned;

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
            #[derive(Deserialize)]
            #[serde(deny_unknown_fields)]
            pub(super) struct $name {
                $( $(#[doc = $doc])+ pub(super) $field: $type, )+
            }
        )+

        const TABLES: &[Table] = &[$( Table {
            heading: $heading,
            about: concat!($($about),+),
            settings: &[$( Setting {
                name: stringify!($field),
                kind: $kind,
                default: $default,
                about: concat!($($doc),+),
            } ),+],
        } ),+];
    };
}

tables! {
    /// How the gateway listens, which may be left out, and what it protects.
    "At the top of the file" Top {
        /// Address and port to listen on.
        listen: Option<Spanned<String>>, "address", "`\"127.0.0.1:8080\"`";
        /// Threads that serve, each with its own listener and its own upstream connections.
        workers: Option<Spanned<usize>>, "number", "one per core";
        /// The most client connections at once; further ones wait to be accepted.
        max_connections: Option<Spanned<usize>>, "number", "`10000`";
        /// How long a client may take to send the head of a request, in seconds; also how long
        /// an idle connection is kept.
        head_timeout: Option<Spanned<u64>>, "seconds", "`30`";
        /// How long requests may go on after the gateway was told to stop.
        drain_timeout: Option<Spanned<u64>>, "seconds", "`30`";
        /// The protected resources, at least one.
        resource: Option<Vec<Spanned<ResourceTable>>>, "tables", "required";
    }

    /// A protected API: which tokens it takes, under which address it is reached, and what stands
    /// behind it. A request belongs to the resource that names its `Host`, and among those to the
    /// one with the longest `prefix`. A host that some resource names is served by the resources
    /// that name it alone.
    "`[[resource]]`" ResourceTable {
        /// The resource identifier (RFC 8707): what clients send as `resource` and what `aud` of
        /// a token must be.
        identifier: Spanned<String>, "URI", "required";
        /// The authorization server whose tokens are taken, exactly as its metadata spells it.
        issuer: Spanned<String>, "URL", "required";
        /// Let the issuer be at a private address when its keys are fetched. An issuer on this
        /// machine needs no permission.
        private_issuer: Option<bool>, "boolean", "`false`";
        /// Where requests are forwarded to: scheme, host and port. The upstream gets this as
        /// `Host`, and the client's as `X-Forwarded-Host`.
        upstream: Spanned<String>, "URL", "required";
        /// The name that people read, in the metadata (RFC 9728).
        name: Option<String>, "text", "none";
        /// The host under which the resource is reached, without a port.
        host: Option<Spanned<String>>, "host", "any";
        /// The path prefix under which it is reached, matched by whole segments.
        prefix: Option<Spanned<String>>, "path", "none";
        /// Take the prefix off before forwarding.
        strip_prefix: Option<Spanned<bool>>, "boolean", "`false`";
        /// How long a connection to the upstream may take to be made.
        connect_timeout: Option<Spanned<u64>>, "seconds", "`5`";
        /// How long the upstream may take to begin its answer once it has the request.
        first_byte_timeout: Option<Spanned<u64>>, "seconds", "`60`";
        /// What may be reached. What no route names is answered with 404.
        routes: Spanned<Vec<Spanned<RouteTable>>>, "tables", "required";
    }

    /// A part of a resource and what it takes to reach it: `scopes` or `public = true`, one of
    /// them. Which route a request takes depends on its path alone, never on the order in the
    /// file: segment by segment from the left a literal beats `*`, and `*` beats `**`. Its method
    /// is looked at afterwards; one that the chosen path does not have is answered with 405.
    "`routes`" RouteTable {
        /// The path below the prefix. A segment is literal, `*` (any one segment) or, as the last,
        /// `**` (any number of segments, none too). A slash at the end of a request's path makes
        /// no difference.
        path: Spanned<String>, "pattern", "required";
        /// The methods; without it, all that no other route with the same path names. `GET` does
        /// not include `HEAD`.
        methods: Option<Spanned<Vec<Spanned<String>>>>, "list of methods", "all";
        /// The scopes that the token must have, all of them. An empty list takes any token for
        /// this resource.
        scopes: Option<Spanned<Vec<Spanned<String>>>>, "list of scopes", "none";
        /// Let everyone pass, without a token and without identity headers.
        public: Option<Spanned<bool>>, "boolean", "`false`";
        /// Pass `Authorization` and `DPoP` on to the upstream, which then can act as the client.
        forward_token: Option<bool>, "boolean", "`false`";
    }
}

struct Table {
    heading: &'static str,
    about: &'static str,
    settings: &'static [Setting],
}

struct Setting {
    name: &'static str,
    kind: &'static str,
    default: &'static str,
    about: &'static str,
}

/// The reference in Markdown; `docs/gateway-configuration.md` is this text.
pub(super) fn reference() -> String {
    let mut out = String::from(INTRODUCTION);
    for table in TABLES {
        out.extend(["\n## ", table.heading, "\n\n", table.about.trim(), "\n\n"]);
        out.push_str("| setting | value | default | meaning |\n|---|---|---|---|\n");
        for setting in table.settings {
            let Setting { name, kind, default, about } = setting;
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
