//! The check on made-up workspaces, and on this one.

use super::*;
use crate::workspace::tests::MadeUp;

const CHARTER: &str = "\
## Arrows
```text
the products = gateway
jose, window → nothing
oauth  → jose
grant, guard → oauth,
               jose (keys, not secrets)
store → grant
resource-server → guard
gateway → resource-server
testkit → anything
bailiwick → the products
```
## Foreign crates: pure rows
```text
jose: aws-lc-rs, serde
oauth, grant, guard: serde
```
## Foreign crates: homes
```text
rusqlite only in store
hyper_util::client only in the products
```
";

fn workspace() -> MadeUp {
    let made_up = MadeUp::new();
    made_up.write("ARCHITECTURE.md", CHARTER);
    made_up.package("jose", "aws-lc-rs = \"1\"");
    made_up.package("oauth", &links(&["jose"]));
    made_up.package("grant", &links(&["oauth"]));
    made_up.package("guard", &links(&["oauth", "jose"]));
    made_up.package("store", &links(&["grant"]));
    made_up.package("resource-server", &links(&["guard"]));
    made_up.package("gateway", &links(&["resource-server"]));
    made_up
}

fn links(rows: &[&str]) -> String {
    let line = |row: &&str| format!("bailiwick-{row} = {{ path = \"../{row}\" }}\n");
    rows.iter().map(line).collect()
}

#[track_caller]
fn verdict(made_up: &MadeUp, expected: &[(&str, &str)]) {
    let found = check(&made_up.load()).unwrap();
    let found: Vec<_> = found.iter().map(|v| (v.file.as_str(), v.fault.as_str())).collect();
    assert_eq!(found, expected);
}

#[test]
fn what_the_document_allows_passes() {
    verdict(&workspace(), &[]);
}

#[test]
fn a_crate_apart_from_the_workspace_keeps_to_the_document_too() {
    let made_up = workspace();
    made_up.package_apart("window", &links(&["jose"]));
    verdict(&made_up, &[("crates/window/Cargo.toml", "forbidden arrow window → jose")]);
}

#[test]
fn this_workspace_passes() {
    let workspace = Workspace::load(std::path::Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    run(&workspace).unwrap();
}

#[test]
fn an_arrow_that_is_not_in_the_table_fails() {
    let made_up = workspace();
    made_up.package("store", &links(&["grant", "guard"]));
    verdict(&made_up, &[("crates/store/Cargo.toml", "forbidden arrow store → guard")]);
}

#[test]
fn a_violation_names_the_file_and_the_remedy() {
    let made_up = workspace();
    made_up.package("jose", &links(&["window"])).package("window", "");
    let message = run(&made_up.load()).unwrap_err().to_string();
    assert!(message.starts_with("crates/jose/Cargo.toml: forbidden arrow jose → window; "));
    assert!(message.contains("a line in ARCHITECTURE.md"), "{message}");
}

#[test]
fn an_arrow_for_tests_alone_passes() {
    let made_up = workspace();
    let tests = format!("[dev-dependencies]\ntokio = \"1\"\n{}", links(&["testkit"]));
    made_up.package("oauth", &format!("{}{tests}", links(&["jose"])));
    made_up.package("testkit", &links(&["grant", "guard"]));
    verdict(&made_up, &[]);
}

#[test]
fn a_crate_without_a_row_fails() {
    let made_up = workspace();
    made_up.package("extra", "");
    verdict(&made_up, &[("crates/extra/Cargo.toml", "`extra` has no row in the table of arrows")]);
}

#[test]
fn the_decisions_never_meet_not_even_in_tests() {
    let made_up = workspace();
    made_up.package(
        "grant",
        &format!("{}[dev-dependencies]\n{}", links(&["oauth"]), links(&["guard"])),
    );
    verdict(&made_up, &[("crates/grant/Cargo.toml", "`grant` imports `guard` (Never 2)")]);
}

#[test]
fn no_table_lets_the_gateway_reach_what_issues() {
    let made_up = workspace();
    made_up.write("ARCHITECTURE.md", &CHARTER.replace("guard\ngateway", "guard, store\ngateway"));
    made_up.package("resource-server", &links(&["guard", "store"]));
    verdict(
        &made_up,
        &[
            ("crates/gateway/Cargo.toml", "`gateway` links `grant` (Never 3)"),
            ("crates/gateway/Cargo.toml", "`gateway` links `store` (Never 3)"),
            ("crates/resource-server/Cargo.toml", "`resource-server` links `grant` (Never 3)"),
            ("crates/resource-server/Cargo.toml", "`resource-server` links `store` (Never 3)"),
        ],
    );
}

#[test]
fn a_foreign_crate_in_a_pure_row_fails() {
    let made_up = workspace();
    made_up.package("grant", &format!("{}tokio = \"1\"", links(&["oauth"])));
    verdict(
        &made_up,
        &[("crates/grant/Cargo.toml", "foreign crate `tokio` in the pure row `grant` (Never 1)")],
    );
}

#[test]
fn a_foreign_crate_under_another_name_is_still_found() {
    let made_up = workspace();
    let renamed = "serde = { package = \"tokio\", version = \"1\" }";
    made_up.package("oauth", &format!("{}{renamed}", links(&["jose"])));
    verdict(
        &made_up,
        &[("crates/oauth/Cargo.toml", "foreign crate `tokio` in the pure row `oauth` (Never 1)")],
    );
}

#[test]
fn cryptography_stands_in_jose_alone_among_the_pure_rows() {
    let made_up = workspace();
    made_up.package("oauth", "aws-lc-rs = \"1\"");
    verdict(
        &made_up,
        &[(
            "crates/oauth/Cargo.toml",
            "foreign crate `aws-lc-rs` in the pure row `oauth` (Never 1)",
        )],
    );
}

#[test]
fn a_database_driver_outside_its_home_fails() {
    let made_up = workspace();
    made_up.package("gateway", &format!("{}rusqlite = \"1\"", links(&["resource-server"])));
    verdict(&made_up, &[("crates/gateway/Cargo.toml", "`rusqlite` in `gateway` (Never 4)")]);
}

#[test]
fn an_http_client_outside_its_home_fails() {
    let made_up = workspace();
    let code = "//! A door.\nuse hyper_util::{client::legacy::Client, rt};\n";
    made_up.write("crates/store/src/lib.rs", code).write("crates/gateway/src/lib.rs", code);
    let tests = format!("//! A door.\n#[cfg(test)]\nmod tests {{\n{code}}}\n");
    made_up.write("crates/guard/src/lib.rs", &tests);
    verdict(&made_up, &[("crates/store/src/lib.rs", "`hyper_util::client` (Never 4)")]);
}

#[test]
fn a_module_named_util_fails() {
    let made_up = workspace();
    made_up.write("crates/grant/src/util.rs", "//! Odds and ends.\n");
    verdict(&made_up, &[("crates/grant/src/util.rs", "a module called `util` (Never 5)")]);
}

#[test]
fn a_crate_named_core_fails() {
    let made_up = workspace();
    made_up.write("ARCHITECTURE.md", &CHARTER.replace("jose, window", "jose, core"));
    made_up.package("core", "");
    verdict(&made_up, &[("crates/core/Cargo.toml", "a crate called `core`")]);
}

#[test]
fn a_misspelt_row_in_the_document_is_an_error() {
    let made_up = workspace();
    made_up.write("ARCHITECTURE.md", &CHARTER.replace("→ grant", "→ gramt"));
    let fault = check(&made_up.load()).unwrap_err().to_string();
    assert_eq!(fault, "ARCHITECTURE.md: `gramt` has no row under Arrows");
}

#[test]
fn a_document_without_its_tables_is_an_error() {
    let made_up = workspace();
    made_up.write("ARCHITECTURE.md", "# Architecture\n");
    assert!(check(&made_up.load()).unwrap_err().to_string().contains("heading `Arrows`"));
}
