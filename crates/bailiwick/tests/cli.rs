//! The binary as its users call it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

fn bailiwick(folder: &Path, arguments: &[&str], input: &str) -> Output {
    use std::io::Write as _;
    let mut child = Command::new(env!("CARGO_BIN_EXE_bailiwick"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

const CONFIG: &str = r#"issuer = "http://127.0.0.1:9000"

[[resource]]
identifier = "https://api.example.com"
name = "Example"
scopes = { read = "Read", write = "Write" }

[[client]]
id = "app"
name = "App"
authentication = "none"
redirect_uris = ["https://app.example.com/callback"]
resources = { "https://api.example.com" = ["read"] }
"#;

#[test]
fn the_walk_is_as_expected() {
    let folder = tempfile::tempdir().unwrap();
    let output = bailiwick(folder.path(), &["dev", "--once"], "");
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{printed}\n{}", text(&output.stderr));
    for example in 1..=6 {
        assert!(printed.contains(&format!("\n{example}. ")), "{printed}");
    }
    assert!(printed.contains("Every step was as expected."), "{printed}");
    assert!(!printed.contains("DIFFERS"), "{printed}");
}

#[test]
fn a_wrong_configuration_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = CONFIG.replace("name = \"App\"", "nmae = \"App\"");
    std::fs::write(folder.path().join("bailiwick.toml"), wrong).unwrap();
    for command in [&["check", "serve"][..], &["serve"], &["client", "list"]] {
        let output = bailiwick(folder.path(), command, "");
        assert_eq!(output.status.code(), Some(2), "{command:?}");
        let error = text(&output.stderr);
        assert!(error.contains("bailiwick.toml:10"), "{error}");
        assert!(error.contains("nmae") && error.contains("name"), "{error}");
    }
    assert!(!folder.path().join("bailiwick.db").exists());
}

#[test]
fn a_missing_configuration_says_which() {
    let folder = tempfile::tempdir().unwrap();
    for command in [&["serve"][..], &["gateway"]] {
        let output = bailiwick(folder.path(), command, "");
        assert_eq!(output.status.code(), Some(2), "{command:?}");
        assert!(text(&output.stderr).contains(".toml"), "{}", text(&output.stderr));
    }
}

#[test]
fn what_is_registered_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bailiwick.toml"), CONFIG).unwrap();
    let run = |arguments: &[&str], input: &str| {
        let output = bailiwick(folder.path(), arguments, input);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    run(
        &[
            "resource",
            "add",
            "https://notes.example.com",
            "--name",
            "Notes",
            "--scope",
            "read=Read",
        ],
        "",
    );
    let listed = run(&["resource", "list"], "");
    assert!(listed.contains("https://notes.example.com"), "{listed}");

    let added =
        run(&["client", "add", "robot", "--resource", "https://notes.example.com=read"], "");
    let secret = added.lines().find_map(|line| line.split("(shown once): ").nth(1)).unwrap();
    assert_eq!(secret.len(), 43, "256 bits in base64url");
    let database = std::fs::read(folder.path().join("bailiwick.db")).unwrap();
    let is_kept = database.windows(secret.len()).any(|part| part == secret.as_bytes());
    assert!(!is_kept, "the secret itself is never stored");
    assert!(run(&["client", "list"], "").contains("robot"));

    run(&["user", "add", "ada", "--email", "ada@example.com"], "a good password\n");
    assert!(run(&["user", "list"], "").contains("ada"));
    assert!(run(&["user", "hash"], "a good password\n").starts_with("$argon2id$"));
}

/// An address that nobody listens on.
fn free() -> std::net::SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn gateway_config(listen: &str, admin: &str, route: &str) -> String {
    format!(
        "listen = \"{listen}\"\nadmin = {{ listen = \"{admin}\" }}\n[[resource]]\n\
         identifier = \"https://api.example.com\"\nissuer = \"http://127.0.0.1:1\"\n\
         upstream = \"http://127.0.0.1:1\"\nroutes = [{{ path = \"{route}\", public = true }}]\n"
    )
}

#[cfg(unix)]
#[test]
fn a_gateway_that_runs_is_asked_reloaded_and_ended() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    let (listen, admin) = (free().to_string(), free().to_string());
    std::fs::write(&file, gateway_config(&listen, &admin, "/one")).unwrap();
    let mut gateway = Command::new(env!("CARGO_BIN_EXE_bailiwick"))
        .arg("gateway")
        .current_dir(folder.path())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let signal = |name: &str, process: u32| {
        let process = process.to_string();
        assert!(Command::new("kill").args([name, &process]).status().unwrap().success());
    };
    let admin = format!("http://{admin}");
    let until = |path: &str| {
        let url = format!("https://api.example.com{path}");
        let start = std::time::Instant::now();
        loop {
            let output =
                bailiwick(folder.path(), &["explain", "--gateway", &admin, "GET", &url], "");
            if output.status.success() {
                let expected =
                    format!("https://api.example.com, route {path}: public, no token is needed\n");
                assert_eq!(text(&output.stdout), expected);
                return;
            }
            let waited = start.elapsed().as_secs();
            assert!(waited < 30, "{}{}", text(&output.stdout), text(&output.stderr));
        }
    };
    until("/one");
    std::fs::write(&file, gateway_config(&listen, "127.0.0.1:9", "/two")).unwrap();
    signal("-HUP", gateway.id());
    until("/two");
    signal("-TERM", gateway.id());
    assert!(gateway.wait().unwrap().success());
}

#[test]
fn recorded_decisions_are_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let config = gateway_config("127.0.0.1:1", "127.0.0.1:2", "/open");
    std::fs::write(folder.path().join("gateway.toml"), config).unwrap();
    let record = |route: &str| {
        format!(
            "{{\"time\":\"2026-01-01T00:00:00Z\",\"resource\":\"https://api.example.com\",\
             \"route\":\"{route}\",\"method\":\"GET\",\"verdict\":\"public\"}}\n"
        )
    };
    for (name, route) in [("one", "/open"), ("two", "/gone")] {
        std::fs::write(folder.path().join(name), record(route)).unwrap();
    }
    let replay = |files: &[&str]| {
        let mut arguments = vec!["replay"];
        arguments.extend(files.iter().flat_map(|file| ["--records", *file]));
        let output = bailiwick(folder.path(), &arguments, "");
        (output.status.code(), text(&output.stdout))
    };
    let (code, said) = replay(&["one"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = replay(&["one", "two"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("would be refused        1  the path is gone"), "{said}");
    assert!(said.contains("2 decisions: 1 unchanged, 1 would be refused"), "{said}");
    assert_eq!(replay(&["nothing"]).0, Some(1));
}

#[test]
fn a_name_is_given_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bailiwick.toml"), CONFIG).unwrap();
    let add = ["resource", "add", "https://notes.example.com", "--name", "Notes"];
    assert!(bailiwick(folder.path(), &add, "").status.success());
    let again = ["resource", "add", "https://NOTES.example.com:443/", "--name", "Notes"];
    let output = bailiwick(folder.path(), &again, "");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("https://notes.example.com"), "{}", text(&output.stderr));
}

#[test]
fn malformed_arguments_are_usage_errors() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bailiwick.toml"), CONFIG).unwrap();
    for arguments in [
        &["resource", "add", "not-a-uri", "--name", "x"][..],
        &["resource", "add", "https://a/#x", "--name", "x"],
        &["client", "add", "a", "--resource", "https://a"],
        &["client", "add", "a", "--redirect-uri", "javascript:x"],
        &["token", "--issuer", "ftp://x", "--client-id", "a"],
        &["frobnicate"],
    ] {
        let output = bailiwick(folder.path(), arguments, "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output.stderr));
    }
}

#[test]
fn completions_are_printed_for_each_shell() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let output = bailiwick(folder.path(), &["completions", shell], "");
        assert!(text(&output.stdout).contains("bailiwick"), "{shell}");
    }
}

const GATEWAY: &str = r#"[[resource]]
identifier = "https://api.example.com/a"
issuer = "https://id.example.com"
upstream = "http://127.0.0.1:7000"
prefix = "/a"
routes = [{ path = "/x", methods = ["GET"], scopes = ["read"], max_age = 300 }]

[[resource]]
identifier = "https://api.example.com/b"
issuer = "https://id.example.com"
upstream = "http://127.0.0.1:7001"
prefix = "/b"
routes = [{ path = "/**", scopes = ["read"] }]
"#;

#[test]
fn a_gateways_configuration_is_explained_and_warned_about() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("gateway.toml"), GATEWAY).unwrap();
    let output = bailiwick(folder.path(), &["check", "gateway", "--explain"], "");
    let printed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{printed}{}", text(&output.stderr));
    assert!(
        printed.contains("/a/x GET: the scopes read; a login at most 300 seconds"),
        "{printed}"
    );
    assert!(printed.contains("warning: https://api.example.com/b: the scopes read"), "{printed}");
    assert!(printed.contains("usable; 2 resources, 2 routes"), "{printed}");
    let strict = bailiwick(folder.path(), &["check", "gateway", "--strict"], "");
    assert_eq!(strict.status.code(), Some(1));

    let apart = GATEWAY.replacen("\"read\"", "\"read:a\"", 1);
    std::fs::write(folder.path().join("gateway.toml"), apart).unwrap();
    let good = bailiwick(folder.path(), &["check", "gateway", "--strict"], "");
    assert_eq!(good.status.code(), Some(0), "{}", text(&good.stdout));

    std::fs::write(folder.path().join("gateway.toml"), GATEWAY.replace("scopes", "scopse"))
        .unwrap();
    let wrong = bailiwick(folder.path(), &["check", "gateway"], "");
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong.stderr).contains("gateway.toml:6:"), "{}", text(&wrong.stderr));
}

#[test]
fn who_cannot_be_asked_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nowhere = listener.local_addr().unwrap();
    drop(listener);
    let config = GATEWAY
        .replace("https://id.example.com", &format!("http://{nowhere}"))
        .replace("127.0.0.1:7000", &nowhere.to_string());
    std::fs::write(folder.path().join("gateway.toml"), config).unwrap();
    let output = bailiwick(folder.path(), &["check", "gateway", "--online"], "");
    let printed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{printed}");
    assert!(printed.contains(&format!("the upstream {nowhere} cannot be reached")), "{printed}");
    assert!(printed.contains(&format!("the issuer http://{nowhere} cannot be had")), "{printed}");
}

#[test]
fn an_openapi_document_is_imported() {
    let folder = tempfile::tempdir().unwrap();
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/orders.yaml");
    let output = bailiwick(
        folder.path(),
        &["import", "openapi", document, "--upstream", "http://127.0.0.1:7000"],
        "",
    );
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    std::fs::write(folder.path().join("gateway.toml"), &output.stdout).unwrap();
    let checked = bailiwick(folder.path(), &["check", "gateway", "--explain"], "");
    let printed = text(&checked.stdout);
    assert!(printed.contains("/v1/orders/* GET DELETE: one of the scopes"), "{printed}");

    std::fs::write(folder.path().join("old.yaml"), "swagger: '2.0'\n").unwrap();
    let old = bailiwick(folder.path(), &["import", "openapi", "old.yaml"], "");
    assert_eq!(old.status.code(), Some(2));
    assert!(text(&old.stderr).contains("convert the document"), "{}", text(&old.stderr));
}
