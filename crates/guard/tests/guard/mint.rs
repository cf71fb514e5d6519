//! An issuer that signs whatever it is told to, and the one helper that judges the result.

use std::sync::LazyLock;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use bailiwick_guard::dpop::{LIFETIME, Nonces, Shown};
use bailiwick_guard::opaque;
use bailiwick_guard::{
    Admission, Audience, Authentic, Binding, Facts, Implied, Keys, Moment, Permit, Presented,
    Profile, Refusal, Request, Rule, Scheme, ScopeRule, Sender, Stop, Trust, Trusted, Want,
};
use bailiwick_jose::{Algorithm, DecryptionKey, Jwks, SigningKey, base64url};
use bailiwick_oauth::introspect::Received;
use bailiwick_oauth::{Issuer, Resource, Scopes, dpop};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Value, json};

pub(crate) const NOW: i64 = 1_700_000_000;
pub(crate) const ISSUER: &str = "https://id.example.com";
pub(crate) const RESOURCE: &str = "https://api.example.com/orders";

pub(crate) struct World {
    pub(crate) es256: SigningKey,
    pub(crate) rs256: SigningKey,
    pub(crate) stranger: SigningKey,
    /// The key that DPoP proofs are made with.
    pub(crate) sender: SigningKey,
    pub(crate) keys: Jwks,
    pub(crate) trust: Trust,
    pub(crate) audience: Audience,
    pub(crate) rule: Rule,
    pub(crate) implied: Implied,
}

pub(crate) static WORLD: LazyLock<World> = LazyLock::new(|| {
    let es256 = SigningKey::generate(Algorithm::Es256).unwrap();
    let rs256 = SigningKey::generate(Algorithm::Rs256).unwrap();
    let keys = [&es256, &rs256].map(|key| key.verifying_key().clone());
    World {
        keys: Jwks::from_keys(keys.to_vec()),
        stranger: SigningKey::generate(Algorithm::Es256).unwrap(),
        sender: SigningKey::generate(Algorithm::Es256).unwrap(),
        trust: Trust::new(Issuer::parse(ISSUER).unwrap()),
        audience: Audience {
            also: vec!["orders".to_owned()],
            ..Audience::new(Resource::parse(RESOURCE).unwrap())
        },
        rule: ScopeRule::AllOf(Scopes::parse("read:orders").unwrap()).into(),
        implied: Implied::default(),
        es256,
        rs256,
    }
});

/// The claims of a token that passes.
pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "alice", "aud": RESOURCE, "client_id": "shop",
        "scope": "read:orders", "jti": "1", "iat": NOW - 60, "exp": NOW + 60,
    })
}

/// Those claims, with one of them set; `null` removes it.
pub(crate) fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    match value {
        Value::Null => _ = claims.as_object_mut().unwrap().remove(name),
        value => claims[name] = value,
    }
    claims
}

/// The header of a token that passes.
pub(crate) fn header() -> Value {
    json!({ "alg": "ES256", "typ": "at+jwt", "kid": WORLD.es256.kid() })
}

/// A token that is signed properly, whatever it claims.
pub(crate) fn token(claims: &Value) -> String {
    WORLD.es256.sign_json("at+jwt", claims).unwrap()
}

/// A token with this text for a header, signed with `key` over exactly that.
pub(crate) fn raw(key: &SigningKey, header: &str, payload: &str) -> String {
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key.to_pkcs8()).unwrap();
    let input = format!(
        "{}.{}",
        base64url::encode(header.as_bytes()),
        base64url::encode(payload.as_bytes())
    );
    let signature = pair.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
    format!("{input}.{}", base64url::encode(signature.as_ref()))
}

/// A token with this header, signed properly.
pub(crate) fn headed(header: &Value) -> String {
    raw(&WORLD.es256, &header.to_string(), &claims().to_string())
}

/// Trust in the issuer with another profile.
pub(crate) fn trust(profile: Profile) -> Trust {
    Trust { profile, ..WORLD.trust.clone() }
}

/// Judges a token at [`NOW`]; see [`judge`].
#[track_caller]
pub(crate) fn verdict(token: &str, expected: &str) {
    judge(token, &WORLD.trust, Some(&WORLD.keys), expected);
}

/// Judges a token: `expected` is `passed`, `missing`, or the code of a reason.
#[track_caller]
pub(crate) fn judge(token: &str, trust: &Trust, keys: Option<&Jwks>, expected: &str) {
    assert_eq!(outcome(&stop(token, trust, keys)), expected, "{token}");
}

/// The refusal of a token.
#[track_caller]
pub(crate) fn refusal(token: &str) -> Refusal {
    match stop(token, &WORLD.trust, Some(&WORLD.keys)) {
        Err(Stop::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

fn stop(token: &str, trust: &Trust, keys: Option<&Jwks>) -> Result<(), Stop> {
    run(&Presented::from_token(token)?, &[Trusted { trust, keys }]).map(drop)
}

/// Runs all the stages for a bearer token.
pub(crate) fn run(presented: &Presented<'_>, issuers: &[Trusted<'_>]) -> Result<Permit, Stop> {
    let attempt = Attempt { issuers: issuers.to_vec(), ..Attempt::bearer("") };
    match attempt.judge(presented)? {
        Admission::Now(permit) => Ok(permit),
        Admission::Once(once) => Ok(once.is_first()),
    }
}

/// What came of a request: `passed`, `missing`, or the code of a reason.
pub(crate) fn outcome<T>(found: &Result<T, Stop>) -> &'static str {
    match found {
        Ok(_) => "passed",
        Err(Stop::Missing(_)) => "missing",
        Err(Stop::Refused(refusal)) => refusal.reason().as_str(),
    }
}

/// A request, and the server that it meets; a test changes what it is about.
pub(crate) struct Attempt<'a> {
    pub(crate) headers: HeaderMap,
    pub(crate) query: Option<&'a str>,
    pub(crate) method: Method,
    pub(crate) uri: &'a str,
    pub(crate) certificate: Option<[u8; 32]>,
    pub(crate) issuers: Vec<Trusted<'a>>,
    pub(crate) decryption: &'a [DecryptionKey],
    pub(crate) moment: Moment<'a>,
    pub(crate) nonces: &'a dyn Nonces,
    pub(crate) audience: &'a Audience,
    pub(crate) binding: Binding,
    pub(crate) implied: &'a Implied,
    pub(crate) rule: &'a Rule,
}

impl Attempt<'static> {
    /// A request with a bearer token at the orders API, which trusts the one issuer.
    pub(crate) fn bearer(token: &str) -> Self {
        Self::with_headers(&[("Authorization", &format!("Bearer {token}"))])
    }

    /// A request with a bound token and a proof for it.
    pub(crate) fn dpop(token: &str, proof: &str) -> Self {
        Self::with_headers(&[("Authorization", &format!("DPoP {token}")), ("DPoP", proof)])
    }

    /// A request with these headers.
    pub(crate) fn with_headers(headers: &[(&'static str, &str)]) -> Self {
        let World { trust, keys, audience, implied, rule, .. } = &*WORLD;
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        Self {
            headers: map,
            query: None,
            method: Method::GET,
            uri: RESOURCE,
            certificate: None,
            issuers: vec![Trusted { trust, keys: Some(keys) }],
            decryption: &[],
            moment: Moment::at(NOW),
            nonces: &(),
            audience,
            binding: Binding::AsTheTokenSays,
            implied,
            rule,
        }
    }
}

impl Attempt<'_> {
    /// Runs all the stages, the token verified.
    pub(crate) fn verdict(&self) -> Result<Admission, Stop> {
        self.judge(&Presented::from_request(&self.headers, self.query)?)
    }

    fn judge(&self, presented: &Presented<'_>) -> Result<Admission, Stop> {
        let keys = Keys { issuers: &self.issuers, decryption: self.decryption };
        bailiwick_guard::verdict(presented, &keys, &self.facts(presented.scheme()), &self.want())
    }

    /// Runs all the stages, the token looked up.
    pub(crate) fn looked_up(&self, trust: &Trust, answer: &Value) -> Result<Admission, Stop> {
        let presented = Presented::from_request(&self.headers, self.query)?;
        let answer = Received::read(answer.to_string().as_bytes()).unwrap();
        let authentic = opaque::looked_up(&presented, trust, answer)?;
        authentic.verdict(&self.facts(presented.scheme()), &self.want())
    }

    /// Runs the stages after the first two for a token that was kept.
    pub(crate) fn again(&self, kept: &Authentic) -> Result<Admission, Stop> {
        kept.clone().verdict(&self.facts(Scheme::Bearer), &self.want())
    }

    /// Judges the request; see [`outcome`].
    #[track_caller]
    pub(crate) fn ends(&self, expected: &str) {
        let found = self.verdict();
        assert_eq!(outcome(&found), expected, "{found:?}");
    }

    /// The refusal of the request.
    #[track_caller]
    pub(crate) fn refusal(&self) -> Refusal {
        match self.verdict() {
            Err(Stop::Refused(refusal)) => refusal,
            other => panic!("{other:?}"),
        }
    }

    fn facts(&self, scheme: Scheme) -> Facts<'_> {
        let Self { headers, method, uri, nonces, .. } = self;
        let dpop = Some(Shown { headers, method, uri, lifetime: LIFETIME, nonces: *nonces });
        Facts {
            moment: self.moment,
            sender: Sender { scheme, dpop, certificate: self.certificate },
            request: Request { method, path: "/orders" },
        }
    }

    fn want(&self) -> Want<'_> {
        let Self { audience, binding, implied, rule, .. } = *self;
        Want { audience, binding, implied, rule }
    }
}

/// The claims of a token that is bound to the sender's key.
pub(crate) fn bound_claims() -> Value {
    with("cnf", json!({ "jkt": WORLD.sender.kid() }))
}

/// A token that is bound to the sender's key.
pub(crate) fn bound() -> String {
    token(&bound_claims())
}

/// The claims of a proof that goes with a token.
pub(crate) fn proof_claims(token: &str) -> Value {
    let claims = dpop::ProofClaims::new("p1".to_owned(), &Method::GET, RESOURCE, NOW).unwrap();
    serde_json::to_value(claims.with_token(token)).unwrap()
}

/// A proof with these claims, made with a key that it carries.
pub(crate) fn proof(key: &SigningKey, claims: &Value) -> String {
    let jwk = json!({ "jwk": key.verifying_key().to_bare_jwk() });
    key.sign_with(dpop::TYPE, jwk.as_object().unwrap(), claims.to_string().as_bytes()).unwrap()
}

/// A request with a bound token and a proof of which one claim is set; `null` removes it.
pub(crate) fn proven(name: &str, value: Value) -> Attempt<'static> {
    proven_for(&bound(), name, value)
}

/// The same for a token that is at hand.
pub(crate) fn proven_for(token: &str, name: &str, value: Value) -> Attempt<'static> {
    let mut claims = proof_claims(token);
    match value {
        Value::Null => _ = claims.as_object_mut().unwrap().remove(name),
        value => claims[name] = value,
    }
    Attempt::dpop(token, &proof(&WORLD.sender, &claims))
}

/// A request with a bound token and a proof of which one header member is set; `null` removes it.
pub(crate) fn proven_with_header(name: &str, value: Value) -> Attempt<'static> {
    proven_with_header_for(&bound(), name, value)
}

/// The same for a token that is at hand.
pub(crate) fn proven_with_header_for(token: &str, name: &str, value: Value) -> Attempt<'static> {
    let jwk = WORLD.sender.verifying_key().to_bare_jwk();
    let mut header = json!({ "alg": "ES256", "typ": dpop::TYPE, "jwk": jwk });
    match value {
        Value::Null => _ = header.as_object_mut().unwrap().remove(name),
        value => header[name] = value,
    }
    let claims = proof_claims(token);
    Attempt::dpop(token, &raw(&WORLD.sender, &header.to_string(), &claims.to_string()))
}

/// The nonces of a server that gave one to one key.
pub(crate) struct Given(pub(crate) &'static str, pub(crate) String);

impl Nonces for Given {
    fn accept(&self, nonce: Option<&str>, thumbprint: &str, now: i64) -> bool {
        nonce == Some(self.0) && thumbprint == self.1 && now == NOW
    }
}

/// The key that [`sealed`] encrypts with, as its recipient holds it.
pub(crate) fn shared_key() -> DecryptionKey {
    let k = base64url::encode(&SHARED);
    DecryptionKey::from_jwk(&json!({ "kty": "oct", "alg": "dir", "kid": "shared", "k": k }))
        .unwrap()
}

pub(crate) const SHARED: [u8; 32] = *b"a key that two sides know alread";

/// An encrypted token with any header and content, sealed properly with `key`.
pub(crate) fn sealed_with(key: &[u8; 32], header: &Value, content: &[u8]) -> String {
    let header = base64url::encode(header.to_string().as_bytes());
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap());
    let (iv, mut text) = ([7; 12], content.to_vec());
    let nonce = Nonce::assume_unique_for_key(iv);
    let tag =
        key.seal_in_place_separate_tag(nonce, Aad::from(header.as_bytes()), &mut text).unwrap();
    let [iv, text, tag] = [&iv[..], &text, tag.as_ref()].map(base64url::encode);
    format!("{header}..{iv}.{text}.{tag}")
}

/// An encrypted token for the [shared key](shared_key): one header member is set; `null` removes it.
pub(crate) fn sealed(name: &str, value: Value, content: &[u8]) -> String {
    let mut header = json!({ "alg": "dir", "enc": "A256GCM", "kid": "shared", "cty": "JWT" });
    match value {
        Value::Null => _ = header.as_object_mut().unwrap().remove(name),
        value => header[name] = value,
    }
    sealed_with(&SHARED, &header, content)
}
