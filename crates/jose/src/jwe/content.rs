//! Content encryption (RFC 7518 §5): the content and the header under one key.

use aws_lc_rs::{
    aead::{self, Aad, LessSafeKey, Nonce, UnboundKey},
    cipher::{
        AES_128, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
        PaddedBlockEncryptingKey, UnboundCipherKey,
    },
    error::Unspecified,
    hmac,
    iv::FixedLength,
    rand,
};
use zeroize::Zeroizing;

use super::ContentEncryption;
use crate::digest;

/// What content encryption makes: the last three segments of a compact token (RFC 7516 §7.1).
#[cfg_attr(test, derive(Clone))]
pub(super) struct Encrypted {
    pub(super) iv: Vec<u8>,
    pub(super) ciphertext: Vec<u8>,
    pub(super) tag: Vec<u8>,
}

/// Decrypts the content once its tag is the right one (RFC 7516 §5.2, steps 14 to 16).
pub(super) fn open(
    enc: ContentEncryption,
    key: &[u8],
    aad: &[u8],
    encrypted: &Encrypted,
) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    // both before any cryptography: a shortened tag is easier to guess
    if key.len() != enc.key_size() || encrypted.tag.len() != TAG_SIZE {
        return Err(Unspecified);
    }
    match gcm(enc, key)? {
        Some(gcm) => open_gcm(&gcm, aad, encrypted),
        None => open_cbc(key, aad, encrypted),
    }
}

/// Encrypts `payload` under a fresh initialization vector (RFC 7516 §5.1, steps 9 to 15).
pub(super) fn seal(
    enc: ContentEncryption,
    key: &[u8],
    aad: &[u8],
    payload: &[u8],
) -> Result<Encrypted, Unspecified> {
    if key.len() != enc.key_size() {
        return Err(Unspecified);
    }
    match gcm(enc, key)? {
        Some(gcm) => seal_gcm(&gcm, aad, payload),
        None => seal_cbc(key, aad, payload),
    }
}

/// The GCM key of `enc`, when it is a GCM one.
fn gcm(enc: ContentEncryption, key: &[u8]) -> Result<Option<LessSafeKey>, Unspecified> {
    let algorithm = match enc {
        ContentEncryption::A128Gcm => &aead::AES_128_GCM,
        ContentEncryption::A256Gcm => &aead::AES_256_GCM,
        ContentEncryption::A128CbcHs256 => return Ok(None),
    };
    Ok(Some(LessSafeKey::new(UnboundKey::new(algorithm, key)?)))
}

fn open_gcm(
    key: &LessSafeKey,
    aad: &[u8],
    encrypted: &Encrypted,
) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    let nonce = Nonce::try_assume_unique_for_key(&encrypted.iv)?; // 96 bits, RFC 7518 §5.3
    let mut text = Zeroizing::new(encrypted.ciphertext.clone());
    key.open_in_place_separate_tag(nonce, Aad::from(aad), &encrypted.tag, &mut text)?;
    Ok(text)
}

fn seal_gcm(key: &LessSafeKey, aad: &[u8], payload: &[u8]) -> Result<Encrypted, Unspecified> {
    let mut iv = [0; aead::NONCE_LEN];
    rand::fill(&mut iv)?;
    let mut text = payload.to_vec();
    let nonce = Nonce::assume_unique_for_key(iv);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(aad), &mut text)?;
    Ok(Encrypted { iv: iv.to_vec(), ciphertext: text, tag: tag.as_ref().to_vec() })
}

/// RFC 7518 §5.2.2.2: the tag is compared before anything is decrypted, so padding tells nothing.
fn open_cbc(
    key: &[u8],
    aad: &[u8],
    encrypted: &Encrypted,
) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    let (mac, cipher) = halves(key)?;
    let iv = FixedLength::<16>::try_from(encrypted.iv.as_slice())?;
    let tag = cbc_tag(mac, aad, &encrypted.iv, &encrypted.ciphertext)?;
    if !digest::equal(&tag, &encrypted.tag) {
        return Err(Unspecified);
    }
    let cipher = PaddedBlockDecryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_128, cipher)?)?;
    let mut text = Zeroizing::new(encrypted.ciphertext.clone());
    let length = cipher.decrypt(&mut text, DecryptionContext::Iv128(iv))?.len();
    text.truncate(length);
    Ok(text)
}

/// RFC 7518 §5.2.2.1.
fn seal_cbc(key: &[u8], aad: &[u8], payload: &[u8]) -> Result<Encrypted, Unspecified> {
    let (mac, cipher) = halves(key)?;
    let mut iv = [0; 16];
    rand::fill(&mut iv)?;
    let cipher = PaddedBlockEncryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_128, cipher)?)?;
    let mut text = payload.to_vec();
    cipher.less_safe_encrypt(&mut text, EncryptionContext::Iv128(FixedLength::from(iv)))?;
    let tag = cbc_tag(mac, aad, &iv, &text)?;
    Ok(Encrypted { iv: iv.to_vec(), ciphertext: text, tag })
}

/// The key of the MAC, then that of the cipher (RFC 7518 §5.2.2.1, step 1).
fn halves(key: &[u8]) -> Result<(&[u8], &[u8]), Unspecified> {
    key.split_at_checked(16).ok_or(Unspecified)
}

/// HMAC over AAD, IV, ciphertext and the AAD's length in bits, cut in half (RFC 7518 §5.2.2.1).
fn cbc_tag(key: &[u8], aad: &[u8], iv: &[u8], ciphertext: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let bits = u64::try_from(aad.len()).map_err(|_| Unspecified)? * 8;
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in [aad, iv, ciphertext, &bits.to_be_bytes()] {
        mac.update(part);
    }
    Ok(mac.sign().as_ref().iter().take(TAG_SIZE).copied().collect())
}

/// The length of each algorithm's tag, in octets (RFC 7518 §5.2.3, §5.3).
const TAG_SIZE: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<_> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
        digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect()
    }

    const AAD: &[u8] = b"The second principle of Auguste Kerckhoffs";
    const TEXT: &[u8] = b"A cipher system must not be required to be secret, and it must be able \
        to fall into the hands of the enemy without inconvenience";

    #[test]
    fn the_example_of_rfc_7518_b1_is_decrypted_and_guarded() {
        let key = hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
        let iv = hex("1af38c2dc2b96ffdd86694092341bc04");
        let ciphertext = hex("c80edfa32ddf39d5ef00c0b468834279a2e46a1b8049f792f76bfe54b903a9c9\
             a94ac9b47ad2655c5f10f9aef71427e2fc6f9b3f399a221489f16362c7032336\
             09d45ac69864e3321cf82935ac4096c86e133314c54019e8ca7980dfa4b9cf1b\
             384c486f3a54c51078158ee5d79de59fbd34d848b3d69550a67646344427ade5\
             4b8851ffb598f7f80074b9473c82e2db");
        let tag = hex("652c3fa36b0a7c5b3219fab3a30bc1c4");
        let enc = ContentEncryption::A128CbcHs256;

        let good = Encrypted { iv, ciphertext, tag };
        assert_eq!(open(enc, &key, AAD, &good).unwrap().as_slice(), TEXT);

        assert!(open(enc, &key, &AAD[1..], &good).is_err());
        assert!(open(enc, &key[1..], AAD, &good).is_err());
        let refused = |change: fn(&mut Encrypted)| {
            let mut other = good.clone();
            change(&mut other);
            assert!(open(enc, &key, AAD, &other).is_err());
        };
        refused(|other| other.tag.truncate(15));
        refused(|other| other.tag.clear());
        refused(|other| other.iv.truncate(12));
        refused(|other| other.ciphertext.truncate(other.ciphertext.len() - 16));
    }

    #[test]
    fn content_of_any_length_comes_back() {
        for enc in ContentEncryption::ALL {
            let key = vec![7; enc.key_size()];
            for length in [0, 1, 15, 16, 17, 1000] {
                let payload = vec![b'x'; length];
                let encrypted = seal(enc, &key, AAD, &payload).unwrap();
                let opened = open(enc, &key, AAD, &encrypted).unwrap();
                assert_eq!(opened.as_slice(), payload, "{enc} {length}");
            }
            assert!(seal(enc, &key[1..], AAD, b"").is_err(), "{enc}");
        }
    }
}
