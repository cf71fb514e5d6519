//! Citations at tests: `//= address`, `//= type=test`, `//# the sentence`, then the test.

use super::reference::{Reference, from_address};

/// A sentence of a specification and the test that proves it.
#[derive(Debug)]
pub(super) struct Citation {
    pub(super) reference: Reference,
    pub(super) sentence: String,
    pub(super) test: String,
}

/// A citation whose test has not come yet.
struct Open<'t> {
    line: usize,
    address: &'t str,
    is_test: bool,
    sentence: Vec<&'t str>,
}

/// Finds the citations of a file; an error is `line: what is wrong with it`.
pub(super) fn find(text: &str) -> Vec<Result<Citation, String>> {
    let mut found = Vec::new();
    let mut open: Vec<Open<'_>> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(mark) = line.strip_prefix("//=") {
            let mark = mark.trim();
            match (mark.strip_prefix("type="), open.last_mut()) {
                (Some(kind), Some(last)) => last.is_test = kind == "test",
                (Some(_), None) => {
                    found.push(Err(format!("{}: a type without an address", at + 1)));
                }
                (None, _) => open.push(Open {
                    line: at + 1,
                    address: mark,
                    is_test: false,
                    sentence: vec![],
                }),
            }
        } else if let Some(sentence) = line.strip_prefix("//#") {
            match open.last_mut() {
                Some(last) => last.sentence.push(sentence.trim()),
                None => found.push(Err(format!("{}: a sentence without an address", at + 1))),
            }
        } else if let Some(test) = name(line).filter(|_| !open.is_empty()) {
            found.extend(open.drain(..).map(|open| close(&open, test)));
        }
    }
    found.extend(
        open.iter().map(|open| Err(format!("{}: no test follows the citation", open.line))),
    );
    found
}

fn close(open: &Open<'_>, test: &str) -> Result<Citation, String> {
    let fault = |what: &str| format!("{}: {what}", open.line);
    if !open.is_test {
        return Err(fault("say `//= type=test`; sentences are quoted at tests only"));
    }
    if open.sentence.is_empty() {
        return Err(fault("quote the sentence with `//# …`"));
    }
    let reference = from_address(open.address).ok_or_else(|| {
        fault("the address is not `https://www.rfc-editor.org/rfc/rfcNNNN#section-X`")
    })?;
    Ok(Citation { reference, sentence: open.sentence.join(" "), test: test.to_owned() })
}

/// The name of the function or test that begins on this line (Rust or JavaScript).
fn name(line: &str) -> Option<&str> {
    if line.starts_with("//") {
        return None;
    }
    for call in ["test(", "it("] {
        let quoted = line.strip_prefix("await ").unwrap_or(line).strip_prefix(call);
        if let Some(quoted) = quoted {
            let quote = quoted.chars().next().filter(|c| "'\"`".contains(*c))?;
            return quoted[1..].split(quote).next();
        }
    }
    for keyword in ["fn ", "function "] {
        let mut before = line.split(keyword);
        let qualifiers = before.next()?;
        let is_qualifier =
            |word: &str| matches!(word, "pub" | "async" | "export" | "const" | "pub(crate)");
        if let Some(rest) = before.next()
            && qualifiers.split_whitespace().all(is_qualifier)
        {
            return rest.split(|c: char| !c.is_alphanumeric() && c != '_').next();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "//= https://www.rfc-editor.org/rfc/rfc8707#section-2\n";

    fn read(text: &str) -> Vec<String> {
        let show = |found| match found {
            Ok(Citation { reference, sentence, test }) => {
                format!("{} “{sentence}” {test}", reference.section)
            }
            Err(fault) => fault,
        };
        find(text).into_iter().map(show).collect()
    }

    #[test]
    fn a_citation_belongs_to_the_test_below_it() {
        let text = format!(
            "{HEAD}//= type=test\n//# It MUST NOT\n//# be so.\n#[tokio::test(\n    flavor = \"x\"\n)]\n\
             // a reason: fn of time\nasync fn it_is_not_so() {{}}\nfn other() {{}}\n"
        );
        assert_eq!(read(&text), ["§2 “It MUST NOT be so.” it_is_not_so"]);
    }

    #[test]
    fn several_citations_share_a_test() {
        let one = format!("{HEAD}//= type=test\n//# A.\n");
        let text = format!("{one}{}fn both() {{}}\n", one.replace("A.", "B."));
        assert_eq!(read(&text), ["§2 “A.” both", "§2 “B.” both"]);
    }

    #[test]
    fn a_test_in_javascript_has_its_title() {
        let text = format!("{HEAD}//= type=test\n//# A.\ntest('a page works', async () => {{\n");
        assert_eq!(read(&text), ["§2 “A.” a page works"]);
        let text =
            format!("{HEAD}//= type=test\n//# A.\nexport async function aPage(browser) {{\n");
        assert_eq!(read(&text), ["§2 “A.” aPage"]);
    }

    #[test]
    fn a_malformed_citation_is_told_with_its_line() {
        let verdict = |text: &str, expected: &str| {
            let found = read(text);
            assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
        };
        verdict(&format!("{HEAD}//# A.\nfn t() {{}}"), "1: say `//= type=test`");
        verdict(&format!("{HEAD}//= type=test\nfn t() {{}}"), "1: quote the sentence");
        verdict(&format!("\n{HEAD}//= type=test\n//# A.\n"), "2: no test follows");
        verdict("//= rfc8707\n//= type=test\n//# A.\nfn t() {}", "1: the address is not");
        verdict("//# A.\nfn t() {}", "1: a sentence without an address");
    }
}
