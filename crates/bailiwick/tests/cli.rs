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
