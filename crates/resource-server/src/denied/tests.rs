use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bailiwick_oauth::{ClientId, Subject};

use super::*;

const NOW: i64 = 1_800_000_000;
const DAY: i64 = 24 * 60 * 60;

/// A token of alice in the client 'shop', of the grant 'g', in the session 's'.
struct Token {
    issuer: Issuer,
    jti: Option<&'static str>,
    subject: Subject,
    client: Option<ClientId>,
    session: Option<&'static str>,
    issued_at: Option<i64>,
}

impl Token {
    fn new() -> Self {
        Self {
            issuer: issuer(),
            jti: Some("g.1"),
            subject: Subject::parse("alice").unwrap(),
            client: Some(ClientId::parse("shop").unwrap()),
            session: Some("s"),
            issued_at: Some(NOW - 60),
        }
    }

    fn is_denied_by(&self, list: &DenyList) -> bool {
        Denials::deny(
            list,
            &Names {
                issuer: &self.issuer,
                jti: self.jti,
                subject: &self.subject,
                client_id: self.client.as_ref(),
                session: self.session,
                issued_at: self.issued_at,
            },
        )
    }
}

fn issuer() -> Issuer {
    Issuer::parse("https://id.example").unwrap()
}

fn denial(name: Name) -> Denial {
    Denial::new(issuer(), name, NOW)
}

fn token(jti: &str) -> Name {
    Name::Token(jti.to_owned())
}

fn grant(grant: &str) -> Name {
    Name::Grant(grant.to_owned())
}

fn session(session: &str) -> Name {
    Name::Session(session.to_owned())
}

fn subject(subject: &str) -> Name {
    Name::Subject(subject.to_owned())
}

fn client(client: &str) -> Name {
    Name::Client(client.to_owned())
}

fn verdict(denial: &Denial, changed: impl FnOnce(&mut Token)) -> bool {
    let list = DenyList::default();
    list.add(denial, NOW).unwrap();
    let mut token = Token::new();
    changed(&mut token);
    token.is_denied_by(&list)
}

fn denies(denial: &Denial) -> bool {
    verdict(denial, |_| {})
}

#[test]
fn an_empty_list_denies_nothing() {
    let list = DenyList::default();
    assert!(list.is_empty());
    assert_eq!(list.len(), 0);
    assert!(!Token::new().is_denied_by(&list));
}

#[test]
fn a_token_is_denied_by_each_of_its_names_and_by_no_other() {
    for name in [token("g.1"), grant("g"), session("s"), subject("alice"), client("shop")] {
        assert!(denies(&denial(name.clone())), "{name:?}");
    }
    let others = [
        token("g"), // a part of it is not it
        token("g.11"),
        token("1"),
        token(""),
        grant("g.1"),
        grant(""),
        grant("1"),
        session("alice"), // another kind of name
        subject("s"),
        subject("shop"),
        client("alice"),
        subject("Alice"),
        subject("alic"),
        subject("alice "),
    ];
    for name in others {
        assert!(!denies(&denial(name.clone())), "{name:?}");
    }
}

#[test]
fn a_token_without_the_name_is_not_denied_by_it() {
    assert!(!verdict(&denial(grant("1")), |token| token.jti = Some("1"))); // of no grant
    assert!(!verdict(&denial(token("g.1")), |token| token.jti = None));
    assert!(!verdict(&denial(session("s")), |token| token.session = None));
    assert!(!verdict(&denial(client("shop")), |token| token.client = None));
}

#[test]
fn an_issuer_denies_its_own_tokens_only() {
    for name in [token("g.1"), grant("g"), session("s"), subject("alice"), client("shop")] {
        let of_another = |token: &mut Token| {
            token.issuer = Issuer::parse("https://id.example/").unwrap();
        };
        assert!(!verdict(&denial(name.clone()), of_another), "{name:?}");
    }
}

#[test]
fn of_several_names_all_must_apply() {
    let both = denial(subject("alice")).and(client("shop"));
    assert!(denies(&both));
    assert!(!verdict(&both, |token| token.client = Some(ClientId::parse("till").unwrap())));
    assert!(!verdict(&both, |token| token.subject = Subject::parse("bob").unwrap()));
    assert!(!verdict(&both, |token| token.client = None));
    let all = denial(token("g.1")).and(grant("g")).and(session("s")).and(subject("alice"));
    assert!(denies(&all.clone().and(client("shop"))));
    assert!(!denies(&all.and(client("till"))));
    assert!(!denies(&denial(subject("alice")).and(subject("bob"))));
}

#[test]
fn what_subjects_and_clients_get_later_is_not_denied() {
    let issued = |at| move |token: &mut Token| token.issued_at = Some(at);
    let go_on = [denial(subject("alice")), denial(client("shop")).and(subject("alice"))];
    for denial in &go_on {
        assert!(verdict(denial, issued(NOW - 1)));
        assert!(verdict(denial, issued(NOW)));
        assert!(!verdict(denial, issued(NOW + 1)));
        assert!(verdict(denial, |token| token.issued_at = None)); // nobody knows
    }
    let end = [
        denial(token("g.1")),
        denial(grant("g")),
        denial(session("s")),
        denial(subject("alice")).and(grant("g")),
    ];
    for denial in &end {
        assert!(verdict(denial, issued(NOW + 1)), "{denial:?}");
    }
}

#[test]
fn the_same_denial_again_changes_nothing_and_a_later_one_extends_it() {
    let list = DenyList::default();
    let later = |at| Denial::new(issuer(), subject("alice"), at);
    for at in [NOW - 100, NOW - 100, NOW - 50, NOW - 100] {
        list.add(&later(at), NOW).unwrap();
    }
    assert_eq!(list.len(), 1);
    let issued = |at| Token { issued_at: Some(at), ..Token::new() };
    assert!(issued(NOW - 50).is_denied_by(&list));
    assert!(!issued(NOW - 49).is_denied_by(&list));
}

#[test]
fn a_denial_is_forgotten_when_no_token_of_it_is_left() {
    let list = DenyList::new(10, Duration::from_hours(24));
    list.add(&denial(token("g.1")), NOW).unwrap();
    list.add(&Denial::new(issuer(), session("s"), NOW - 10), NOW).unwrap();
    list.add(&Denial::new(issuer(), session("s"), NOW + 10), NOW).unwrap(); // extends it
    list.sweep(NOW + DAY);
    assert_eq!(list.len(), 2);
    assert!(Token::new().is_denied_by(&list));
    list.sweep(NOW + DAY + 1);
    assert_eq!(list.len(), 1);
    assert!(Token::new().is_denied_by(&list)); // by its session
    list.sweep(NOW + DAY + 11);
    assert!(list.is_empty());
    assert_eq!(list.len(), 0);
    assert!(!Token::new().is_denied_by(&list));
}

#[test]
fn a_revocation_older_than_every_token_is_not_kept() {
    let list = DenyList::new(10, Duration::from_hours(24));
    list.add(&Denial::new(issuer(), token("g.1"), NOW - DAY - 1), NOW).unwrap();
    assert!(list.is_empty());
    list.add(&Denial::new(issuer(), token("g.1"), NOW - DAY), NOW).unwrap();
    assert!(Token::new().is_denied_by(&list));
    list.add(&Denial::new(issuer(), token("g.2"), i64::MIN), NOW).unwrap();
    list.add(&Denial::new(issuer(), token("g.3"), i64::MAX), NOW).unwrap();
    assert_eq!(list.len(), 2);
}

#[test]
fn a_full_list_refuses_rather_than_forgets() {
    let list = DenyList::new(3, Duration::from_hours(24));
    for name in [token("g.1"), subject("bob"), client("till")] {
        list.add(&denial(name), NOW).unwrap();
    }
    assert_eq!(list.add(&denial(subject("carol")), NOW), Err(DenyListFull(3)));
    assert_eq!(list.len(), 3);
    assert!(Token::new().is_denied_by(&list));
    list.add(&Denial::new(issuer(), subject("bob"), NOW + 5), NOW).unwrap(); // no new entry
    // When the others have ended there is room again.
    let tomorrow = NOW + DAY + 1;
    list.add(&Denial::new(issuer(), subject("carol"), tomorrow), tomorrow).unwrap();
    assert_eq!(list.len(), 2);
}

#[test]
fn a_denial_is_in_force_for_all_threads_once_it_is_added() {
    let list = Arc::new(DenyList::new(5000, Duration::from_hours(24)));
    let is_over = AtomicBool::new(false);
    let denied = Token { jti: Some("0"), ..Token::new() };
    list.add(&denial(token("0")), NOW).unwrap();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut looks = 0;
            while !is_over.load(Ordering::Relaxed) || looks == 0 {
                assert!(denied.is_denied_by(&list));
                looks += 1;
            }
        });
        for jti in 1..5000 {
            list.add(&denial(token(&jti.to_string())), NOW).unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
    assert_eq!(list.len(), 5000);
    assert!(Token { jti: Some("4999"), ..Token::new() }.is_denied_by(&list));
}
