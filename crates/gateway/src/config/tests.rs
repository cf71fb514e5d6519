use bailiwick_guard::ScopeRule;
use bailiwick_oauth::Scopes;
use http::Method;

use super::*;

const GOOD: &str = r#"listen = "127.0.0.1:8080"
[[resource]]
identifier = "https://api.example.com/drive"
issuer = "https://id.example.com"
upstream = "http://127.0.0.1:7000"
host = "Drive.example.com"
prefix = "/drive"
strip_prefix = true
routes = [
  { path = "/files/**", methods = ["GET", "HEAD"], scopes = ["read:files"] },
  { path = "/files/**", methods = ["PUT"], scopes = ["write:files"], forward_token = true },
  { path = "/healthz", public = true },
]
"#;

/// What is said about the good configuration with one text in it replaced.
fn verdict(replaced: &str, by: &str) -> String {
    assert!(GOOD.contains(replaced), "{replaced}");
    match Config::parse("g.toml", &GOOD.replacen(replaced, by, 1)) {
        Ok(_) => "good".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_good_configuration_becomes_domain_types() {
    let config = Config::parse("g.toml", GOOD).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    let [resource] = config.resources.as_slice() else { panic!("{config:?}") };
    assert_eq!(resource.identifier.as_str(), "https://api.example.com/drive");
    assert_eq!(resource.host.as_deref(), Some("drive.example.com"));
    assert_eq!((resource.prefix.as_str(), resource.strip_prefix), ("/drive", true));
    assert_eq!(resource.upstream.servers[0].authority, "127.0.0.1:7000");
    assert_eq!(resource.routes[0].methods, [Method::GET, Method::HEAD]);
    let rule = resource.routes[1].access.rule().unwrap();
    assert_eq!(rule.scope, ScopeRule::AllOf(Scopes::parse("write:files").unwrap()));
    assert!(resource.routes[1].forward_token && !resource.routes[0].forward_token);
    assert!(resource.routes[2].access.rule().is_none());
    assert_eq!(resource.scopes().to_string(), "read:files write:files");
}

#[test]
fn a_mistake_is_named_with_its_place_and_what_would_be_right() {
    let cases = [
        ("listen =", "lisen =", "g.toml:1:1: unknown field `lisen`, expected one of `listen`"),
        ("\"127.0.0.1:8080\"", "\"8080\"", "g.toml:1:10: expected an address and a port"),
        ("listen = \"127.0.0.1:8080\"", "workers = 0", "g.toml:1:11: expected a number from 1"),
        ("listen = \"127.0.0.1:8080\"", "head_timeout = 0", "g.toml:1:16: expected 1 to 86400"),
        (
            "listen = \"127.0.0.1:8080\"",
            "trusted_proxies = [\"::1\", \"10.1.0.0/8\"]",
            "g.toml:1:27: '10.1.0.0/8' has bits beyond its prefix; '10.0.0.0/8' is",
        ),
        (
            "listen = \"127.0.0.1:8080\"",
            "proxy_protocol = true",
            "g.toml:1:18: whose? add `trusted_proxies`",
        ),
        (
            "listen = \"127.0.0.1:8080\"",
            "trusted_header = \"x-real-ip\"",
            "g.toml:1:18: expected \"x-forwarded\" or \"forwarded\"",
        ),
        ("prefix =", "perfix =", "g.toml:7:1: unknown field `perfix`, expected one of"),
        ("\"https://api.example.com/drive\"", "\"/drive\"", "g.toml:3:14: not a resource"),
        ("\"https://api.example.com/drive\"", "\"https://a/#x\"", "g.toml:3:14: not a resource"),
        ("\"https://id.example.com\"", "\"http://id.example.com\"", "g.toml:4:10: not an issuer"),
        ("\"http://127.0.0.1:7000\"", "\"127.0.0.1:7000\"", "g.toml:5:12: the upstream is not"),
        ("127.0.0.1:7000\"", "127.0.0.1:7000/x\"", "g.toml:5:12: the upstream has a path"),
        ("http://127.0.0.1:7000", "ftp://127.0.0.1", "g.toml:5:12: the upstream's scheme"),
        ("127.0.0.1:7000", "user@127.0.0.1", "g.toml:5:12: the upstream has a user name"),
        ("Drive.example.com", "drive.example.com:80", "g.toml:6:8: not a host"),
        ("Drive.example.com", "*.example.com", "g.toml:6:8: not a host"),
        ("\"/drive\"\n", "\"/drive/\"\n", "g.toml:7:10: the prefix is no path: it ends with '/'"),
        ("prefix = \"/drive\"\n", "", "g.toml:7:16: there is no prefix to strip"),
        (
            "/files/**\", methods = [\"G",
            "/files/*/\", methods = [\"G",
            "g.toml:10:12: not a route's",
        ),
        ("/files/**\", methods = [\"G", "/fil;es\", methods = [\"G", "g.toml:10:12: not a route's"),
        ("\"GET\"", "\"get\"", "g.toml:10:36: not a method; write it in capitals"),
        ("\"GET\"", "\"TRACE\"", "g.toml:10:36: TRACE is never forwarded"),
        ("\"GET\", \"HEAD\"", "\"GET\", \"GET\"", "g.toml:10:43: GET is listed twice"),
        ("\"GET\", \"HEAD\"", "", "g.toml:10:35: no method"),
        ("\"PUT\"", "\"HEAD\"", "g.toml:11:12: another route has HEAD of /files/** already"),
        ("\"read:files\"", "\"read files\"", "g.toml:10:62: not a scope"),
        ("public = true", "public = false", "g.toml:12:12: this route says neither"),
        ("public = true", "public = true, scopes = []", "g.toml:12:48: a public route needs no"),
        ("public = true", "pubic = true", "g.toml:12:24: unknown field `pubic`"),
        ("identifier =", "#", "g.toml:2:1: missing field `identifier`"),
        ("= true\n", "= \"yes\"\n", "g.toml:8:16: invalid type: string \"yes\""),
        ("[[resource]]", "[[resource", "g.toml:2:11: "),
    ];
    for (replaced, by, expected) in cases {
        let said = verdict(replaced, by);
        assert!(said.starts_with(expected), "{by}: {said}");
    }
    let empty = Config::parse("g.toml", "").unwrap_err().to_string();
    assert!(empty.starts_with("g.toml:1:1: there is nothing to protect"), "{empty}");
    let missing = Config::load(Path::new("/nowhere/g.toml")).unwrap_err().to_string();
    assert!(missing.starts_with("/nowhere/g.toml: "), "{missing}");
}

#[test]
fn origins_are_written_as_browsers_write_them() {
    let said = |origins: &str| {
        verdict("strip_prefix = true", &format!("strip_prefix = true\ncors_origins = {origins}"))
    };
    for good in [
        "[\"*\"]",
        "[\"https://app.example.com\", \"http://localhost:6274\"]",
        "[\"vscode-webview://0a1b\", \"https://[::1]:8443\"]",
    ] {
        assert_eq!(said(good), "good", "{good}");
    }
    for bad in [
        "[]",
        "[\"null\"]",
        "[\"app.example.com\"]",
        "[\"https://app.example.com/\"]",
        "[\"https://app.example.com/x\"]",
        "[\"https://App.example.com\"]",
        "[\"https://app.example.com:443\"]",
        "[\"https://*.example.com\"]",
        "[\"https://user@app.example.com\"]",
        "[\"https://app.example.com\", \"*\"]",
    ] {
        let said = said(bad);
        assert!(said.starts_with("g.toml:9:") && said.contains("origin"), "{bad}: {said}");
    }
}

#[test]
fn a_mistake_about_calls_is_named_with_its_place() {
    let route = "scopes = [\"read:files\"]";
    for (settings, expected) in [
        ("max_message = 9", "no message is read here; add `tools` or `calls`"),
        ("tools = {}, max_message = 0", "expected 1 to"),
        ("tools = { \"a*\" = [] }", "not a tool; write its whole name"),
        ("tools = { \" a\" = [] }", "not a tool"),
        ("tools = { a = [\"b c\"] }", "not a scope"),
        ("calls = { \"*\" = [] }", "not a method; write it as"),
        ("calls = { \"/*\" = [] }", "not a method"),
    ] {
        let said = verdict(route, &format!("{route}, {settings}"));
        assert!(said.starts_with("g.toml:10:") && said.contains(expected), "{settings}: {said}");
    }
    let public = verdict("public = true", "public = true, tools = {}");
    assert!(public.contains("a public route needs no scopes"), "{public}");
    let any = verdict(route, "any_scope = [\"a\"], calls = {}");
    assert!(any.contains("add to `scopes`"), "{any}");
    let upgraded = verdict(route, &format!("{route}, upgrade = true, calls = {{}}"));
    assert!(upgraded.contains("could not be read"), "{upgraded}");
}

#[test]
fn an_unreachable_route_is_a_mistake() {
    let hidden = verdict(
        "{ path = \"/healthz\", public = true },",
        "{ path = \"/a/**\", public = true }, { path = \"/a\", scopes = [] },
         { path = \"/a/*/**\", scopes = [] }",
    );
    assert!(hidden.starts_with("g.toml:12:12: /a/** is unreachable"), "{hidden}");

    let other = GOOD.replacen("/drive\"", "/other\"", 1).replacen("prefix = \"/drive\"\n", "", 1);
    let other = other.replacen("strip_prefix = true\n", "", 1).replacen("/healthz", "/drive/x", 1);
    let both = format!("{GOOD}{}", other.split_once('\n').unwrap().1);
    let said = Config::parse("g.toml", &both).unwrap_err().to_string();
    assert!(said.contains("/drive/x is unreachable: https://api.example.com/drive has"), "{said}");
}

#[test]
fn two_resources_do_not_share_a_name_an_address_or_a_metadata_document() {
    let second = |identifier: &str, place: &str| {
        let text = format!(
            "{GOOD}[[resource]]\nidentifier = \"{identifier}\"\nissuer = \"https://id.example.com\"\n\
             upstream = \"http://127.0.0.1:1\"\n{place}\nroutes = [{{ path = \"/**\", scopes = [] }}]"
        );
        Config::parse("g.toml", &text).map(|_| ()).map_err(|error| error.to_string())
    };
    let here = "host = \"drive.example.com\"";
    let cases = [
        ("https://api.example.com/drive", "", "is protected by another"),
        ("https://b.example", "host = \"drive.example.com\"\nprefix = \"/drive\"", "same address"),
        ("https://b.example/drive", here, "the same path"),
    ];
    for (identifier, place, expected) in cases {
        let said = second(identifier, place).unwrap_err();
        assert!(said.starts_with("g.toml:15:14: ") && said.contains(expected), "{said}");
    }
    assert_eq!(second("https://b.example/drive", ""), Ok(()));
    assert_eq!(second("https://b.example", here), Ok(()));
}

#[test]
fn who_answers_other_proxies_where_is_checked() {
    let said = |tables: &str| match Config::parse("g.toml", &format!("{GOOD}{tables}")) {
        Ok(config) => format!("{:?}", config.answering),
        Err(error) => error.to_string(),
    };
    let good = "[[answer]]\nmode = \"ext_authz\"\nlisten = \"127.0.0.1:9902\"\n";
    assert!(said(good).contains("ExtAuthz"), "{}", said(good));
    let cases = [
        ("ext_authz", "extauth", "g.toml:15:8: expected \"auth_request\" (NGINX)"),
        ("127.0.0.1:9902", "9902", "g.toml:16:10: expected an address and a port"),
        ("127.0.0.1:9902", "127.0.0.1:8080", "g.toml:16:10: 127.0.0.1:8080 is listened on"),
        ("listen", "peers = []\nlisten", "g.toml:16:9: no peer"),
        ("listen", "peers = [\"10.0.0.1/8\"]\nlisten", "g.toml:16:10: '10.0.0.1/8' has bits"),
        ("listen", "peers = [\"0.0.0.0/0\"]\nlisten", "g.toml:16:10: '0.0.0.0/0' holds every"),
        ("mode = \"ext_authz\"\n", "", "g.toml:14:1: missing field `mode`"),
    ];
    for (replaced, by, expected) in cases {
        let said = said(&good.replacen(replaced, by, 1));
        assert!(said.starts_with(expected), "{by}: {said}");
    }
    assert!(said(&good.repeat(2)).starts_with("g.toml:19:10: 127.0.0.1:9902 is listened on"));
}

#[test]
fn the_reference_is_the_document() {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/gateway-configuration.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&place, Config::reference()).unwrap();
    }
    let written = std::fs::read_to_string(&place).unwrap_or_default();
    assert!(
        written == Config::reference(),
        "docs/gateway-configuration.md is stale: run this test with UPDATE_DOCS=1"
    );
}

/// What is said about the good configuration with TLS by these lines; `SERVER` and `ALICE` stand
/// for certificates, with `.key` behind them for their keys.
fn with_tls(lines: &str) -> String {
    let folder = format!("{}/../resource-server/tests/tls", env!("CARGO_MANIFEST_DIR"));
    let lines = lines
        .replace("SERVER", &format!("{folder}/server"))
        .replace("ALICE", &format!("{folder}/alice"));
    let (first, rest) = GOOD.split_once('\n').unwrap();
    match Config::parse("g.toml", &format!("{first}\n[tls]\n{lines}\n{rest}")) {
        Ok(_) => "good".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn files_of_tls_are_good_and_go_together() {
    let good = "certificate = \"SERVER.pem\"\nkey = \"SERVER.key.pem\"";
    let cases = [
        (good.to_owned(), "good"),
        (good.replace("SERVER.pem", "nothing.pem"), "g.toml:3:15: cannot read nothing.pem"),
        (good.replace("SERVER.pem", "SERVER.key.pem"), "g.toml:3:15: "),
        (good.replace("SERVER.key.pem", "SERVER.pem"), "g.toml:3:15: cannot read "),
        (good.replace("SERVER.key.pem", "ALICE.key.pem"), "g.toml:3:15: "),
        (format!("{good}\nclient_ca = \"ALICE.pem\""), "good"),
        (format!("{good}\nclient_ca = \"ALICE.key.pem\""), "g.toml:5:13: "),
        (
            format!("{good}\nclient_ca = \"ALICE.pem\"\nclient_self_signed = true"),
            "g.toml:5:13: with `client_self_signed` any",
        ),
        (format!("{good}\nclient_required = true"), "g.toml:5:19: which certificate?"),
        (format!("{good}\nredirect_from = \"80\""), "g.toml:5:17: expected an address"),
        (
            format!("{good}\nmore = [{{ certificate = \"ALICE.pem\", key = \"SERVER.key.pem\" }}]"),
            "g.toml:5:25: ",
        ),
    ];
    for (lines, expected) in cases {
        let said = with_tls(&lines);
        assert!(said.starts_with(expected), "{lines}: {said}");
    }
}

#[test]
fn what_operates_the_gateway_is_checked() {
    let verdict = |top: &str, route: &str| {
        let text = format!(
            "{top}\n[[resource]]\nidentifier = \"https://a\"\nissuer = \"https://id\"\n\
             upstream = \"http://127.0.0.1:1\"\nroutes = [{{ path = \"/\", {route} }}]"
        );
        Config::parse("g.toml", &text).map_err(|error| error.to_string())
    };
    let token = "scopes = []";
    for (top, route, expected) in [
        ("admin = { listen = \"0.0.0.0:9901\" }", token, "g.toml:1:20: whoever reaches this"),
        ("admin = { listen = \"9901\" }", token, "g.toml:1:20: expected an address"),
        ("log = { format = \"xml\" }", token, "g.toml:1:18: expected \"json\" or"),
        ("log = { file = \"\" }", token, "g.toml:1:16: the path is empty"),
        ("records = { file = \"r\", keep = 0 }", token, "g.toml:1:32: expected a number"),
        ("drain_delay = 90000", token, "g.toml:1:15: expected 1 to 86400"),
        ("", "public = true, report_only = true", "g.toml:6:54: a public route refuses nothing"),
        ("", "scopes = [], report_only = true, tools = {}", "g.toml:6:52: bodies are read"),
        ("", "scopes = [], limits = { client = \"5\" }", "g.toml:6:58: not a rate"),
        ("", "scopes = [], limits = { client = \"0/s\" }", "g.toml:6:58: not a rate"),
        ("", "scopes = [], limits = { client = \"5/d\" }", "g.toml:6:58: not a rate"),
        ("", "scopes = [], limits = { concurrent = 0 }", "g.toml:6:62: expected a number"),
    ] {
        let said = verdict(top, route).unwrap_err();
        assert!(said.starts_with(expected), "{top} {route}: {said}");
    }
    let open = "admin = { listen = \"0.0.0.0:9901\", unprotected_beyond_loopback = true }";
    assert!(verdict(open, token).unwrap().admin.is_some());
    let config = verdict("drain_delay = 0", "scopes = [], limits = { subject = \"5/m\" }").unwrap();
    let rate = config.resources[0].routes[0].limits.subject.unwrap();
    assert_eq!((rate.number.get(), rate.per.as_secs()), (5, 60));
}

#[test]
fn the_settings_of_an_upstream_are_checked() {
    let url = "\"http://127.0.0.1:7000\"";
    let with = |settings: &str| verdict(url, &format!("{url}\n{settings}"));
    for good in [
        "balance = \"least_loaded\"",
        "upstream_protocol = \"http2\"",
        "idle_timeout = 1\ntotal_timeout = 5\nstream_grace = 5",
        "health_check = { path = \"/healthz?a\" }",
    ] {
        assert_eq!(with(good), "good", "{good}");
    }
    for (settings, why) in [
        ("balance = \"random\"", "expected \"round_robin\" or \"least_loaded\""),
        ("upstream_protocol = \"http3\"", "expected \"http1\", \"http2\" or \"auto\""),
        ("upstream_ca_file = \"a.pem\"", "no upstream has https: this is for TLS"),
        ("upstream_server_name = \"a\"", "no upstream has https: this is for TLS"),
        ("idle_timeout = 0", "expected 1 to 86400 seconds"),
        ("total_timeout = 0", "expected 1 to 86400 seconds"),
        ("stream_grace = 0", "expected 1 to 86400 seconds"),
        ("health_check = { path = \"healthz\" }", "not a path"),
        ("health_check = { path = \"/\", failures = 0 }", "expected a number from 1"),
        ("health_check = { path = \"/\", status = 200 }", "unknown field `status`"),
    ] {
        let said = with(settings);
        assert!(said.starts_with("g.toml:6:") && said.contains(why), "{settings}: {said}");
    }
    for (urls, why) in [
        ("[]", "g.toml:5:12: expected 1 to 64 servers"),
        ("[\"http://a\", \"http://a\"]", "g.toml:5:12: http://a is listed twice"),
        ("[\"http://a\", \"b\"]", "g.toml:5:12: the upstream is not absolute"),
        ("7", "g.toml:5:12: invalid type: integer `7`, expected a URL or a list of URLs"),
    ] {
        let said = verdict(url, urls);
        assert!(said.starts_with(why), "{urls}: {said}");
    }
    let tls = |settings: &str| verdict(url, &format!("\"https://a\"\n{settings}"));
    assert_eq!(tls("upstream_certificate_file = \"a\"\nupstream_key_file = \"b\""), "good");
    for (settings, why) in [
        ("upstream_certificate_file = \"a\"", "a certificate needs its key"),
        ("upstream_key_file = \"a\"", "a key needs its certificate"),
        ("upstream_server_name = \"a b\"", "not a host name"),
    ] {
        assert!(tls(settings).contains(why), "{settings}");
    }
}

#[test]
fn an_upgrade_is_named_and_possible() {
    let route = "{ path = \"/files/**\", methods = [\"PUT\"],";
    let with = |setting: &str| verdict(route, &format!("{route} upgrade = {setting},"));
    for good in ["true", "false", "[\"websocket\", \"other/1\"]"] {
        assert_eq!(with(good), "good", "{good}");
    }
    assert!(with("[]").contains("no protocol; leave `upgrade` out"));
    assert!(with("[\"H2C\"]").contains("h2c would take further requests past the gateway"));
    assert!(with("\"websocket\"").contains("expected true, false or a list of protocols"));
    let url = "\"http://127.0.0.1:7000\"";
    let both = GOOD.replacen(route, &format!("{route} upgrade = true,"), 1).replacen(
        url,
        &format!("{url}\nupstream_protocol = \"http2\""),
        1,
    );
    let said = Config::parse("g.toml", &both).unwrap_err().to_string();
    assert!(said.contains("to switch protocols the upstream must speak HTTP/1.1"), "{said}");
}
