//! The page of a made-up repository.

use super::*;
use crate::workspace::tests::MadeUp;

const RULE: &str = "\
//! The resource indicator: the absolute URI that names
//! a protected API (RFC 8707 §2).
//!
//! Not of the first paragraph: RFC 6749 §3.3.

#[cfg(test)]
mod tests {
    //= https://www.rfc-editor.org/rfc/rfc8707#section-2
    //= type=test
    //# The URI MUST NOT include a fragment component.
    #[test]
    fn a_fragment_is_refused() {}
}
";

fn repository() -> MadeUp {
    let made_up = MadeUp::new();
    made_up.package("oauth", "");
    made_up.write("crates/oauth/src/resource.rs", RULE);
    made_up.write("crates/oauth/src/scope.rs", "//! Scopes (RFC 6749 §3.3).\n");
    made_up.write("docs/adr/0002-x.md", "# X\n\n- Deviates: RFC 6749 §4.3 — no password grant\n");
    made_up
}

#[test]
fn sections_lead_to_rules_and_tests() {
    let made_up = repository();
    write(&made_up.load()).unwrap();
    let page = made_up.read("SPECS.md");
    let tables = page.split_once("## RFC").unwrap().1;
    assert_eq!(
        tables,
        " 6749: The OAuth 2.0 Authorization Framework\n\n\
         | Section | Rules | Proven by |\n|---|---|---|\n\
         | [§3.3](https://www.rfc-editor.org/rfc/rfc6749#section-3.3) \
         | [`oauth::scope`](crates/oauth/src/scope.rs) | – |\n\n\
         ## RFC 8707: Resource Indicators for OAuth 2.0\n\n\
         | Section | Rules | Proven by |\n|---|---|---|\n\
         | [§2](https://www.rfc-editor.org/rfc/rfc8707#section-2) \
         | [`oauth::resource`](crates/oauth/src/resource.rs) \
         | “The URI MUST NOT include a fragment component.” \
         [`oauth::resource::a_fragment_is_refused`](crates/oauth/src/resource.rs) |\n\n\
         ## Deviations\n\n\
         | Section | Instead | Why |\n|---|---|---|\n\
         | RFC 6749 §4.3 | no password grant | [0002-x.md](docs/adr/0002-x.md) |\n"
    );
}

#[test]
fn a_page_that_was_just_written_is_up_to_date() {
    let made_up = repository();
    write(&made_up.load()).unwrap();
    check(&made_up.load()).unwrap();
}

#[test]
fn a_new_citation_makes_the_page_stale() {
    let made_up = repository();
    write(&made_up.load()).unwrap();
    made_up.write("crates/oauth/src/scope.rs", "//! Scopes (RFC 6749 §3.3, RFC 8707 §2.1).\n");
    let fault = check(&made_up.load()).unwrap_err().to_string();
    assert_eq!(fault, "SPECS.md is stale; run `cargo xtask specs` and commit it");
}

#[test]
fn a_missing_page_is_stale() {
    assert!(check(&repository().load()).is_err());
}

#[test]
fn faults_are_told_with_file_and_line() {
    let made_up = repository();
    made_up.write("docs/adr/0002-x.md", "# X\n\nDeviates: somehow\n");
    made_up.write("crates/oauth/tests/wire.rs", "//= https://example.com/#2\nfn t() {}\n");
    let fault = write(&made_up.load()).unwrap_err().to_string();
    let lines: Vec<_> = fault.lines().collect();
    assert!(lines[0].starts_with("crates/oauth/tests/wire.rs:1: say `//= type=test`"), "{fault}");
    assert!(lines[1].starts_with("docs/adr/0002-x.md:3: write `Deviates:"), "{fault}");
}

#[test]
fn a_test_is_named_by_its_module() {
    assert_eq!(module("crates/oauth/src/lib.rs"), "oauth");
    assert_eq!(module("crates/grant/src/rule/resource.rs"), "grant::rule::resource");
    assert_eq!(module("crates/gateway/tests/wire.rs"), "gateway::tests::wire");
    assert_eq!(module("e2e/login.mjs"), "e2e::login");
}
