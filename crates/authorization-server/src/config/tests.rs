use bailiwick_grant::state::{Authentication, Origin, Reach, RoleAccess, TokenFormat};
use bailiwick_oauth::{Resource, Scope};

use super::file::SECTIONS;
use super::read::Presence;
use super::*;

const WHOLE: &str = include_str!("tests/whole.toml");

/// What the base of the small tests is: 1 line, then the lines of the test.
const ISSUER: &str = "issuer = \"https://id.example.com\"\n";

fn parse(text: &str) -> Result<Config, ConfigError> {
    let environment = |name: &str| match name {
        "LONG" => Some("0123456789abcdef0123456789abcdef".to_owned()),
        "SHORT" => Some("hunter2".to_owned()),
        _ => None,
    };
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/config/tests"));
    Config::parse(text, &Surroundings { name: "as.toml", folder, environment: &environment })
}

/// The problems of the lines below the issuer's, one a line.
fn wrong(lines: &str) -> String {
    parse(&format!("{ISSUER}{lines}")).expect_err("the file is wrong").to_string()
}

fn resource(text: &str) -> Resource {
    Resource::parse(text).unwrap()
}

fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}

#[test]
fn a_whole_file_becomes_domain_types() {
    let config = parse(WHOLE).unwrap();
    assert_eq!(config.tenant.issuer.as_str(), "http://127.0.0.1:9000");
    assert_eq!(config.listen.to_string(), "127.0.0.1:9001");
    let proxies: Vec<_> = config.proxies.iter().map(ToString::to_string).collect();
    assert_eq!(proxies, ["127.0.0.1", "2001:db8::1"]);
    assert!(config.store.ends_with("tests/data/as.db"), "{}", config.store.display());
    assert_eq!(config.tenant.lifetimes.code, 30);
    assert_eq!(config.tenant.lifetimes.refresh_token, 7 * 24 * 3600);
    assert_eq!(config.tenant.lifetimes.session, 12 * 3600);
    assert_eq!(config.login, Login { attempts: 5, window: 600, password_checks: 2 });
    assert!(config.tenant.global_scopes.has("audit") && config.tenant.global_scopes.has("openid"));
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);

    let [orders, files] = config.resource_servers.as_slice() else { panic!("two APIs") };
    assert_eq!(orders.identifier, resource("https://api.example.com/orders"));
    let names: Vec<_> = orders.scopes.iter().map(|scope| scope.name.as_str()).collect();
    assert_eq!(names, ["write:orders", "read:orders"], "the order of the file");
    assert!(orders.scopes[0].sensitive && !orders.scopes[0].default);
    assert!(orders.scopes[1].default);
    let RoleAccess::Roles(roles) = &orders.access else { panic!("roles") };
    assert_eq!(roles["admin"].len(), 2);
    assert_eq!(roles["clerk"].to_string(), "read:orders");
    assert_eq!(orders.introspection_secrets.len(), 2);
    assert_eq!(files.format, TokenFormat::Opaque);
    assert_eq!(files.audience(), "files-v1");
    assert_eq!(files.access, RoleAccess::Everyone);
    assert!(orders.enabled && orders.origin == Origin::Managed);

    let [shop, app, worker] = config.clients.as_slice() else { panic!("three clients") };
    let Authentication::Basic { secrets } = &shop.authentication else { panic!("basic") };
    let secret = bailiwick_oauth::Secret::new("0123456789abcdef0123456789abcdef");
    assert!(secrets[0].matches(&secret), "from the environment");
    assert!(secrets[1].matches(&secret), "from its digest");
    assert!(secrets[2].matches(&secret), "from a file");
    assert_eq!(
        shop.ceiling.on(&orders.identifier),
        &Reach::Only([scope("read:orders"), scope("write:orders")].into_iter().collect())
    );
    assert_eq!(shop.ceiling.on(&files.identifier), &Reach::Nothing);
    assert!(app.is_public() && app.ceiling.on(&files.identifier) == &Reach::Everything);
    assert!(matches!(worker.authentication, Authentication::PrivateKeyJwt));

    let [ada, grace] = config.users.as_slice() else { panic!("two users") };
    assert_eq!(ada.subject.as_str(), "ada");
    assert_eq!(ada.claims["address"]["country"], "GB");
    assert!(ada.roles.contains("admin"));
    assert_eq!(Some(&grace.subject), derived_subject("GRACE").as_ref());
    assert_eq!(grace.subject.as_str(), "w8d6S1v9DhHbhf2DFB3ESQ", "it must never change");
}

#[test]
fn the_smallest_file_is_an_issuer() {
    let config = parse(ISSUER).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:9000");
    assert!(config.proxies.is_empty(), "nobody is believed unless named");
    assert_eq!(config.tenant.most_resources, 16);
    assert_eq!(config.tenant.lifetimes.code, 60);
    assert_eq!(config.tenant.lifetimes.replay, 10);
    assert!(config.clients.is_empty());
}

#[test]
fn an_unknown_field_names_the_nearest_one() {
    let text = "isuer = \"https://id.example.com\"\n\
                [[resource]]\nidentifier = \"https://a.example\"\nname = \"A\"\naliasses = []\n\
                [lifetimes]\ncolour = 1\n";
    assert_eq!(
        parse(text).unwrap_err().to_string(),
        "as.toml:1:1: unknown field `isuer` at the top of the file; did you mean `issuer`?\n\
         as.toml:1:1: `issuer` is missing at the top of the file; \
         write for example `issuer = \"https://id.example.com\"`\n\
         as.toml:5:1: unknown field `aliasses` in [[resource]]; did you mean `aliases`?\n\
         as.toml:7:1: unknown field `colour` in [lifetimes]; known are code, refresh_token, \
         replay, userinfo_token, id_token, pushed_request, interaction, device_code, session"
    );
}

#[test]
fn broken_toml_is_located() {
    let text = wrong("listen = \n");
    assert!(text.starts_with("as.toml:2:10: "), "{text}");
    let text = wrong("strict = true\nstrict = false\n");
    assert_eq!(text, "as.toml:3:1: duplicate key");
}

#[test]
fn a_proxy_is_an_address_without_name_port_or_prefix() {
    for bad in ["localhost", "127.0.0.1:80", "10.0.0.0/8", ""] {
        let text = wrong(&format!("proxies = [\"{bad}\"]\n"));
        assert!(text.starts_with("as.toml:2:12: malformed IP address"), "{text}");
    }
}

#[test]
fn several_malformed_values_are_reported_together() {
    let text = "listen = \"localhost\"\n\
                strict = \"yes\"\n\
                default_resource = \"https://api.example.com/#x\"\n\
                most_resources = 0\n\
                lifetimes = { code = \"10 minutes\" }\n\
                [[client]]\nid = \"a b\"\nname = \"\"\nauthentication = \"client_secret_basik\"\n\
                redirect_uris = [\"javascript:alert(1)\", \"https://a/cb#x\"]\n\
                scopes = [\"a\\\"b\"]\n\
                [[user]]\nusername = \"ada\"\npassword = \"hunter2\"\nclaims = { sub = \"root\" }\n";
    let text = wrong(text);
    let lines: Vec<_> = text.lines().collect();
    let expected = [
        ("as.toml:2:10: malformed address to listen on", "127.0.0.1:9000"),
        ("as.toml:3:10: expected `true` or `false`, found string", ""),
        (
            "as.toml:4:20: malformed resource identifier: it has a fragment",
            "https://api.example.com",
        ),
        ("as.toml:5:18: expected a whole number from 1 to 1000", ""),
        ("as.toml:6:22: malformed time", "\"10m\""),
        ("as.toml:8:6: malformed id", ""),
        ("as.toml:9:8: the text is empty", "at most 200 characters"),
        ("as.toml:10:18: \"client_secret_basik\" is none", "did you mean \"client_secret_basic\"?"),
        ("as.toml:11:18: malformed redirect URI: its scheme", "http://127.0.0.1/callback"),
        ("as.toml:11:41: malformed redirect URI: it has a fragment", ""),
        ("as.toml:12:11: malformed scope", ""),
        ("as.toml:15:12: malformed password hash", "never the password itself"),
        ("as.toml:16:12: `sub` is a claim of the token", "leave it out"),
    ];
    assert_eq!(lines.len(), expected.len(), "{text}");
    for (line, (start, part)) in lines.iter().zip(expected) {
        assert!(line.starts_with(start) && line.contains(part), "{line}\nis not\n{start}…{part}");
    }
    assert!(!text.contains("hunter2"), "a password is shown");
}

const ORDERS: &str = "[[resource]]\nidentifier = \"https://api.example.com/orders\"\nname = \"Orders\"\n\
    aliases = [\"https://orders.example.com\"]\nscopes = { read = \"Read\", write = \"Write\" }\n";

const SHOP: &str = "[[client]]\nid = \"shop\"\nname = \"Shop\"\nauthentication = \"none\"\n\
    redirect_uris = [\"https://shop.example.com/cb\"]\n";

#[test]
fn one_namespace_holds_all_names() {
    let text = format!(
        "{ORDERS}[[resource]]\nidentifier = \"https://Orders.example.com:443/\"\nname = \"Twin\"\n\
         audience = \"shop\"\naliases = [\"https://id.example.com/\"]\n{SHOP}"
    );
    let help = "identifiers, aliases, audiences, client identifiers and the issuer share one \
                namespace; choose another name";
    assert_eq!(
        wrong(&text),
        format!(
            "as.toml:8:14: \"https://orders.example.com\" is taken: it is an alias on line 5; {help}\n\
             as.toml:11:12: \"https://id.example.com\" is taken: it is the issuer on line 1; {help}\n\
             as.toml:13:6: \"shop\" is taken: it is an audience on line 10; {help}"
        )
    );
}

#[test]
fn a_ceiling_names_what_is_registered() {
    let text = format!(
        "default_resource = \"https://orders.example.com\"\n{ORDERS}{SHOP}\
         scopes = [\"opnid\", \"read\", \"email\", \"email\"]\n\
         resources = {{ \"https://api.example.com/order\" = [\"read\"], \
         \"https://api.example.com/orders\" = [\"raed\", \"write\"] }}\n\
         required = {{ \"https://api.example.com/orders\" = [\"read\"] }}\n"
    );
    assert_eq!(
        wrong(&text),
        "as.toml:2:20: no resource server of this file is called \"https://orders.example.com\"; \
         it is an alias: write \"https://api.example.com/orders\"\n\
         as.toml:13:11: `opnid` is no global scope; did you mean `openid`?\n\
         as.toml:13:20: `read` is no global scope; \
         add it to `global_scopes`, or, if it is a scope of an API, to `resources`\n\
         as.toml:13:37: the scope `email` is listed twice; leave one out\n\
         as.toml:14:15: no resource server of this file is called \
         \"https://api.example.com/order\"; did you mean \"https://api.example.com/orders\"?\n\
         as.toml:14:95: \"https://api.example.com/orders\" does not define the scope `raed`; \
         did you mean `read`?\n\
         as.toml:15:50: `read` is required, but above the client's ceiling; add it to `resources`"
    );
}

#[test]
fn credentials_fit_the_authentication() {
    for (fields, expected) in [
        (
            "authentication = \"none\"\nsecret = { env = \"LONG\" }",
            "does not authenticate with a secret",
        ),
        ("authentication = \"client_secret_post\"", "as.toml:5:18: this client needs a `secret`"),
        ("authentication = \"private_key_jwt\"", "this client needs its keys"),
        (
            "authentication = \"none\"\njwks_file = \"keys.json\"\n\
             jwks_uri = \"https://shop.example/jwks\"",
            "the keys are given twice",
        ),
        ("authentication = \"none\"\nrequests = { require_signed = true }", "needs its keys"),
        (
            "authentication = \"none\"\nrequests = { request_uris = [\"https://a\", \"https://a#1\"] }",
            "is listed twice",
        ),
        ("authentication = \"none\"\njwks_uri = \"http://shop.example/jwks\"", "plain http"),
        (
            "authentication = \"none\"\ngrants = [\"client_credentials\"]",
            "no credentials of its own",
        ),
        ("authentication = \"none\"\npkce = \"optional\"", "must use PKCE"),
        ("authentication = \"none\"\ngrants = []", "can do nothing"),
        ("authentication = \"private_key_jwt\"\njwks = { keys = [] }", "the key set has no key"),
        (
            "authentication = \"private_key_jwt\"\njwks = { keys = [{ kty = \"oct\", k = \"AA\" }] }",
            "key 1 of the set cannot be used",
        ),
        (
            "authentication = \"client_secret_basic\"\nsecret = \"hunter2\"",
            "does not stand in this file",
        ),
        (
            "authentication = \"client_secret_basic\"\nsecret = { env = \"NOWHERE\" }",
            "as.toml:6:18: the environment variable NOWHERE is not set; set NOWHERE before",
        ),
        (
            "authentication = \"client_secret_basic\"\nsecret = { env = \"SHORT\" }",
            "the secret is shorter than 32 characters",
        ),
        (
            "authentication = \"client_secret_basic\"\nsecret = { sha256 = \"abc\" }",
            "malformed SHA-256 digest",
        ),
        (
            "authentication = \"client_secret_basic\"\nsecret = { file = \"nowhere\" }",
            "cannot read the secret from",
        ),
    ] {
        let text = wrong(&format!("[[client]]\nid = \"c\"\nname = \"C\"\n{fields}\n"));
        assert!(text.contains(expected), "{fields}\n{text}\nis not\n{expected}");
        assert!(!text.contains("hunter2"), "a secret is shown: {text}");
    }
}

#[test]
fn grants_and_redirect_uris_fit_each_other() {
    let client = |fields: &str| {
        format!("[[client]]\nid = \"c\"\nname = \"C\"\nauthentication = \"none\"\n{fields}\n")
    };
    let text = wrong(&client("grants = [\"authorization_code\"]"));
    assert_eq!(
        text,
        "as.toml:6:10: the authorization code needs a redirect URI; \
         add `redirect_uris`, or write `grants = [\"client_credentials\"]`"
    );
    let text = wrong(&client("redirect_uris = [\"https://a/cb\", \"https://a/cb\"]"));
    assert_eq!(
        text,
        "as.toml:6:34: the redirect URI `https://a/cb` is listed twice; leave one out"
    );
}

#[test]
fn lifetimes_have_bounds() {
    let text = wrong(
        "lifetimes = { code = \"1h\", replay = 90, refresh_token = \"0s\", id_token = -1 }\n",
    );
    assert_eq!(
        text,
        "as.toml:2:74: malformed time; write seconds, or a text such as \"90s\", \"10m\", \"12h\" \
         or \"30d\"; at most ten years"
    );
    let text = wrong("lifetimes = { code = \"1h\", replay = 90, refresh_token = \"0s\" }\n");
    assert_eq!(
        text,
        "as.toml:2:22: 3600 seconds are out of bounds here; write a time from 1 to 600 seconds\n\
         as.toml:2:37: 90 seconds are out of bounds here; write a time from 0 to 60 seconds\n\
         as.toml:2:57: 0 seconds are out of bounds here; write a time from 1 to 316224000 seconds"
    );
}

#[test]
fn plain_http_needs_a_loud_word() {
    let api = "[[resource]]\nidentifier = \"http://api.internal\"\nname = \"A\"\n";
    assert_eq!(
        wrong(api),
        "as.toml:3:14: malformed resource identifier: plain http is accepted on loopback only; use \
         https; on a closed network set `dangerous_allow_plain_http_resources = true`"
    );
    let config =
        parse(&format!("{ISSUER}dangerous_allow_plain_http_resources = true\n{api}")).unwrap();
    assert_eq!(config.tenant.plain_http, bailiwick_oauth::resource::PlainHttp::Anywhere);
}

#[test]
fn a_query_in_an_identifier_draws_a_warning() {
    let api = "[[resource]]\nidentifier = \"https://api.example.com/?v=1\"\nname = \"A\"\n";
    let config = parse(&format!("{ISSUER}{api}")).unwrap();
    let [warning] = config.warnings.as_slice() else { panic!("{:?}", config.warnings) };
    assert!(
        warning.to_string().starts_with("as.toml:3:14: the identifier has a query"),
        "{warning}"
    );
}

#[test]
fn users_are_told_apart() {
    let text = format!(
        "[[user]]\nusername = \"ada\"\nsubject = \"shop\"\n[[user]]\nusername = \" ADA \"\n\
         roles = [\"x\", \"x\"]\n[[user]]\nusername = \"eve\"\nsubject = \"shop\"\n{SHOP}"
    );
    assert_eq!(
        wrong(&text),
        "as.toml:4:11: the subject `shop` is a client's identifier; \
         choose another: a token must tell the two apart (RFC 9068 §5)\n\
         as.toml:6:12: the username ` ADA ` is taken on line 3; choose another; case does not count\n\
         as.toml:7:15: the role `x` is listed twice; leave one out\n\
         as.toml:10:11: the subject `shop` is a client's identifier; \
         choose another: a token must tell the two apart (RFC 9068 §5)\n\
         as.toml:10:11: the subject `shop` is taken on line 4; choose another"
    );
}

#[test]
fn tenants_are_files_of_the_same_form() {
    let config = parse(&format!("tenants = [\"acme.toml\", \"globex.toml\"]\n{ISSUER}")).unwrap();
    let issuers = config.tenants.iter().map(|one| one.tenant.issuer.as_str());
    assert_eq!(
        issuers.collect::<Vec<_>>(),
        ["https://id.example.com/acme", "https://id.example.com/globex"]
    );
    assert_eq!(config.tenants[0].branding.name.as_deref(), Some("Acme"));
    assert!(config.tenants[0].branding.logo.is_some());
}

#[test]
fn tenants_are_held_against_the_server_and_each_other() {
    let cases = [
        ("tenants = [\"nobody.toml\"]", "as.toml:2:12: cannot read the configuration file"),
        ("tenants = [\"acme.toml\", \"acme.toml\"]", "as.toml:2:25: two files have the issuer"),
        ("store = \"acme.db\"\ntenants = [\"acme.toml\"]", "two issuers have the store"),
        ("tenants = [\"whole.toml\"]", "whole.toml:2:1: a tenant's file cannot say `listen`"),
        (
            "tenants = [\"elsewhere.toml\"]",
            "has another origin; give it an issuer that begins with",
        ),
        ("tenants = [\"shadow.toml\"]", "takes a path that another one answers"),
        ("tenants = [\"mistaken.toml\"]", "mistaken.toml:2:1: unknown field `stoer`"),
    ];
    for (lines, expected) in cases {
        let said = wrong(lines);
        assert!(said.contains(expected), "{lines}\n{said}");
    }
}

#[test]
fn the_look_must_be_fit_to_be_seen() {
    let cases = [
        ("branding = { accent = \"#ffee00\" }", "white text cannot be read on this colour"),
        ("branding = { accent = \"green\" }", "a colour is written as \"#2f5d50\""),
        ("branding = { logo = \"whole.toml\" }", "the picture is neither SVG nor PNG"),
        ("branding = { logo = \"none.svg\" }", "cannot read the picture"),
    ];
    for (lines, expected) in cases {
        let said = wrong(lines);
        assert!(said.contains(expected), "{lines}\n{said}");
    }
}

#[test]
fn nobody_signs_in_without_a_password_beyond_this_machine() {
    let here = "issuer = \"http://127.0.0.1:9000\"\ndangerous_sign_in_as = \"ada\"\n";
    let config = parse(here).unwrap();
    assert_eq!(config.dangerous_sign_in_as.as_deref(), Some("ada"));
    assert_eq!(config.warnings.len(), 1, "it is said loudly");
    let everywhere = format!("{here}listen = \"0.0.0.0:9000\"\n");
    for text in [everywhere, format!("{ISSUER}dangerous_sign_in_as = \"ada\"\n")] {
        let said = parse(&text).expect_err("it is refused").to_string();
        assert!(said.contains(":2:24: nobody may sign in without a password"), "{said}");
    }
}

#[test]
fn columns_are_counted_in_characters() {
    let text = wrong("lifetimes = { \"é\" = 1, code = \"x\" }\n");
    assert!(text.contains("as.toml:2:31: malformed time"), "{text}");
}

#[test]
fn an_unreadable_file_is_named() {
    let error = Config::load(Path::new("/nowhere/as.toml")).unwrap_err();
    assert_eq!(error.to_string(), "cannot read the configuration file /nowhere/as.toml");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn every_default_can_be_read() {
    for section in SECTIONS {
        for field in section.fields {
            if let Presence::Default(default) = field.presence {
                let read = toml::de::DeValue::parse(default);
                assert!(read.is_ok(), "{} {}: {default}", section.heading, field.name);
            }
        }
    }
}

#[test]
fn every_field_stands_in_the_reference() {
    let text = reference();
    for section in SECTIONS {
        let heading = section.heading.to_lowercase();
        assert!(text.to_lowercase().contains(&heading), "{heading}");
        for field in section.fields {
            assert!(text.contains(&format!("\n| `{}` | ", field.name)), "{}", field.name);
            assert!(!field.about.is_empty(), "{} has no meaning", field.name);
        }
    }
}

#[test]
fn the_example_of_the_reference_can_be_read() {
    let text = reference();
    let example = text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let config = parse(&example.replace("SHOP_SECRET", "LONG")).unwrap();
    assert_eq!(config.resource_servers.len() + config.clients.len() + config.users.len(), 3);
}

/// Write it anew with `BAILIWICK_WRITE_DOCS=1 cargo test -p bailiwick-authorization-server`.
#[test]
fn the_committed_reference_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/authorization-server-configuration.md");
    if std::env::var_os("BAILIWICK_WRITE_DOCS").is_some() {
        std::fs::write(&path, reference()).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == reference(), "{} is stale", path.display());
}

#[test]
fn the_key_that_tokens_are_encrypted_with_is_public_and_one() {
    let base = "[[resource]]\nidentifier = \"https://a.example\"\nname = \"A\"\n";
    let section = |lines: &str| format!("{base}[resource.encryption]\n{lines}\n");
    let point = "kty = \"EC\", crv = \"P-256\", \
                 x = \"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\", \
                 y = \"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"";
    let good = section(&format!("jwk = {{ {point} }}\nalg = \"ECDH-ES+A256KW\""));
    let config = parse(&format!("{ISSUER}{good}")).unwrap();
    let encryption = config.resource_servers[0].encryption.as_ref().unwrap();
    assert_eq!(encryption.enc.name(), "A256GCM");
    for (lines, said) in [
        (String::new(), "needs one of"),
        (format!("jwk = {{ {point} }}\njwks_uri = \"https://a.example/jwks\""), "needs one of"),
        (format!("jwk = {{ {point} }}\nalg = \"RSA-OAEP-256\""), "no public key to encrypt with"),
        (format!("jwk = {{ {point} }}\nalg = \"dir\""), "an unknown `alg`"),
        (format!("jwk = {{ {point} }}\nenc = \"A192GCM\""), "an unknown `enc`"),
        (format!("jwk = {{ {point}, use = \"sig\" }}"), "unfit key"),
        (
            format!("jwk = {{ {point}, d = \"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\" }}"),
            "unfit key",
        ),
        ("jwk = { kty = \"oct\", k = \"c2VjcmV0\", alg = \"dir\" }".to_owned(), "unfit key"),
        ("jwks_uri = \"http://a.example/jwks\"".to_owned(), "it is not https"),
        ("jwks_uri = \"https://a@a.example/jwks\"".to_owned(), "credentials"),
        ("jwks_file = \"missing.json\"".to_owned(), "cannot read the keys"),
    ] {
        let text = wrong(&section(&lines));
        assert!(text.contains(said), "{lines}: {text}");
    }
    let opaque = format!("{base}format = \"opaque\"\n{}", &good[base.len()..]);
    assert!(wrong(&opaque).contains("nothing to encrypt"));
}
