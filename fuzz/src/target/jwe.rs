//! Encrypted tokens: none opens but those that were encrypted for us (RFC 7516 §5.2).

use std::sync::LazyLock;

use bailiwick_jose::{ContentEncryption, EncryptionKey, Jwe, Jws};

use crate::{MESSAGE, Outcome, World, seeds};

/// What was encrypted; whatever opens must be byte-equal to one of these.
static ENCRYPTED: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| seeds::good("jwe"));

/// The public half of the key that others send to.
static SHARED: LazyLock<EncryptionKey> =
    LazyLock::new(|| World::get().decryption[1].encryption_key().unwrap());

/// An encrypted token.
pub fn target(data: &[u8]) -> Outcome {
    round_trip(data);
    let Ok(text) = std::str::from_utf8(data) else { return Outcome::Refused };
    let Ok(jwe) = Jwe::parse(text) else { return Outcome::Refused };
    assert!(Jws::parse(text).is_err(), "one text is signed and encrypted");
    assert!(["crit", "zip", "b64"].iter().all(|name| jwe.header().member(name).is_none()));
    assert_eq!(text.split('.').count(), 5);
    let Ok(content) = jwe.decrypt(&World::get().decryption) else { return Outcome::Refused };
    assert!(ENCRYPTED.iter().any(|known| known == data), "what nobody encrypted was decrypted");
    assert_eq!(*content, MESSAGE);
    Outcome::Accepted
}

/// Anything that is encrypted comes out as it went in, and only whole.
fn round_trip(data: &[u8]) {
    if data.len() > 2048 {
        return;
    }
    let keys = &World::get().decryption;
    for enc in [ContentEncryption::A256Gcm, ContentEncryption::A128CbcHs256] {
        let sent = SHARED.encrypt(enc, None, data).unwrap();
        let jwe = Jwe::parse(&sent).unwrap();
        assert_eq!(*jwe.decrypt(keys).unwrap(), data, "{enc:?}");
        let cut =
            sent.rsplit_once('.').map(|(head, tag)| format!("{head}.{}", &tag[..tag.len() - 4]));
        let cut = cut.unwrap();
        let opened = Jwe::parse(&cut).is_ok_and(|jwe| jwe.decrypt(keys).is_ok());
        assert!(!opened, "a shortened tag was taken");
    }
}
