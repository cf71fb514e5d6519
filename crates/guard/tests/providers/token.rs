//! A token as its fixture has it, changed as a test wants it, and signed.

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    RSA_PKCS1_SHA256, RsaKeyPair,
};
use bailiwick_jose::{Algorithm, Jwks, SigningKey, base64url};
use serde_json::{Value, json};

/// The issuer's key, and one of nobody's.
struct Pair {
    issuers: SigningKey,
    strangers: SigningKey,
}

impl Pair {
    fn generate(algorithm: Algorithm) -> Self {
        let key = || SigningKey::generate(algorithm).unwrap();
        Self { issuers: key(), strangers: key() }
    }
}

static RS256: LazyLock<Pair> = LazyLock::new(|| Pair::generate(Algorithm::Rs256));
static ES256: LazyLock<Pair> = LazyLock::new(|| Pair::generate(Algorithm::Es256));
static ES384: LazyLock<Pair> = LazyLock::new(|| Pair::generate(Algorithm::Es384));

fn pair(algorithm: Algorithm) -> &'static Pair {
    match algorithm {
        Algorithm::Rs256 => &RS256,
        Algorithm::Es256 => &ES256,
        Algorithm::Es384 => &ES384,
        other => panic!("no fixture is signed with {other}"),
    }
}

/// A token that is not signed yet.
#[derive(Clone)]
pub(crate) struct Token {
    header: Value,
    pub(crate) claims: Value,
}

impl Token {
    pub(crate) fn read(fixture: &str) -> Self {
        let mut fixture: Value = serde_json::from_str(fixture).unwrap();
        Self { header: fixture["header"].take(), claims: fixture["claims"].take() }
    }

    /// With a claim set.
    pub(crate) fn with(mut self, claim: &str, value: impl Into<Value>) -> Self {
        self.claims[claim] = value.into();
        self
    }

    /// Without a claim, which need not be there.
    pub(crate) fn without(mut self, claim: &str) -> Self {
        self.claims.as_object_mut().unwrap().remove(claim);
        self
    }

    /// With a header member set.
    pub(crate) fn headed(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.header[member] = value.into();
        self
    }

    /// The algorithm that the fixture is signed with.
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.header["alg"].as_str().unwrap().parse().unwrap()
    }

    /// The keys that its issuer publishes; `owner` is the issuer that they are said to be of.
    pub(crate) fn keys(&self, owner: Option<&str>) -> Jwks {
        let mut jwk = pair(self.algorithm()).issuers.verifying_key().to_jwk();
        jwk["kid"] = self.header["kid"].clone();
        if let Some(owner) = owner {
            jwk["issuer"] = owner.into();
        }
        Jwks::from_json(&json!({ "keys": [jwk] })).unwrap()
    }

    /// Signed by its issuer.
    pub(crate) fn signed(&self) -> String {
        self.signed_by(&pair(self.algorithm()).issuers)
    }

    /// Signed by somebody else who says the same.
    pub(crate) fn forged(&self) -> String {
        self.signed_by(&pair(self.algorithm()).strangers)
    }

    /// Signed by its issuer, with another `alg` written over it.
    pub(crate) fn relabelled(&self, alg: &str) -> String {
        self.clone().headed("alg", alg).signed_by(&pair(self.algorithm()).issuers)
    }

    fn signed_by(&self, key: &SigningKey) -> String {
        let part = |value: &Value| base64url::encode(value.to_string().as_bytes());
        let input = format!("{}.{}", part(&self.header), part(&self.claims));
        let signature = signature(key, input.as_bytes());
        format!("{input}.{}", base64url::encode(&signature))
    }
}

fn signature(key: &SigningKey, input: &[u8]) -> Vec<u8> {
    let (random, der) = (SystemRandom::new(), key.to_pkcs8());
    let ecdsa = |algorithm| {
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, &der).unwrap();
        pair.sign(&random, input).unwrap().as_ref().to_vec()
    };
    match key.algorithm() {
        Algorithm::Es256 => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING),
        Algorithm::Es384 => ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING),
        _ => {
            let pair = RsaKeyPair::from_pkcs8(&der).unwrap();
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &random, input, &mut signature).unwrap();
            signature
        }
    }
}
