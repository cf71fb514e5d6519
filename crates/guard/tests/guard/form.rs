//! The form of a token (RFC 7515 §7.1): one spelling, three segments.

use bailiwick_jose::base64url;
use proptest::prelude::*;

use crate::mint::*;

#[test]
fn a_token_has_three_segments() {
    let good = token(&claims());
    let (input, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = input.split_once('.').unwrap();
    verdict(&good, "passed");
    for bad in [
        header.to_owned(),
        input.to_owned(),
        format!("{good}.{signature}"),
        format!(".{payload}.{signature}"),
        format!("{header}..{signature}"),
        format!("{good}."),
        format!(".{good}"),
        "...".to_owned(),
        "a".to_owned(),
    ] {
        verdict(&bad, "token_malformed");
    }
    // Five segments make an encrypted token, and there is no key here to read one with.
    for encrypted in [
        format!("{good}.a.b"),
        "....".to_owned(),
        "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..AAAA.AAAA.AAAA".to_owned(),
    ] {
        verdict(&encrypted, "decryption_failed");
    }
}

#[test]
fn each_segment_has_one_spelling() {
    let good = token(&claims());
    let segments: Vec<_> = good.split('.').collect();
    for at in 0..3 {
        let segment = segments[at];
        let spellings = [
            format!("{segment}="),
            format!("{segment}=="),
            format!("{segment}+"),
            format!("{segment}/"),
            format!("{segment}~"),
            format!("{segment}A"),
        ];
        for spelling in spellings {
            let mut changed = segments.clone();
            changed[at] = &spelling;
            let changed = changed.join(".");
            let expected =
                if changed.contains("=.") { "credentials_malformed" } else { "token_malformed" };
            let added = base64url::decode(&spelling).is_ok(); // then it spells other bytes
            if !added {
                verdict(&changed, expected);
            }
        }
    }
    // 64 octets leave four bits that must be zero.
    let last = good.chars().last().unwrap();
    let sloppy = char::from(u8::try_from(last).unwrap() + 1);
    verdict(&format!("{}{sloppy}", &good[..good.len() - 1]), "token_malformed");
}

proptest! {
    #[test]
    fn no_text_brings_the_stages_down(text in "\\PC{0,200}", segments in "[A-Za-z0-9_-]{0,80}(\\.[A-Za-z0-9_-]{0,80}){2}") {
        let issuers = [bailiwick_guard::Trusted { trust: &WORLD.trust, keys: Some(&WORLD.keys) }];
        for text in [text, segments] {
            let passed = bailiwick_guard::Presented::from_token(&text)
                .is_ok_and(|presented| run(&presented, &issuers).is_ok());
            prop_assert!(!passed);
        }
    }

    #[test]
    fn no_changed_character_passes(at in 0_usize..400, by in 1_u8..64) {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut token = token(&claims()).into_bytes();
        let at = at % token.len();
        let Some(index) = ALPHABET.iter().position(|c| *c == token[at]) else { return Ok(()) };
        token[at] = ALPHABET[(index + usize::from(by)) % 64];
        let token = String::from_utf8(token).unwrap();
        let issuers = [bailiwick_guard::Trusted { trust: &WORLD.trust, keys: Some(&WORLD.keys) }];
        let presented = bailiwick_guard::Presented::from_token(&token).unwrap();
        prop_assert!(run(&presented, &issuers).is_err());
    }
}
