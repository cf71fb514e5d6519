//! Properties of the parsers, of signing and of encryption.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::sync::LazyLock;

use bailiwick_jose::{
    Algorithm, ContentEncryption, DecryptionKey, Jwe, Jwks, Jws, KeyManagement, SigningKey,
    base64url, json,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::prelude::*;

static KEYS: LazyLock<Vec<SigningKey>> =
    LazyLock::new(|| Algorithm::ALL.map(|one| SigningKey::generate(one).unwrap()).into());

static DECRYPTION_KEYS: LazyLock<Vec<DecryptionKey>> =
    LazyLock::new(|| KeyManagement::ALL.map(|one| DecryptionKey::generate(one).unwrap()).into());

proptest! {
    #[test]
    fn base64url_gives_back_what_it_took(bytes: Vec<u8>) {
        prop_assert_eq!(base64url::decode(&base64url::encode(&bytes)), Ok(bytes));
    }

    #[test]
    fn base64url_has_one_spelling_for_each_value(text in "[A-Za-z0-9_=+/-]{0,12}") {
        if let Ok(bytes) = base64url::decode(&text) {
            prop_assert_eq!(base64url::encode(&bytes), text);
        }
    }

    #[test]
    fn base64url_of_any_length_is_what_the_plain_reader_takes(
        bytes in proptest::collection::vec(any::<u8>(), 1..200),
        place: prop::sample::Index,
        other in "[A-Za-z0-9+/=_ -]",
    ) {
        let good = URL_SAFE_NO_PAD.encode(&bytes);
        prop_assert_eq!(base64url::encode(&bytes), good.as_str());
        let (mut changed, place) = (good.clone(), place.index(good.len()));
        changed.replace_range(place..=place, &other);
        for text in [good, changed] {
            prop_assert_eq!(base64url::decode(&text).ok(), URL_SAFE_NO_PAD.decode(&text).ok());
        }
    }

    #[test]
    fn any_bytes_are_parsed_without_a_panic(bytes: Vec<u8>, text in "[\\[\\]{}\",:a\\\\u0-9dc.eE+ -]{0,64}") {
        let _ = json::parse(&bytes);
        let _ = json::parse(text.as_bytes());
        let _ = Jwks::parse(&bytes);
        let _ = Jws::parse(&text);
        let _ = Jws::parse(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn json_accepted_here_means_the_same_elsewhere(text in "[\\[\\]{}\",:a\\\\u0-9dc.eE+ -]{0,32}") {
        if let Ok(value) = json::parse(text.as_bytes()) {
            prop_assert_eq!(value, serde_json::from_str::<serde_json::Value>(&text).unwrap());
        }
    }

    #[test]
    fn what_is_signed_is_verified(payload: Vec<u8>, typ: String, which in 0..5_usize) {
        let key = &KEYS[which];
        let token = key.sign(&typ, &payload).unwrap();
        let verified = Jws::parse(&token).unwrap().verify(key.verifying_key()).unwrap();
        prop_assert_eq!(verified.payload, payload);
        prop_assert_eq!(verified.header.typ, Some(typ));
    }

    #[test]
    fn a_token_with_any_byte_changed_is_refused(
        payload: Vec<u8>,
        which in 0..5_usize,
        place: prop::sample::Index,
        change in 1..128_u8,
    ) {
        let key = &KEYS[which];
        let mut bytes = key.sign("at+jwt", &payload).unwrap().into_bytes();
        *place.get_mut(&mut bytes) ^= change;
        let token = String::from_utf8(bytes).unwrap();
        let accepted = Jws::parse(&token).is_ok_and(|jws| jws.verify(key.verifying_key()).is_ok());
        prop_assert!(!accepted, "{}", token);
    }

    #[test]
    fn an_encrypted_token_with_any_byte_changed_is_refused(
        payload: Vec<u8>,
        which in 0..5_usize,
        place: prop::sample::Index,
        change in 1..128_u8,
    ) {
        let key = &DECRYPTION_KEYS[which..=which];
        let recipient = key[0].encryption_key().unwrap();
        let token = recipient.encrypt(ContentEncryption::A128CbcHs256, None, &payload).unwrap();
        let opened = Jwe::parse(&token).unwrap().decrypt(key).unwrap();
        prop_assert_eq!(opened.as_slice(), payload);

        let mut bytes = token.into_bytes();
        *place.get_mut(&mut bytes) ^= change;
        let token = String::from_utf8(bytes).unwrap();
        let accepted = Jwe::parse(&token).is_ok_and(|jwe| jwe.decrypt(key).is_ok());
        prop_assert!(!accepted, "{}", token);
    }
}
