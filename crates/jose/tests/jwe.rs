//! Encrypted tokens: round trips, hostile tokens.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::sync::LazyLock;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{PrivateKey, UnparsedPublicKey, X25519, agree},
    rsa::{
        OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey,
        Pkcs1PublicEncryptingKey, PublicEncryptingKey, PublicKeyComponents,
    },
};
use bailiwick_jose::{
    ContentEncryption, DecryptionKey, EncryptError, EncryptionKey, Jwe, JweError, KeyManagement,
    base64url, digest, json,
    jwe::{Malformed, UnsupportedContentEncryption, UnsupportedKeyManagement},
    jws::LONGEST,
};
use serde_json::{Value, json};

static KEYS: LazyLock<Vec<DecryptionKey>> =
    LazyLock::new(|| KeyManagement::ALL.map(|alg| DecryptionKey::generate(alg).unwrap()).into());

fn key(alg: KeyManagement) -> &'static DecryptionKey {
    KEYS.iter().find(|key| key.serves(alg)).unwrap()
}

fn encrypt(alg: KeyManagement, enc: ContentEncryption) -> String {
    key(alg).encryption_key().unwrap().encrypt(enc, Some("JWT"), b"content").unwrap()
}

fn verdict(token: &str, keys: &[DecryptionKey]) -> Result<Vec<u8>, JweError> {
    Jwe::parse(token).unwrap().decrypt(keys).map(|content| content.to_vec())
}

fn segments(token: &str) -> [String; 5] {
    let segments: Vec<_> = token.split('.').map(ToOwned::to_owned).collect();
    segments.try_into().unwrap()
}

/// The token with one segment made of other octets.
fn with(token: &str, place: usize, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut segments = segments(token);
    let mut octets = base64url::decode(&segments[place]).unwrap();
    change(&mut octets);
    segments[place] = base64url::encode(&octets);
    segments.join(".")
}

/// The token with its header's members changed, or removed by `null`; nothing else is.
fn with_header(token: &str, changes: Value) -> String {
    with(token, HEADER, |octets| {
        let mut header = json::parse_object(octets).unwrap();
        let Value::Object(changes) = changes else { panic!("changes are an object") };
        for (name, value) in changes {
            match value {
                Value::Null => header.remove(&name),
                value => header.insert(name, value),
            };
        }
        *octets = Value::Object(header).to_string().into_bytes();
    })
}

const HEADER: usize = 0;
const ENCRYPTED_KEY: usize = 1;
const IV: usize = 2;
const CIPHERTEXT: usize = 3;
const TAG: usize = 4;

const NO_ALG: JweError = JweError::UnsupportedKeyManagement(UnsupportedKeyManagement);
const NO_ENC: JweError = JweError::UnsupportedContentEncryption(UnsupportedContentEncryption);

#[test]
fn what_is_encrypted_for_a_key_is_decrypted_by_it() {
    for alg in KeyManagement::ALL {
        for enc in ContentEncryption::ALL {
            let recipient = key(alg).encryption_key().unwrap();
            if alg == KeyManagement::Dir && enc == ContentEncryption::A128Gcm {
                let refused = recipient.encrypt(enc, None, b"");
                assert_eq!(refused, Err(EncryptError::OtherEncryption));
                continue;
            }
            let token = encrypt(alg, enc);
            let jwe = Jwe::parse(&token).unwrap();
            assert_eq!(jwe.header().alg, alg.name());
            assert_eq!(jwe.header().enc, enc.name());
            assert_eq!(jwe.header().kid.as_deref(), key(alg).kid());
            assert!(jwe.header().is_content("jwt") && !jwe.header().is_type("JWT"));
            assert_eq!(jwe.decrypt(&KEYS).unwrap().as_slice(), b"content", "{alg} {enc}");
            assert_ne!(token, encrypt(alg, enc));
        }
    }
}

#[test]
fn a_stored_key_is_the_same_key() {
    for alg in KeyManagement::ALL {
        let stored = key(alg).to_jwk().unwrap();
        let jwk = json::parse(stored.as_bytes()).unwrap();
        let read = DecryptionKey::from_jwk(&jwk).unwrap();
        assert_eq!(read.kid(), key(alg).kid());
        assert_eq!(read.to_jwk().unwrap(), stored);
        let token = encrypt(alg, ContentEncryption::A256Gcm);
        assert_eq!(verdict(&token, &[read]), Ok(b"content".to_vec()));
    }
}

#[test]
fn a_published_key_encrypts_and_holds_nothing_private() {
    for alg in KeyManagement::ALL {
        let published = key(alg).encryption_key().unwrap().to_jwk();
        if alg == KeyManagement::Dir {
            assert_eq!(published, None);
            continue;
        }
        let jwk = published.unwrap();
        for name in jwk.as_object().unwrap().keys() {
            assert!(["kty", "n", "e", "crv", "x", "y", "alg", "use", "kid"].contains(&&**name));
        }
        let recipient = EncryptionKey::from_jwk(&jwk).unwrap();
        assert_eq!((recipient.algorithm(), recipient.kid()), (alg, key(alg).kid()));
        let token = recipient.encrypt(ContentEncryption::A128CbcHs256, None, b"content").unwrap();
        assert_eq!(verdict(&token, &KEYS), Ok(b"content".to_vec()));
    }
}

#[test]
fn a_key_to_agree_with_that_names_no_algorithm_serves_the_three() {
    for (crv, x, y, d) in [
        // the keys of RFC 7520 §3.2 and RFC 8037 §A.6
        (
            "P-521",
            Some(
                "AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt",
            ),
            Some(
                "AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1",
            ),
            "AAhRON2r9cqXX1hg-RoI6R1tX5p2rUAYdmpHZoC1XNM56KtscrX6zbKipQrCW9CGZH3T4ubpnoTKLDYJ_fF3_rJt",
        ),
        ("X25519", None, None, "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo"),
    ] {
        let x = x.unwrap_or("hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo");
        let kty = if y.is_some() { "EC" } else { "OKP" };
        let mut jwk = json!({ "kty": kty, "crv": crv, "x": x });
        if let Some(y) = y {
            jwk["y"] = y.into();
        }
        let public = jwk.clone();
        jwk["d"] = d.into();
        let private = [DecryptionKey::from_jwk(&jwk).unwrap()];
        for alg in [KeyManagement::EcdhEs, KeyManagement::EcdhEsA128Kw, KeyManagement::EcdhEsA256Kw]
        {
            assert!(private[0].serves(alg));
            let mut public = public.clone();
            public["alg"] = alg.name().into();
            let recipient = EncryptionKey::from_jwk(&public).unwrap();
            let token = recipient.encrypt(ContentEncryption::A128Gcm, None, b"content").unwrap();
            assert_eq!(verdict(&token, &private), Ok(b"content".to_vec()), "{crv} {alg}");
        }
        assert!(!private[0].serves(KeyManagement::Dir));
        assert_eq!(EncryptionKey::from_jwk(&public).unwrap().algorithm(), KeyManagement::EcdhEs);
    }
}

#[test]
fn an_algorithm_outside_the_list_is_refused_before_anything_is_tried() {
    let token = encrypt(KeyManagement::RsaOaep256, ContentEncryption::A256Gcm);
    for alg in [
        "RSA1_5",
        "RSA-OAEP",
        "RSA-OAEP-384",
        "RSA-OAEP-512",
        "A128KW",
        "A192KW",
        "A256KW",
        "A128GCMKW",
        "A256GCMKW",
        "ECDH-ES+A192KW",
        "PBES2-HS256+A128KW",
        "PBES2-HS512+A256KW",
        "none",
        "",
        "DIR",
        "rsa-oaep-256",
        "RSA-OAEP-256 ",
        "RS256",
        "HS256",
    ] {
        let changes = json!({"alg": alg, "p2c": 4_000_000_000_u32, "p2s": "AAAAAAAAAAA"});
        assert_eq!(verdict(&with_header(&token, changes), &KEYS), Err(NO_ALG), "{alg}");
    }
    for enc in ["A192GCM", "A192CBC-HS384", "A256CBC-HS512", "A128CBC", "XC20P", "", "a256gcm"] {
        let changes = json!({ "enc": enc });
        assert_eq!(verdict(&with_header(&token, changes), &KEYS), Err(NO_ENC), "{enc}");
    }
}

#[test]
fn a_token_changed_anywhere_is_not_decrypted() {
    for alg in KeyManagement::ALL {
        for enc in [ContentEncryption::A256Gcm, ContentEncryption::A128CbcHs256] {
            let token = encrypt(alg, enc);
            for place in [ENCRYPTED_KEY, IV, CIPHERTEXT, TAG] {
                let mut changed = vec![
                    with(&token, place, |octets| octets.push(0)),
                    with(&token, place, |octets| octets.resize(octets.len() + 16, 0)),
                ];
                if place != ENCRYPTED_KEY || !segments(&token)[ENCRYPTED_KEY].is_empty() {
                    changed.push(with(&token, place, |octets| octets[0] ^= 1));
                    changed.push(with(&token, place, |octets| *octets.last_mut().unwrap() ^= 1));
                    changed.push(with(&token, place, |octets| octets.truncate(octets.len() - 1)));
                    changed.push(with(&token, place, Vec::clear));
                }
                for other in changed {
                    let why = verdict(&other, &KEYS);
                    assert_eq!(why, Err(JweError::Undecryptable), "{alg} {enc} {place}");
                }
            }
            for changes in [json!({"cty": null}), json!({"typ": "JWT"}), json!({"kid": null})] {
                // the header is authenticated, whatever it says
                let why = verdict(&with_header(&token, changes), &KEYS);
                assert_eq!(why, Err(JweError::Undecryptable), "{alg} {enc}");
            }
        }
    }
}

#[test]
fn a_tag_of_any_other_length_is_refused() {
    for enc in [ContentEncryption::A256Gcm, ContentEncryption::A128CbcHs256] {
        let token = encrypt(KeyManagement::Dir, enc);
        for length in (0..16).chain([17, 32]) {
            let other = with(&token, TAG, |tag| tag.resize(length, 0));
            assert_eq!(verdict(&other, &KEYS), Err(JweError::Undecryptable), "{enc} {length}");
        }
    }
}

//= https://www.rfc-editor.org/rfc/rfc7516#section-5.2
//= type=test
//# When Direct Key Agreement or Direct Encryption are employed,
//# verify that the JWE Encrypted Key value is an empty octet
//# sequence.
#[test]
fn a_direct_key_leaves_no_place_for_an_encrypted_one() {
    for alg in [KeyManagement::Dir, KeyManagement::EcdhEs] {
        let token = encrypt(alg, ContentEncryption::A256Gcm);
        for octets in [vec![0], vec![0; 32], vec![0; 40]] {
            let other = with(&token, ENCRYPTED_KEY, |key| *key = octets);
            assert_eq!(verdict(&other, &KEYS), Err(JweError::Undecryptable), "{alg}");
        }
    }
}

#[test]
fn an_ephemeral_key_off_the_curve_or_out_of_form_is_refused() {
    let p384 = json!({
        "kty": "EC", "crv": "P-384",
        "x": "uBo4kHPw6kbjx5l0xowrd_oYzBmaz-GKFZu4xAFFkbYiWgutEK6iuEDsQ6wNdNg3",
        "y": "sp3p5SGhZVC2faXumI-e9JU2Mo8KpoYrFDr5yPNVtW4PgEwZOyQTA-JdaY8tb7E0",
    });
    let own = json!({
        "kty": "EC", "crv": "P-256",
        "x": "mPUKT_bAWGHIhg0TpjjqVsP1rXWQu_vwVOHHtNkdYoA",
        "y": "8BQAsImGeAS46fyWw5MhYfGTT0IjBpFw2SS34Dv4Irs",
    });
    let changed = |name: &str, value: Value| {
        let mut jwk = own.clone();
        jwk[name] = value;
        jwk
    };
    let zero = base64url::encode(&[0; 32]);
    for epk in [
        Value::Null,
        json!("epk"),
        json!([]),
        json!({}),
        p384,
        json!({"kty": "OKP", "crv": "X25519", "x": zero}),
        json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"}),
        json!({"kty": "oct", "k": "AQAB"}),
        changed("crv", json!("P-384")),
        changed("crv", json!("secp256k1")),
        changed("x", json!(zero)),
        changed("y", json!("mPUKT_bAWGHIhg0TpjjqVsP1rXWQu_vwVOHHtNkdYoA")),
        changed("y", json!("8BQAsImGeAS46fyWw5MhYfGTT0IjBpFw2SS34Dv4Ig")),
        changed("y", json!(1)),
        changed("d", json!("AtH35vJsQ9SGjYfOsjUxYXQKrPH3FjZHmEtSKoSN8cM")),
    ] {
        for alg in [KeyManagement::EcdhEs, KeyManagement::EcdhEsA128Kw] {
            let token = encrypt(alg, ContentEncryption::A256Gcm);
            let other = with_header(&token, json!({ "epk": epk }));
            assert_eq!(verdict(&other, &KEYS), Err(JweError::Undecryptable), "{alg} {epk}");
        }
    }
    let token = encrypt(KeyManagement::EcdhEs, ContentEncryption::A256Gcm);
    for apu in [json!(1), json!("AA=="), json!("?"), json!({})] {
        let other = with_header(&token, json!({ "apu": apu }));
        assert_eq!(verdict(&other, &KEYS), Err(JweError::Undecryptable), "{apu}");
    }
}

/// RFC 8037 §A.6's ephemeral key, here as a recipient's.
fn x25519() -> [DecryptionKey; 1] {
    let jwk = json!({
        "kty": "OKP", "crv": "X25519",
        "x": "hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo",
        "d": "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo",
    });
    [DecryptionKey::from_jwk(&jwk).unwrap()]
}

/// A token for [`x25519`] from whoever has `epk`, when `secret` is what the two agree on.
fn agreed(epk: &Value, secret: &[u8; 32]) -> String {
    let header = json!({"alg": "ECDH-ES", "enc": "A256GCM", "epk": epk});
    let info = b"\0\0\0\x07A256GCM\0\0\0\0\0\0\0\0\0\0\x01\0"; // RFC 7518 §4.6.2
    let key = digest::sha256(&[&[0, 0, 0, 1], &secret[..], info].concat());
    sealed(&header, b"", &key)
}

#[test]
fn an_ephemeral_key_with_its_private_half_is_refused() {
    let other = PrivateKey::from_private_key(&X25519, &[7; 32]).unwrap();
    let x = base64url::encode(other.compute_public_key().unwrap().as_ref());
    let own = base64url::decode("hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo").unwrap();
    let secret = agree(&other, UnparsedPublicKey::new(&X25519, own), (), |secret| {
        Ok(<[u8; 32]>::try_from(secret).unwrap())
    })
    .unwrap();

    let mut epk = json!({"kty": "OKP", "crv": "X25519", "x": x});
    assert_eq!(verdict(&agreed(&epk, &secret), &x25519()), Ok(b"content".to_vec()));
    epk["d"] = base64url::encode(&[7; 32]).into();
    assert_eq!(verdict(&agreed(&epk, &secret), &x25519()), Err(JweError::Undecryptable));
}

#[test]
fn a_point_of_small_order_agrees_on_nothing() {
    let mut one = [0; 32];
    one[0] = 1;
    for x in [[0; 32], one] {
        let epk = json!({"kty": "OKP", "crv": "X25519", "x": base64url::encode(&x)});
        // everybody knows the secret that such a point leads to
        assert_eq!(verdict(&agreed(&epk, &[0; 32]), &x25519()), Err(JweError::Undecryptable));
    }
}

/// A token whose content is truly encrypted under `content_key`, whatever its header says.
fn sealed(header: &Value, encrypted_key: &[u8], content_key: &[u8; 32]) -> String {
    let header = base64url::encode(header.to_string().as_bytes());
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, content_key).unwrap());
    let mut text = b"content".to_vec();
    let nonce = Nonce::assume_unique_for_key([0; 12]);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(&header), &mut text).unwrap();
    let [key, iv, text, tag] =
        [encrypted_key, &[0; 12], &text, tag.as_ref()].map(base64url::encode);
    format!("{header}.{key}.{iv}.{text}.{tag}")
}

fn rsa_public() -> PublicEncryptingKey {
    let jwk = key(KeyManagement::RsaOaep256).encryption_key().unwrap().to_jwk().unwrap();
    let number = |name: &str| base64url::decode(jwk[name].as_str().unwrap()).unwrap();
    PublicKeyComponents { n: number("n"), e: number("e") }.try_into().unwrap()
}

#[test]
fn what_rsa_cannot_decrypt_looks_like_any_other_failure() {
    let header = json!({"alg": "RSA-OAEP-256", "enc": "A256GCM"});
    let oaep = OaepPublicEncryptingKey::new(rsa_public()).unwrap();
    let mut room = vec![0; 256];

    let mut encrypted = |text: &[u8]| {
        oaep.encrypt(&OAEP_SHA256_MGF1SHA256, text, &mut room, None).unwrap().to_vec()
    };
    let good = sealed(&header, &encrypted(&[7; 32]), &[7; 32]);
    assert_eq!(verdict(&good, &KEYS), Ok(b"content".to_vec()));
    for shape in [&[7; 16][..], &[7; 31], &[7; 33], &[]] {
        let token = sealed(&header, &encrypted(shape), &[7; 32]);
        assert_eq!(verdict(&token, &KEYS), Err(JweError::Undecryptable), "{}", shape.len());
    }
    let labelled = oaep
        .encrypt(&OAEP_SHA256_MGF1SHA256, &[7; 32], &mut room, Some(b"label"))
        .unwrap()
        .to_vec();
    let sha1 = oaep.encrypt(&OAEP_SHA1_MGF1SHA1, &[7; 32], &mut room, None).unwrap().to_vec();
    let pkcs1 = Pkcs1PublicEncryptingKey::new(rsa_public()).unwrap();
    let pkcs1 = pkcs1.encrypt(&[7; 32], &mut room).unwrap().to_vec();
    for other in [labelled, sha1, pkcs1, vec![0; 256], vec![0xff; 256], vec![1; 255], vec![]] {
        // not even under a key of zeros, should a failure leave those behind
        for content_key in [[7; 32], [0; 32]] {
            let token = sealed(&header, &other, &content_key);
            assert_eq!(verdict(&token, &KEYS), Err(JweError::Undecryptable));
        }
    }
}

#[test]
fn a_token_is_tried_only_with_the_key_it_names() {
    let alg = KeyManagement::Dir;
    let ours = key(alg);
    let token = encrypt(alg, ContentEncryption::A256Gcm);
    let nobodys = with_header(&token, json!({"kid": "another"}));
    assert_eq!(verdict(&nobodys, &KEYS), Err(JweError::NoKey));
    assert_eq!(verdict(&token, &[]), Err(JweError::NoKey));
    let misled = with_header(&token, json!({"kid": key(KeyManagement::RsaOaep256).kid()}));
    assert_eq!(verdict(&misled, &KEYS), Err(JweError::NoKey));
    let misled = with_header(&token, json!({"alg": "ECDH-ES"}));
    assert_eq!(verdict(&misled, &KEYS), Err(JweError::NoKey));

    // without a name every key of the algorithm may be the one
    let mut jwk = json::parse(ours.to_jwk().unwrap().as_bytes()).unwrap();
    jwk.as_object_mut().unwrap().remove("kid");
    let nameless = EncryptionKey::from_jwk(&jwk).unwrap();
    let token = nameless.encrypt(ContentEncryption::A256Gcm, None, b"content").unwrap();
    assert_eq!(Jwe::parse(&token).unwrap().header().kid, None);
    let stored = DecryptionKey::from_jwk(&jwk).unwrap();
    let keys = [DecryptionKey::generate(alg).unwrap(), stored];
    assert_eq!(verdict(&token, &keys), Ok(b"content".to_vec()));
}

fn refused(header: &str) -> Malformed {
    let token = format!("{}....", base64url::encode(header.as_bytes()));
    Jwe::parse(&token).expect_err(header)
}

#[test]
fn a_header_out_of_form_is_refused() {
    for (header, why) in [
        ("{}", Malformed::NoAlgorithm),
        (r#"{"alg":"dir"}"#, Malformed::NoEncryption),
        (r#"{"enc":"A256GCM"}"#, Malformed::NoAlgorithm),
        (r#"{"alg":1,"enc":"A256GCM"}"#, Malformed::Mistyped("alg")),
        (r#"{"alg":"dir","enc":["A256GCM"]}"#, Malformed::Mistyped("enc")),
        (r#"{"alg":"dir","enc":"A256GCM","kid":null}"#, Malformed::Mistyped("kid")),
        (r#"{"alg":"dir","enc":"A256GCM","cty":1}"#, Malformed::Mistyped("cty")),
        (r#"{"alg":"dir","enc":"A256GCM","typ":{}}"#, Malformed::Mistyped("typ")),
        (r#"{"alg":"dir","enc":"A256GCM","zip":"DEF"}"#, Malformed::Zip),
        (r#"{"alg":"dir","enc":"A256GCM","zip":null}"#, Malformed::Zip),
        (r#"{"alg":"dir","enc":"A256GCM","crit":[]}"#, Malformed::Crit),
        (r#"{"alg":"dir","enc":"A256GCM","crit":["exp"]}"#, Malformed::Crit),
        (r#"{"alg":"dir","enc":"A256GCM","b64":true}"#, Malformed::B64),
        (
            r#"{"alg":"dir","\u0061lg":"dir","enc":"A256GCM"}"#,
            Malformed::Header(json::Malformed::Duplicate),
        ),
        (r#"["dir"]"#, Malformed::Header(json::Malformed::NotObject)),
        ("", Malformed::Header(json::Malformed::Syntax)),
    ] {
        assert_eq!(refused(header), why, "{header}");
    }
}

#[test]
fn a_token_out_of_form_is_refused() {
    let token = encrypt(KeyManagement::RsaOaep256, ContentEncryption::A256Gcm);
    let [header, key, iv, text, tag] = segments(&token);
    for (other, why) in [
        (String::new(), Malformed::Segments),
        ("....".to_owned(), Malformed::Header(json::Malformed::Syntax)),
        (format!("{header}.{key}.{iv}"), Malformed::Segments),
        (format!("{header}.{key}.{iv}.{text}"), Malformed::Segments),
        (format!("{token}."), Malformed::Segments),
        (format!(".{token}"), Malformed::Segments),
        (format!("{token}="), Malformed::Encoding(base64url::Malformed)),
        (format!("{token} "), Malformed::Encoding(base64url::Malformed)),
        (format!(" {token}"), Malformed::Encoding(base64url::Malformed)),
        (format!("{header}.{key}\n.{iv}.{text}.{tag}"), Malformed::Encoding(base64url::Malformed)),
        (format!("{token}{}", "A".repeat(1 << 20)), Malformed::TooLong),
        (".".repeat(1 << 20), Malformed::TooLong),
        (".".repeat(LONGEST), Malformed::Segments),
    ] {
        assert_eq!(Jwe::parse(&other).unwrap_err(), why);
    }
    let signed = "eyJhbGciOiJFUzI1NiJ9.e30.AAAA";
    assert_eq!(Jwe::parse(signed).unwrap_err(), Malformed::Segments);
}

#[test]
fn keys_and_tokens_in_a_log_show_no_secret() {
    for key in KEYS.iter() {
        let shown = format!("{key:?} {:?}", key.encryption_key().unwrap());
        assert!(shown.contains("[redacted]"), "{shown}");
        let stored = json::parse(key.to_jwk().unwrap().as_bytes()).unwrap();
        for name in ["k", "d", "p", "q"] {
            if let Some(secret) = stored[name].as_str() {
                assert!(!shown.contains(secret), "{name}");
            }
        }
    }
    let token = encrypt(KeyManagement::Dir, ContentEncryption::A256Gcm);
    let shown = format!("{:?}", Jwe::parse(&token).unwrap());
    assert!(shown.contains("A256GCM") && !shown.contains("ciphertext"), "{shown}");
}
