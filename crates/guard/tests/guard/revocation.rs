//! Revoked tokens: by name (RFC 7009, RFC 8417), and by status list.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use bailiwick_guard::current::{Denials, Names, Status, Statuses};
use bailiwick_guard::{Authentic, Keys, Missing, Moment, Presented, Stop, Trusted};
use bailiwick_oauth::Issuer;
use bailiwick_oauth::status_list::{INVALID, SUSPENDED, StatusReference, VALID};
use serde_json::{Value, json};

use crate::mint::*;

/// Denies what a function denies.
struct By(fn(&Names<'_>) -> bool);

impl Denials for By {
    fn deny(&self, token: &Names<'_>) -> bool {
        (self.0)(token)
    }
}

#[track_caller]
fn denied(claims: &Value, by: fn(&Names<'_>) -> bool, expected: &str) {
    let moment = Moment { denials: &By(by), ..Moment::at(NOW) };
    Attempt { moment, ..Attempt::bearer(&token(claims)) }.ends(expected);
}

#[test]
fn a_token_is_denied_by_each_of_its_names() {
    let claims = with("sid", "s1".into());
    denied(&claims, |_| false, "passed");
    denied(&claims, |token| token.jti == Some("1"), "revoked");
    denied(&claims, |token| token.jti == Some("2"), "passed");
    denied(&claims, |token| token.subject.as_str() == "alice", "revoked");
    denied(&claims, |token| token.client_id.is_some_and(|id| id.as_str() == "shop"), "revoked");
    denied(&claims, |token| token.session == Some("s1"), "revoked");
    denied(&claims, |token| token.issuer.as_str() == ISSUER, "revoked");
    denied(&claims, |token| token.issued_at == Some(NOW - 60), "revoked");
    // A session of the wrong type names none.
    denied(&with("sid", json!(["s1"])), |token| token.session.is_some(), "passed");
}

#[test]
fn names_are_asked_about_only_for_tokens_in_their_time() {
    struct Asked(Mutex<u32>);
    impl Denials for Asked {
        fn deny(&self, _: &Names<'_>) -> bool {
            *self.0.lock().unwrap() += 1;
            true
        }
    }
    let asked = Asked(Mutex::new(0));
    for (claims, expected) in [(with("exp", 1.into()), "expired"), (claims(), "revoked")] {
        let moment = Moment { denials: &asked, ..Moment::at(NOW) };
        Attempt { moment, ..Attempt::bearer(&token(&claims)) }.ends(expected);
    }
    assert_eq!(*asked.0.lock().unwrap(), 1);
}

const LIST: &str = "https://id.example.com/statuses/1";

fn listed() -> Value {
    with("status", json!({ "status_list": { "idx": 7, "uri": LIST } }))
}

/// Says the same of one place, and nothing of any other.
struct Says(Option<Status>);

impl Statuses for Says {
    fn status(&self, issuer: &Issuer, reference: &StatusReference) -> Option<Status> {
        (issuer.as_str() == ISSUER && reference.uri == LIST && reference.idx == 7)
            .then_some(self.0)
            .flatten()
    }
}

#[track_caller]
fn listing(claims: &Value, status: Option<Status>, expected: &str) {
    let moment = Moment { statuses: &Says(status), ..Moment::at(NOW) };
    Attempt { moment, ..Attempt::bearer(&token(claims)) }.ends(expected);
}

#[test]
fn a_token_is_as_good_as_its_status() {
    for (status, expected) in [
        (Some(Status::Is(VALID)), "passed"),
        (Some(Status::Is(INVALID)), "revoked"),
        (Some(Status::Is(SUSPENDED)), "revoked"),
        (Some(Status::Is(3)), "revoked"),
        (Some(Status::Is(255)), "revoked"),
        (Some(Status::Beyond), "revoked"),
        (Some(Status::Unchecked), "passed"),
        (None, "missing"),
    ] {
        listing(&listed(), status, expected);
        listing(&claims(), status, "passed"); // a token without a list
    }
    Attempt::bearer(&token(&listed())).ends("missing"); // no list is at hand at all
    let broken = with("status", json!({ "status_list": { "idx": -1, "uri": LIST } }));
    listing(&broken, Some(Status::Is(VALID)), "claim_malformed");
}

#[test]
fn a_list_that_is_not_at_hand_is_a_missing_fact() {
    let found = Attempt::bearer(&token(&listed())).verdict();
    let Err(Stop::Missing(missing)) = found else { panic!("{found:?}") };
    let Missing::Status { issuer, reference } = &missing else { panic!("{missing:?}") };
    assert_eq!(issuer.as_str(), ISSUER);
    assert_eq!((reference.uri.as_str(), reference.idx), (LIST, 7));
    let refusal = missing.cannot_be_had();
    assert_eq!((refusal.status().as_u16(), refusal.reason().as_str()), (503, "status_unavailable"));
    let refusal = missing.does_not_exist();
    assert_eq!((refusal.status().as_u16(), refusal.reason().as_str()), (401, "revoked"));
}

#[test]
fn a_name_that_is_denied_needs_no_list() {
    let moment = Moment { denials: &By(|_| true), ..Moment::at(NOW) };
    Attempt { moment, ..Attempt::bearer(&token(&listed())) }.ends("revoked");
}

fn kept(claims: &Value) -> Authentic {
    let issuers = [Trusted { trust: &WORLD.trust, keys: Some(&WORLD.keys) }];
    let keys = Keys { issuers: &issuers, decryption: &[] };
    Presented::from_token(&token(claims)).unwrap().authentic(&keys).unwrap()
}

#[test]
fn a_kept_token_is_refused_from_the_moment_it_is_revoked() {
    struct Switch(AtomicBool);
    impl Denials for Switch {
        fn deny(&self, _: &Names<'_>) -> bool {
            self.0.load(Ordering::Relaxed)
        }
    }
    impl Statuses for Switch {
        fn status(&self, _: &Issuer, _: &StatusReference) -> Option<Status> {
            Some(Status::Is(if self.0.load(Ordering::Relaxed) { INVALID } else { VALID }))
        }
    }
    let kept = kept(&listed());
    let (names, lists) = (Switch(AtomicBool::new(false)), Switch(AtomicBool::new(false)));
    let now = |attempt: &Attempt<'_>| outcome(&attempt.again(&kept));
    let moment = Moment { denials: &names, statuses: &lists, ..Moment::at(NOW) };
    let attempt = Attempt { moment, ..Attempt::bearer("kept") };
    assert_eq!(now(&attempt), "passed");
    names.0.store(true, Ordering::Relaxed);
    assert_eq!(now(&attempt), "revoked");
    names.0.store(false, Ordering::Relaxed);
    assert_eq!(now(&attempt), "passed");
    lists.0.store(true, Ordering::Relaxed);
    assert_eq!(now(&attempt), "revoked");
}

#[test]
fn a_kept_token_is_judged_anew_each_time() {
    let kept = kept(&claims());
    assert_eq!((kept.issuer().as_str(), kept.expires()), (ISSUER, Some(NOW + 60)));
    let at =
        |now| outcome(&Attempt { moment: Moment::at(now), ..Attempt::bearer("kept") }.again(&kept));
    assert_eq!(at(NOW), "passed");
    assert_eq!(at(NOW + 69), "passed");
    assert_eq!(at(NOW + 70), "expired");
    assert_eq!(at(NOW - 71), "not_yet_valid");
    let elsewhere =
        bailiwick_guard::Audience::new(bailiwick_oauth::Resource::parse("urn:x:y").unwrap());
    let attempt = Attempt { audience: &elsewhere, ..Attempt::bearer("kept") };
    assert_eq!(outcome(&attempt.again(&kept)), "audience_mismatch");
}
