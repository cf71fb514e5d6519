//! The server that every target attacks: fixed keys, one issuer, one resource, one moment.

use std::sync::LazyLock;

use aws_lc_rs::signature::Ed25519KeyPair;
use bailiwick_guard::dpop::{LIFETIME, Shown};
use bailiwick_guard::{
    Admission, Audience, Authentic, Binding, Facts, Implied, Keys, Moment, Presented, Profile,
    Request, Rule, ScopeRule, Sender, Stop, Trust, Trusted, Want,
};
use bailiwick_jose::{Algorithm, DecryptionKey, Jwks, SigningKey, base64url};
use bailiwick_oauth::{Issuer, Resource, Scopes};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Value, json};

/// The one moment at which everything is judged, in seconds since 1970.
pub const NOW: i64 = 1_700_000_000;

/// The resource that tokens must be for.
pub const RESOURCE: &str = "https://api.example.com/orders";

/// The issuer that is trusted.
pub(crate) const ISSUER: &str = "https://id.example.com";

/// The scope that the request needs.
pub(crate) const SCOPE: &str = "read:orders";

/// What the encrypted seeds hold.
pub const MESSAGE: &[u8] = b"the one message that was ever encrypted";

/// The keys of all parties, and what the server was told.
pub struct World {
    /// The issuer's keys.
    pub issuer: [SigningKey; 3],
    /// The key that DPoP proofs are made with.
    pub sender: SigningKey,
    /// What the server decrypts with.
    pub decryption: Vec<DecryptionKey>,
    /// A token that is bound to the sender's key.
    pub bound: String,
    /// The same keys once more, for headers that [`SigningKey`] would never write.
    raw: [Ed25519KeyPair; 2],
    pub(crate) keys: Jwks,
    pub(crate) trust: Trust,
    /// The same issuer, as it is trusted about opaque tokens.
    pub(crate) opaque: Trust,
    audience: Audience,
    rule: Rule,
    implied: Implied,
}

/// Who signs a raw token.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Signer {
    Issuer,
    Sender,
}

const ISSUER_EDDSA: &str = include_str!("../keys/issuer_eddsa.pem");
const SENDER_EDDSA: &str = include_str!("../keys/sender_eddsa.pem");

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let issuer = [
        (Algorithm::EdDsa, ISSUER_EDDSA),
        (Algorithm::Es256, include_str!("../keys/issuer_es256.pem")),
        (Algorithm::Rs256, include_str!("../keys/issuer_rs256.pem")),
    ]
    .map(|(algorithm, pem)| SigningKey::from_pem(algorithm, pem).unwrap());
    let sender = SigningKey::from_pem(Algorithm::EdDsa, SENDER_EDDSA).unwrap();
    let raw = [&issuer[0], &sender].map(|key| Ed25519KeyPair::from_pkcs8(&key.to_pkcs8()).unwrap());
    let decryption: Value = serde_json::from_str(include_str!("../keys/decryption.json")).unwrap();
    let decryption = decryption["keys"].as_array().unwrap();
    let trust = Trust::new(Issuer::parse(ISSUER).unwrap());
    let mut claims = claims();
    claims["cnf"] = json!({ "jkt": sender.kid() });
    World {
        bound: issuer[0].sign_json("at+jwt", &claims).unwrap(),
        keys: Jwks::from_keys(issuer.each_ref().map(|key| key.verifying_key().clone()).to_vec()),
        opaque: Trust { profile: Profile::introspection(), ..trust.clone() },
        trust,
        audience: Audience::new(Resource::parse(RESOURCE).unwrap()),
        rule: ScopeRule::AllOf(Scopes::parse(SCOPE).unwrap()).into(),
        implied: Implied::default(),
        decryption: decryption.iter().map(|jwk| DecryptionKey::from_jwk(jwk).unwrap()).collect(),
        issuer,
        sender,
        raw,
    }
});

impl World {
    /// The one there is.
    pub fn get() -> &'static Self {
        &WORLD
    }

    /// Runs all the stages for a request with this token, and this proof if any.
    pub(crate) fn verdict(
        &self,
        presented: &Presented<'_>,
        proof: Option<&str>,
    ) -> Result<Admission, Stop> {
        let issuers = [Trusted { trust: &self.trust, keys: Some(&self.keys) }];
        let keys = Keys { issuers: &issuers, decryption: &self.decryption };
        self.judge(&presented.authentic(&keys)?, presented, proof)
    }

    /// Runs the stages after the first two.
    pub(crate) fn judge(
        &self,
        authentic: &Authentic,
        presented: &Presented<'_>,
        proof: Option<&str>,
    ) -> Result<Admission, Stop> {
        let mut headers = HeaderMap::new();
        if let Some(proof) = proof {
            headers.insert("DPoP", HeaderValue::from_str(proof).unwrap());
        }
        let (method, nonces) = (&Method::GET, &());
        let dpop =
            Some(Shown { headers: &headers, method, uri: RESOURCE, lifetime: LIFETIME, nonces });
        let facts = Facts {
            moment: Moment::at(NOW),
            sender: Sender { scheme: presented.scheme(), dpop, certificate: None },
            request: Request { method, path: "/orders" },
        };
        let want = Want {
            audience: &self.audience,
            binding: Binding::AsTheTokenSays,
            implied: &self.implied,
            rule: &self.rule,
        };
        authentic.clone().verdict(&facts, &want)
    }

    /// A token with exactly this header and payload, and a right signature by EdDSA.
    pub(crate) fn sign(&self, signer: Signer, header: &[u8], payload: &[u8]) -> String {
        let input = format!("{}.{}", base64url::encode(header), base64url::encode(payload));
        let signature = self.raw[signer as usize].sign(input.as_bytes());
        format!("{input}.{}", base64url::encode(signature.as_ref()))
    }
}

/// The claims of a token that passes.
pub fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "alice", "aud": RESOURCE, "client_id": "shop",
        "scope": SCOPE, "jti": "1", "iat": NOW - 60, "exp": NOW + 60,
    })
}

/// A header and a payload as one input: the target signs them (the header has no line break).
pub fn signed(header: &Value, payload: &str) -> Vec<u8> {
    format!("{header}\n{payload}").into_bytes()
}
