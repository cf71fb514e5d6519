//! The hostile matrix: every class of token that got into some well-known server, by name.
//!
//! Each is made twice: marked `at+jwt` for an issuer of RFC 9068 tokens, and `JWT` for one that
//! marks nothing. The names are stable.

mod list;
mod make;

use std::collections::HashSet;
use std::sync::LazyLock;

use bailiwick_guard::profile::TypeRule;
use bailiwick_guard::{Profile, Trust, Trusted};

use crate::mint::*;

/// A hostile request.
pub(crate) struct Hostile {
    /// Its name.
    pub(crate) name: &'static str,
    /// Makes it, its token marked with this `typ`.
    pub(crate) make: fn(typ: &str) -> Attempt<'static>,
    /// What becomes of it where tokens are marked.
    pub(crate) marked: &'static str,
    /// What becomes of it where they are not; `-` where it is not hostile there.
    pub(crate) unmarked: &'static str,
}

/// All of them.
pub(crate) fn hostile() -> Vec<&'static Hostile> {
    [list::ALGORITHMS, list::HEADERS, list::CLAIMS, list::FORM, list::BINDING, list::ENCRYPTED]
        .into_iter()
        .flatten()
        .collect()
}

static UNMARKED: LazyLock<Trust> =
    LazyLock::new(|| trust(Profile { typ: TypeRule::PlainJwt, ..Profile::rfc9068() }));

#[test]
fn nothing_hostile_gets_in() {
    for Hostile { name, make, marked, unmarked } in hostile() {
        let found = make("at+jwt").verdict();
        assert_eq!(outcome(&found), *marked, "{name}: {found:?}");
        let mut attempt = make("JWT");
        for Trusted { trust, .. } in &mut attempt.issuers {
            *trust = &UNMARKED;
        }
        let found = attempt.verdict();
        let expected = if *unmarked == "-" { "passed" } else { unmarked };
        assert_eq!(outcome(&found), expected, "{name}, unmarked: {found:?}");
    }
}

#[test]
fn what_is_not_hostile_gets_in() {
    for typ in ["at+jwt", "JWT"] {
        let mut attempt = make::claim(typ, "x", 1.into());
        for Trusted { trust, .. } in &mut attempt.issuers {
            *trust = &UNMARKED;
        }
        attempt.ends("passed");
    }
    make::claim("at+jwt", "x", 1.into()).ends("passed");
}

#[test]
fn each_has_a_name_of_its_own() {
    let all = hostile();
    let names: HashSet<_> = all.iter().map(|one| one.name).collect();
    assert_eq!(names.len(), all.len());
    assert!(all.iter().all(|one| one.marked != "passed" && one.unmarked != "passed"));
}
