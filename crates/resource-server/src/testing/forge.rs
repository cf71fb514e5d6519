//! Signs and seals whatever it is told to, with headers that `jose` would never write (RFC 7515 §5.1,
//! RFC 7516 §5.1).

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING,
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair,
    RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use aws_lc_rs::{hmac, rand};
use bailiwick_jose::{Algorithm, SigningKey, base64url};

/// Header and payload as they are signed.
pub(super) fn input(header: &str, payload: &str) -> String {
    [header, payload].map(|text| base64url::encode(text.as_bytes())).join(".")
}

/// A token with these very texts, signed as the key signs.
pub(super) fn token(key: &SigningKey, header: &str, payload: &str) -> String {
    let input = input(header, payload);
    let signature = sign(key, input.as_bytes());
    with_signature(&input, &signature)
}

/// A token of an input and any signature.
pub(super) fn with_signature(input: &str, signature: &[u8]) -> String {
    format!("{input}.{}", base64url::encode(signature))
}

/// A key's own signature.
pub(super) fn sign(key: &SigningKey, message: &[u8]) -> Vec<u8> {
    match key.algorithm() {
        Algorithm::Rs256 => sign_rsa(key, &RSA_PKCS1_SHA256, message),
        Algorithm::Ps256 => sign_rsa(key, &RSA_PSS_SHA256, message),
        Algorithm::Es256 => sign_ecdsa(key, &ECDSA_P256_SHA256_FIXED_SIGNING, message),
        Algorithm::Es384 => sign_ecdsa(key, &ECDSA_P384_SHA384_FIXED_SIGNING, message),
        Algorithm::EdDsa => {
            let pair = Ed25519KeyPair::from_pkcs8(&key.to_pkcs8()).expect("a key of ours");
            pair.sign(message).as_ref().to_vec()
        }
    }
}

/// An RSA key's signature in another encoding than its own.
pub(super) fn sign_rsa(
    key: &SigningKey,
    encoding: &'static dyn RsaEncoding,
    message: &[u8],
) -> Vec<u8> {
    let pair = RsaKeyPair::from_pkcs8(&key.to_pkcs8()).expect("an RSA key of ours");
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), message, &mut signature).expect("randomness");
    signature
}

/// The signature of a P-256 key in DER, as certificates have it (RFC 3279 §2.2.3).
pub(super) fn sign_der(key: &SigningKey, message: &[u8]) -> Vec<u8> {
    sign_ecdsa(key, &ECDSA_P256_SHA256_ASN1_SIGNING, message)
}

fn sign_ecdsa(
    key: &SigningKey,
    algorithm: &'static EcdsaSigningAlgorithm,
    message: &[u8],
) -> Vec<u8> {
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, &key.to_pkcs8()).expect("a key of ours");
    pair.sign(&SystemRandom::new(), message).expect("randomness").as_ref().to_vec()
}

/// An HS256 token (RFC 7518 §3.2).
pub(super) fn symmetric(secret: &[u8], header: &str, payload: &str) -> String {
    let input = input(header, payload);
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    with_signature(&input, hmac::sign(&key, input.as_bytes()).as_ref())
}

/// An encrypted token with any header, its content sealed with `key` itself.
pub(super) fn sealed(key: &[u8; 32], header: &str, content: &[u8]) -> String {
    let header = base64url::encode(header.as_bytes());
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("a key of that length"));
    let (iv, mut text) = (random::<12>(), content.to_vec());
    let nonce = Nonce::assume_unique_for_key(iv);
    let tag = key
        .seal_in_place_separate_tag(nonce, Aad::from(header.as_bytes()), &mut text)
        .expect("a short text");
    let [iv, text, tag] = [&iv[..], &text, tag.as_ref()].map(base64url::encode);
    format!("{header}..{iv}.{text}.{tag}")
}

/// Octets that nobody knows.
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut octets = [0; N];
    rand::fill(&mut octets).expect("randomness");
    octets
}

/// A name that nothing else has.
pub(super) fn name() -> String {
    base64url::encode(&random::<16>())
}
