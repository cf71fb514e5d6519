//! How tokens are written and sent (RFC 6750 §2, RFC 7515 §2, §7.1).

use bailiwick_guard::Reason::{
    self, CredentialsMalformed, DecryptionFailed, NoCredentials, QueryToken, SchemeUnsupported,
    SeveralCredentials, SignatureInvalid, TokenMalformed,
};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::plan::{Plan, authorization};
use super::{NO_JWT, form_headers, value};

pub(super) fn add(plan: &mut Plan<'_>) {
    segments(plan);
    spellings(plan);
    headers(plan);
    elsewhere(plan);
}

fn segments(plan: &mut Plan<'_>) {
    plan.next("what is left of a token is enough");
    let cut = |token: &str, from: usize| token.split('.').take(from).collect::<Vec<_>>().join(".");
    plan.edited("one segment", NO_JWT, |token| cut(&token, 1));
    plan.edited("two segments", NO_JWT, |token| cut(&token, 2));
    plan.edited("no signature", &[SignatureInvalid], |token| format!("{}.", cut(&token, 2)));
    plan.edited("four segments", NO_JWT, |token| format!("{token}.AA"));
    plan.edited("five segments", &[DecryptionFailed], |token| format!("{token}.AA.AA"));
    plan.edited("a dot before", NO_JWT, |token| format!(".{token}"));
    plan.bearer("JWE-shaped rubbish", &[DecryptionFailed], "eyJ4IjoxfQ.AA.AA.AA.AA");
    plan.bearer("dots", NO_JWT, "..");
}

fn spellings(plan: &mut Plan<'_>) {
    plan.next("one token has many spellings, so that revocations and caches miss it");
    plan.edited("padded", &[TokenMalformed], |token| format!("{token}=="));
    plan.edited("padded inside", &[CredentialsMalformed], |token| token.replacen('.', "=.", 1));
    if plan.good().rsplit('.').next().is_some_and(|signature| signature.len() % 4 != 0) {
        plan.edited("loose last bits", &[TokenMalformed], loose);
    }
    plan.edited("the other base64", NO_JWT, |token| format!("+{token}"));
    plan.next("several tokens in one");
    plan.edited("a space inside", &[CredentialsMalformed], |token| token.replacen('.', " .", 1));
    plan.edited("a comma inside", &[CredentialsMalformed], |token| token.replacen('.', ",.", 1));
    plan.edited("two with a comma", &[CredentialsMalformed], |token| {
        format!("{token}, Bearer {token}")
    });
    plan.edited("in quotes", &[CredentialsMalformed], |token| format!("\"{token}\""));
    plan.edited("percent-encoded", &[CredentialsMalformed], |token| token.replacen('.', "%2E", 1));
}

/// One more than the last character, which differs in bits that no octet has.
fn loose(mut token: String) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = token.pop().and_then(|last| ALPHABET.find(last)).expect("base64url");
    token.push_str(&ALPHABET[last + 1..last + 2]);
    token
}

fn headers(plan: &mut Plan<'_>) {
    let token = plan.good();
    plan.next("a proxy and an API read two credentials out of one request");
    let mut two = authorization(&format!("Bearer {token}"));
    two.append(AUTHORIZATION, value(&format!("Bearer {token}")));
    plan.add("two headers", &[SeveralCredentials], two);
    let mut basic = authorization("Basic YTpi");
    basic.append(AUTHORIZATION, value(&format!("Bearer {token}")));
    plan.add("two headers of two schemes", &[SeveralCredentials], basic);
    const MALFORMED: &[Reason] = &[CredentialsMalformed];
    const UNSUPPORTED: &[Reason] = &[SchemeUnsupported];
    for (name, sent, expected) in [
        ("a tab after the scheme", format!("Bearer\t{token}"), MALFORMED),
        ("a colon after the scheme", format!("Bearer: {token}"), MALFORMED),
        ("no token", "Bearer".to_owned(), MALFORMED),
        ("not ASCII", format!("Bearer {token}\u{e4}"), MALFORMED),
        ("no scheme", token.clone(), UNSUPPORTED),
        ("another scheme", format!("Token {token}"), UNSUPPORTED),
        ("a longer scheme", format!("BearerX {token}"), UNSUPPORTED),
    ] {
        plan.add(name, expected, authorization(&sent));
    }
}

fn elsewhere(plan: &mut Plan<'_>) {
    let token = plan.good();
    plan.next("tokens in addresses end up in logs, histories and other people's requests");
    let target = plan.aim.target();
    let and = |parameter: &str| {
        let mark = if target.contains('?') { '&' } else { '?' };
        format!("{target}{mark}{parameter}={token}")
    };
    for (name, query) in [
        ("in the query", and("access_token")),
        ("in the query, encoded", and("%61ccess%5Ftoken")),
        ("in the query, after others", and("a=b&access_token")),
    ] {
        plan.add(name, &[QueryToken], HeaderMap::new()).target = query;
    }
    let both = plan.bearer("header and query", &[SeveralCredentials], &token);
    both.target = and("access_token");
    plan.next("a token where nobody looks for it");
    let in_body = plan.add("in the body", &[NoCredentials], form_headers());
    in_body.body = format!("access_token={token}");
    let mut cookie = HeaderMap::new();
    cookie.insert("cookie", value(&format!("access_token={token}")));
    plan.add("in a cookie", &[NoCredentials], cookie);
    let mut forwarded = HeaderMap::new();
    forwarded.insert("x-forwarded-access-token", value(&token));
    forwarded.insert("proxy-authorization", value(&format!("Bearer {token}")));
    forwarded.insert("x-forwarded-user", value("alice"));
    plan.add("in other headers", &[NoCredentials], forwarded);
    plan.add("nothing at all", &[NoCredentials], HeaderMap::new());
}
