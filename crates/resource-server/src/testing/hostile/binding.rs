//! Tokens in the wrong hands (RFC 9449 §4.3, §7.1, RFC 8705 §3).

use bailiwick_guard::Reason::{
    self, BindingMismatch, CertificateMissing, ClaimMalformed, NonceRequired, ProofInvalid,
    ProofMissing,
};
use bailiwick_jose::{Algorithm, base64url};
use bailiwick_oauth::dpop::token_hash;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};

use super::plan::{DPOP, Plan, authorization, set};
use super::{EVIL, value};
use crate::testing::{TestClient, forge};

/// Longer than any proof is good for.
const LONG: i64 = 3600;

pub(super) fn add(plan: &mut Plan<'_>) {
    let bound = Bound::new(plan);
    without_proof(plan, &bound);
    with_another_proof(plan, &bound);
    with_a_broken_proof(plan, &bound);
    certificates(plan);
    unknown(plan, &bound);
}

pub(super) fn add_nonces(plan: &mut Plan<'_>) {
    let bound = Bound::new(plan);
    let stranger = plan.issuer.client();
    let now = plan.now;
    let nonce = |thumbprint: &str, at: i64| {
        plan.issuer.dpop().nonce(thumbprint, at).expect("an API that asks for nonces")
    };
    let (own, long_ago, anothers) = (
        nonce(bound.client.thumbprint(), now),
        nonce(bound.client.thumbprint(), now - LONG),
        nonce(stranger.thumbprint(), now),
    );
    plan.next("a proof that was made long before it is needed");
    for (name, nonce) in [
        ("proof without the nonce", Value::Null),
        ("proof with an invented nonce", "nonce".into()),
        ("proof with an empty nonce", "".into()),
        ("proof with a changed nonce", own[..own.len() - 1].into()),
        ("proof with an old nonce", long_ago.into()),
        ("proof with another key's nonce", anothers.into()),
    ] {
        bound.proof_with(plan, name, &[NonceRequired], "nonce", nonce);
    }
}

/// A token that is bound to a client's key, and all that a good proof for it says.
pub(super) struct Bound {
    client: TestClient,
    token: String,
    claims: Value,
}

impl Bound {
    pub(super) fn new(plan: &Plan<'_>) -> Self {
        let client = plan.issuer.client();
        let token = plan.claiming("cnf", json!({ "jkt": client.thumbprint() }));
        let claims = json!({
            "jti": forge::name(), "htm": plan.aim.method.as_str(), "htu": plan.aim.uri,
            "iat": plan.now, "ath": token_hash(&token),
        });
        Self { client, token, claims }
    }

    pub(super) fn proof(&self) -> String {
        self.client.sign(&self.client.header(), &self.claims)
    }

    /// The token with a proof.
    pub(super) fn headers(&self, proof: &str) -> HeaderMap {
        let mut headers = authorization(&format!("DPoP {}", self.token));
        headers.insert(DPOP, value(proof));
        headers
    }

    /// Adds a request whose proof has one claim set; `null` removes it.
    fn proof_with(
        &self,
        plan: &mut Plan<'_>,
        name: &str,
        expected: &'static [Reason],
        claim: &str,
        value: Value,
    ) {
        let claims = set(self.claims.clone(), claim, value);
        let proof = self.client.sign(&self.client.header(), &claims);
        plan.add(name, expected, self.headers(&proof));
    }

    /// Adds a request whose proof has one header member set; `null` removes it.
    fn headed(&self, plan: &mut Plan<'_>, name: &str, member: &str, value: Value) {
        let header = set(self.client.header(), member, value);
        let proof = self.client.sign(&header, &self.claims);
        plan.add(name, &[ProofInvalid], self.headers(&proof));
    }
}

fn without_proof(plan: &mut Plan<'_>, bound: &Bound) {
    plan.next("a stolen token is used by whoever has it");
    plan.bearer("bound to a key, sent plainly", &[ProofMissing], &bound.token);
    let mut plainly = bound.headers(&bound.proof());
    plainly.insert(AUTHORIZATION, value(&format!("Bearer {}", bound.token)));
    plan.add("bound to a key, plainly with its proof", &[ProofMissing], plainly);
    let alone = authorization(&format!("DPoP {}", bound.token));
    plan.add("bound to a key, without a proof", &[ProofMissing], alone);
    plan.next("a bearer token is believed to be bound");
    let token = plan.good();
    let claims = set(bound.claims.clone(), "ath", token_hash(&token).into());
    let mut unbound = authorization(&format!("DPoP {token}"));
    unbound.insert(DPOP, value(&bound.client.sign(&bound.client.header(), &claims)));
    plan.add("bound to nothing, sent as bound", &[BindingMismatch], unbound);
}

fn with_another_proof(plan: &mut Plan<'_>, bound: &Bound) {
    let stranger = plan.issuer.client();
    plan.next("a stolen token is used with the thief's own key");
    let proof = stranger.sign(&stranger.header(), &bound.claims);
    plan.add("proof by another key", &[BindingMismatch], bound.headers(&proof));
    let proof = stranger.sign(&bound.client.header(), &bound.claims);
    plan.add("proof by another key than it carries", &[ProofInvalid], bound.headers(&proof));
    let other = TestClient::new(Algorithm::EdDsa, plan.issuer.clock().clone());
    let proof = other.sign(&other.header(), &bound.claims);
    plan.add("proof by a key of another type", &[BindingMismatch], bound.headers(&proof));

    plan.next("a proof that was seen elsewhere is used for another request");
    let method = if plan.aim.method == "PUT" { "DELETE" } else { "PUT" };
    let uri = plan.aim.uri.clone();
    let later = plan.now + LONG;
    for (name, claim, value) in [
        ("proof for another method", "htm", method.into()),
        (
            "proof for the method in lower case",
            "htm",
            plan.aim.method.as_str().to_lowercase().into(),
        ),
        ("proof for another host", "htu", EVIL.into()),
        ("proof for another path", "htu", format!("{uri}/x").into()),
        ("proof for plain http", "htu", uri.replacen("https:", "http:", 1).into()),
        ("proof for another port", "htu", with_port(&uri).into()),
        ("proof for a path alone", "htu", plan.aim.target().into()),
        ("proof for another token", "ath", token_hash("x").into()),
        ("proof for no token", "ath", Value::Null),
        ("proof for the token itself, not its hash", "ath", bound.token.clone().into()),
        ("proof too old", "iat", (plan.now - LONG).into()),
        ("proof from the future", "iat", later.into()),
    ] {
        // A resource that is called by plain http has nothing else to be told from.
        if value != uri.as_str() {
            bound.proof_with(plan, name, &[ProofInvalid], claim, value);
        }
    }
    let mut two = bound.headers(&bound.proof());
    two.append(DPOP, value(&bound.proof()));
    plan.add("two proofs", &[ProofInvalid], two);
}

/// The same URI at another port.
fn with_port(uri: &str) -> String {
    let (scheme, rest) = uri.split_once("://").unwrap_or(("https", uri));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.split(':').next().unwrap_or(authority);
    format!("{scheme}://{host}:1{path}")
}

fn with_a_broken_proof(plan: &mut Plan<'_>, bound: &Bound) {
    plan.next("a proof that says too little to be checked");
    for (name, claim, value) in [
        ("proof without htm", "htm", Value::Null),
        ("proof without htu", "htu", Value::Null),
        ("proof without iat", "iat", Value::Null),
        ("proof with iat a string", "iat", plan.now.to_string().into()),
        ("proof without jti", "jti", Value::Null),
        ("proof with a jti too long to remember", "jti", "x".repeat(5000).into()),
    ] {
        bound.proof_with(plan, name, &[ProofInvalid], claim, value);
    }
    plan.next("a proof that proves nothing");
    let jwk = bound.client.header()["jwk"].clone();
    let private = set(jwk.clone(), "d", base64url::encode(&[1; 32]).into());
    let symmetric = json!({ "kty": "oct", "k": base64url::encode(&[1; 32]) });
    for (name, member, value) in [
        ("proof with a private key", "jwk", private),
        ("proof with a symmetric key", "jwk", symmetric),
        ("proof with its key in a text", "jwk", jwk.to_string().into()),
        ("proof without a key", "jwk", Value::Null),
        ("proof with alg none", "alg", "none".into()),
        ("proof with alg HS256", "alg", "HS256".into()),
        ("proof with alg of another type", "alg", "RS256".into()),
        ("proof with typ JWT", "typ", "JWT".into()),
        ("proof with typ at+jwt", "typ", "at+jwt".into()),
        ("proof without typ", "typ", Value::Null),
        ("proof with crit", "crit", json!(["x"])),
    ] {
        bound.headed(plan, name, member, value);
    }
    let proof = bound.proof();
    let (unsigned, _) = proof.rsplit_once('.').unwrap_or_default();
    plan.add(
        "proof without its signature",
        &[ProofInvalid],
        bound.headers(&format!("{unsigned}.")),
    );
    plan.add("the token as its own proof", &[ProofInvalid], bound.headers(&bound.token));
    plan.add("proof empty", &[ProofInvalid], bound.headers(""));
}

fn certificates(plan: &mut Plan<'_>) {
    let (own, other) = (Plan::certificate(1), Plan::certificate(2));
    let cnf = json!({ "x5t#S256": base64url::encode(own.digest()) });
    let token = plan.claiming("cnf", cnf);
    plan.next("a stolen token is used without its owner's certificate");
    plan.bearer("bound to a certificate, none shown", &[CertificateMissing], &token);
    // Where the connection's end is somewhere else, no certificate is shown at all.
    const OTHER: &[Reason] = &[BindingMismatch, CertificateMissing];
    let shown = plan.bearer("bound to a certificate, another shown", OTHER, &token);
    shown.certificate = Some(other);
    plan.next("anybody can write a header");
    let said =
        plan.bearer("bound to a certificate, said in headers", &[CertificateMissing], &token);
    let encoded = base64url::encode(own.digest());
    for name in ["client-cert", "x-client-cert", "x-ssl-client-cert", "x-forwarded-client-cert"] {
        said.headers.insert(name, value(&encoded));
    }
    let client = plan.issuer.client();
    let both = json!({
        "jkt": client.thumbprint(), "x5t#S256": base64url::encode(own.digest()),
    });
    let token = plan.claiming("cnf", both);
    plan.next("of two bindings one is checked");
    let only = plan.bearer("bound to both, with the certificate alone", PROOF, &token);
    only.certificate = Some(own);
}

/// Without the certificate, that is missed first.
const PROOF: &[Reason] = &[ProofMissing, CertificateMissing];

fn unknown(plan: &mut Plan<'_>, bound: &Bound) {
    plan.next("a binding that is not understood is taken for none");
    for (name, cnf) in [
        ("bound in an unknown way", json!({ "kid": "x" })),
        (
            "bound in a known and an unknown way",
            json!({ "jkt": bound.client.thumbprint(), "x": "y" }),
        ),
        ("bound to a key that is no thumbprint", json!({ "jkt": "x" })),
        ("bound to nothing said", json!({})),
        ("bound by a text", json!("x")),
    ] {
        plan.claim(name, &[ClaimMalformed], "cnf", cnf);
    }
}
