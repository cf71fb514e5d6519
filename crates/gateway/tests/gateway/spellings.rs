//! Thousands of spellings of a protected path, against a public route beside it.

use std::collections::BTreeSet;

use crate::support::{World, is_secret};

const CATCH_ALL: &str = r#"
    [[resource]]
    identifier = "https://api.example.com"
    issuer = "ISSUER"
    upstream = "UPSTREAM"
    routes = [{ path = "/**", public = true }, { path = "/protected/**", scopes = [] }]
"#;

#[tokio::test]
async fn no_spelling_of_a_protected_path_gets_it_without_a_token() {
    let world = World::with(CATCH_ALL).await;
    let targets = targets();
    assert!(targets.len() >= 2000, "{}", targets.len());
    let mut refused = 0;
    for target in &targets {
        let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let answer = world.send(&request).await;
        assert!(!answer.body.contains("\"secret\":true"), "{target:?}: {answer:?}");
        assert!([200, 400, 401, 404].contains(&answer.status), "{target:?}: {answer:?}");
        refused += u32::from(answer.status != 200);
    }
    // The test tests something: the lenient upstream takes most of them for the protected path.
    let dangerous = targets.iter().filter(|target| is_secret(target));
    assert!(dangerous.count() > 1500);
    assert!(refused > 1500, "{refused}");

    let token = world.issuer.token("https://api.example.com", "");
    let admitted = world.get("/protected", "a", Some(&token)).await;
    assert!(admitted.body.contains("\"secret\":true"), "{admitted:?}");
    assert_eq!(world.get("/public", "a", None).await.status, 200);
}

/// The generator: ways in, names and endings, each with each of the others' plain form, and ways
/// in with names.
fn targets() -> BTreeSet<String> {
    let ways = [
        "/",
        "//",
        "///",
        "/./",
        "/.//",
        "/%2e/",
        "/%2E/",
        "/%252e/",
        "/x/../",
        "/x/%2e%2e/",
        "/x/.%2e/",
        "/x/%2e./",
        "/x/%2E%2E/",
        "/x/%252e%252e/",
        "/x/..%2f",
        "/x/..%5c",
        "/x/..\\",
        "/x\\..\\",
        "/x/..;/",
        "/x/..;a=b/",
        "/x/..%3b/",
        "/x/%c0%ae%c0%ae/",
        "/x/..%c0%af",
        "/x/%e0%80%ae%e0%80%ae/",
        "/x/y/../../",
        "/x//../",
        "/x/..//",
        "/;/",
        "/;a=b/",
        "/.;/",
        "/%2f",
        "/%5c",
        "/\\",
        "\\",
        "/%00/",
        "/x%00/../",
        "/%20/",
        "/x%2f..%2f",
        "/x%5c..%5c",
        "/x/..%252f",
        "/..%2f",
        "/../",
        "/%2e%2e/",
        "http://a/",
        "http://a//",
        "http://a/x/../",
        "http://b/",
        "https://a/",
        "",
        "x/../",
        "?/../",
        "/x?/../",
        "/x#/../",
        "#/",
        "*/",
        "/*/../",
        "/.../",
        "/ /",
        "/\t/",
        "/%09/",
        "/%0a/",
        "/%0d%0a/",
        "/x/. ./",
        "/x/..%20/",
        "/x/..%00/",
        "/x/..%09/",
        "/%u002e%u002e/",
        "/\u{ff0f}",
        "/x/\u{ff0e}\u{ff0e}/",
    ];
    let endings = [
        "",
        "/",
        "//",
        "/.",
        "/./",
        "/..",
        "/x/..",
        "/x/../",
        ".",
        "..",
        "...",
        "%2e",
        "%20",
        "%20%20",
        ".%20",
        " ",
        "%00",
        "%00.html",
        "%0a",
        "%09",
        "%0d",
        ";",
        ";x",
        ";x=y",
        "/;x",
        "%3b",
        "%3bx",
        "#",
        "#x",
        "%23",
        "%23x",
        "?",
        "?x=y",
        "%3f",
        "%3fx",
        "%3F.css",
        "\\",
        "%5c",
        "%2f",
        "%2F",
        "%2fx",
        "%252f",
        "%",
        "%2",
        "%zz",
        "/%2e",
        "/%2e%2e/protected",
        "\0",
        "/x;y/z",
        "/x%2fy",
        "%c0%af",
        "%e2%80%8b",
    ];
    let plain = "protected";
    let mut names: Vec<String> =
        ["protected", "PROTECTED", "Protected", "pRoTeCtEd"].map(str::to_owned).to_vec();
    for at in 0..plain.len() {
        let (before, rest) = plain.split_at(at);
        let (letter, after) = rest.split_at(1);
        let code = letter.as_bytes()[0];
        names.push(format!("{before}%{code:02x}{after}"));
        names.push(format!("{before}%{code:02X}{after}"));
        names.push(format!("{before}%25{code:02x}{after}"));
        names.push(format!("{before}%2525{code:02x}{after}"));
        names.push(format!("{before}%u00{code:02x}{after}"));
        names.push(format!("{before}{}{after}", letter.to_uppercase()));
        names.push(format!("{before}%{:02x}{after}", code - 32));
    }
    let each = |sign: &str| -> Vec<String> {
        plain.bytes().map(|code| format!("{sign}{code:02x}")).collect()
    };
    names.extend([each("%").concat(), each("%25").concat()]);

    let mut targets = BTreeSet::new();
    for way in ways {
        targets.extend(names.iter().map(|name| format!("{way}{name}")));
        targets.extend(endings.iter().map(|ending| format!("{way}{plain}{ending}")));
    }
    for name in &names {
        targets.extend(endings.iter().map(|ending| format!("/{name}{ending}")));
    }
    // A space in the target is another request line: it is among them all the same.
    targets
}
