//! The one namespace of the issuer (rules §2.2), within the file.

use std::collections::HashMap;
use std::ops::Range;

use bailiwick_grant::state::Name;

use crate::config::file::Root;
use crate::config::read::Reader;

/// Notes every name that two entries of the file claim.
pub(super) fn claim(root: &Root, reader: &mut Reader<'_>) {
    let mut taken = Taken::default();
    taken.claim(root.issuer.value.as_str(), "the issuer", &root.issuer.span, reader);
    for entry in &root.resource {
        let identifier = &entry.identifier;
        taken.claim(identifier.value.as_str(), "an identifier", &identifier.span, reader);
        for alias in &entry.aliases {
            taken.claim(alias.value.as_str(), "an alias", &alias.span, reader);
        }
        if let Some(audience) = &entry.audience {
            taken.claim(&audience.value.0, "an audience", &audience.span, reader);
        }
    }
    for entry in &root.client {
        taken.claim(entry.id.value.as_str(), "a client identifier", &entry.id.span, reader);
    }
}

#[derive(Default)]
struct Taken(HashMap<String, (&'static str, Range<usize>)>);

impl Taken {
    fn claim(
        &mut self,
        name: &str,
        role: &'static str,
        span: &Range<usize>,
        reader: &mut Reader<'_>,
    ) {
        let name = Name::canonical(name);
        if let Some((other, first)) = self.0.get(&name) {
            let line = reader.line(first);
            let message = format!("\"{name}\" is taken: it is {other} on line {line}");
            let help = "identifiers, aliases, audiences, client identifiers and the issuer share \
                        one namespace; choose another name";
            reader.problem(span, message, help);
        } else {
            self.0.insert(name, (role, span.clone()));
        }
    }
}
