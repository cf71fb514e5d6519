//! References to a section of a specification, as prose and as address.

use std::cmp::Ordering;
use std::fmt;

/// One section of one specification.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reference {
    pub(super) spec: Spec,
    pub(super) section: Section,
}

/// A specification: RFCs by number, then others by address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Spec {
    /// `RFC 8707`.
    Rfc(u32),
    /// Such as OpenID Connect Core.
    Other(String),
}

/// A section, `2.1` or `A.3`; empty for the whole. Ordered as in a table of contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section(pub(super) String);

impl Section {
    fn key(&self) -> Vec<(Option<u32>, &str)> {
        self.0.split('.').map(|part| (part.parse().ok(), part)).collect()
    }

    /// An appendix is lettered.
    pub(super) fn is_appendix(&self) -> bool {
        self.0.starts_with(|c: char| c.is_ascii_uppercase())
    }
}

impl PartialOrd for Section {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Section {
    fn cmp(&self, other: &Self) -> Ordering {
        // Numbers before letters: appendices stand last.
        let rank = |section: &Self| (section.is_appendix(), !section.0.is_empty());
        rank(self).cmp(&rank(other)).then_with(|| self.key().cmp(&other.key()))
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_str() {
            "" => f.write_str("whole"),
            letter if self.is_appendix() => write!(f, "Appendix {letter}"),
            number => write!(f, "§{number}"),
        }
    }
}

/// Finds `RFC 8707 §2`, `RFC 3986 §6.2.2.1, §6.2.2.2`, `RFC 8414, 9728 §3` and `RFC 7515–7519`.
pub(super) fn find(prose: &str) -> Vec<Reference> {
    let mut found = Vec::new();
    for (at, _) in prose.match_indices("RFC ") {
        list(&prose[at + "RFC ".len()..], &mut found);
    }
    found
}

/// Reads the list of numbers and sections behind one `RFC`.
fn list(mut rest: &str, found: &mut Vec<Reference>) {
    let mut current: Option<(u32, bool)> = None;
    loop {
        if let Some((section, after)) = take_section(rest) {
            let Some((number, _)) = current else { break };
            found.push(reference(number, section));
            (current, rest) = (Some((number, true)), after);
        } else if let Some((number, after)) = take_number(rest) {
            whole(current, found);
            (current, rest) = (Some((number, false)), after);
        } else if let Some(after) = rest.strip_prefix('–')
            && let (Some((first, false)), Some((last, after))) = (current, take_number(after))
        {
            found.extend((first..last).map(|number| reference(number, "")));
            (current, rest) = (Some((last, false)), after);
        } else {
            break;
        }
        let next = rest.trim_start_matches([',', ';', ' ']);
        let next = next.strip_prefix("and ").unwrap_or(next);
        if take_section(next).is_some() || take_number(next).is_some() {
            rest = next;
        }
    }
    whole(current, found);
}

/// A number that no section followed stands for the whole.
fn whole(current: Option<(u32, bool)>, found: &mut Vec<Reference>) {
    if let Some((number, false)) = current {
        found.push(reference(number, ""));
    }
}

fn reference(number: u32, section: &str) -> Reference {
    Reference { spec: Spec::Rfc(number), section: Section(section.to_owned()) }
}

fn take_section(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('§').or_else(|| text.strip_prefix("Appendix "))?;
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(text.len());
    let section = text[..end].trim_end_matches('.');
    (!section.is_empty()).then(|| (section, &text[section.len()..]))
}

fn take_number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    // Three to five digits: a year or a count behind a comma is no RFC.
    let number = text[..end].parse().ok().filter(|_| (3..=5).contains(&end))?;
    Some((number, &text[end..]))
}

/// Reads the address of a section: `https://www.rfc-editor.org/rfc/rfc8707#section-2`.
pub(super) fn from_address(address: &str) -> Option<Reference> {
    let (page, fragment) = address.split_once('#').unwrap_or((address, ""));
    if let Some(number) = page.strip_prefix("https://www.rfc-editor.org/rfc/rfc") {
        let number = number.strip_suffix(".html").unwrap_or(number).parse().ok()?;
        let section = match fragment {
            "" => "",
            fragment => {
                fragment.strip_prefix("section-").or_else(|| fragment.strip_prefix("appendix-"))?
            }
        };
        return Some(reference(number, section));
    }
    if !page.starts_with("https://") {
        return None;
    }
    let section = fragment.trim_start_matches(|c: char| !c.is_ascii_digit());
    let spec = Spec::Other(page.to_owned());
    Some(Reference { spec, section: Section(section.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(prose: &str) -> Vec<String> {
        let name = |r: Reference| match r.spec {
            Spec::Rfc(number) => format!("{number} {}", r.section),
            Spec::Other(page) => page,
        };
        find(prose).into_iter().map(name).collect()
    }

    #[test]
    fn references_are_read_as_people_write_them() {
        assert_eq!(names("The resource indicator (RFC 8707 §2)."), ["8707 §2"]);
        assert_eq!(names("(RFC 3986 §6.2.2.1, §6.2.2.2)."), ["3986 §6.2.2.1", "3986 §6.2.2.2"]);
        assert_eq!(names("(RFC 6749 §1.3, RFC 8707 §2)"), ["6749 §1.3", "8707 §2"]);
        assert_eq!(names("metadata (RFC 8414, 9728 §3) and"), ["8414 whole", "9728 §3"]);
        assert_eq!(
            names("(RFC 7515–7517, 8725)"),
            ["7515 whole", "7516 whole", "7517 whole", "8725 whole"]
        );
        assert_eq!(names("(RFC 6749 §5.1 and §5.2)"), ["6749 §5.1", "6749 §5.2"]);
        assert_eq!(names("RFC 7636 Appendix B. Next"), ["7636 Appendix B"]);
        assert_eq!(names("(RFC 7519 §4.1.2, OpenID Connect Core §2)"), ["7519 §4.1.2"]);
        assert_eq!(names("The RFC says so; RFC 6749, 10 times"), ["6749 whole"]);
    }

    #[test]
    fn sections_stand_as_in_a_table_of_contents() {
        let mut sections: Vec<_> =
            ["A.1", "10.2", "4.1.2", "", "4.10", "4.1"].map(|s| Section(s.to_owned())).into();
        sections.sort();
        let sections: Vec<_> = sections.iter().map(|section| section.0.as_str()).collect();
        assert_eq!(sections, ["", "4.1", "4.1.2", "4.10", "10.2", "A.1"]);
    }

    #[test]
    fn an_address_names_its_section() {
        let at = |address| from_address(address).map(|r| (r.spec, r.section.to_string()));
        let rfc = |section: &str| Some((Spec::Rfc(8707), section.to_owned()));
        assert_eq!(at("https://www.rfc-editor.org/rfc/rfc8707#section-2.1"), rfc("§2.1"));
        assert_eq!(at("https://www.rfc-editor.org/rfc/rfc8707.html#appendix-A"), rfc("Appendix A"));
        assert_eq!(at("https://www.rfc-editor.org/rfc/rfc8707"), rfc("whole"));
        assert_eq!(at("https://www.rfc-editor.org/rfc/rfc8707#name-resource"), None);
        assert_eq!(at("rfc8707"), None);
        let core = "https://openid.net/specs/openid-connect-core-1_0.html";
        let expected = (Spec::Other(core.to_owned()), "§3.1.2".to_owned());
        assert_eq!(at(&format!("{core}#rfc.section.3.1.2")), Some(expected));
    }
}
