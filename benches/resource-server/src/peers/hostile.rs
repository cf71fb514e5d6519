//! What servers answer to tokens that are not to be let in; not measured, only told.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::load;
use super::process::Server;
use crate::Result;
use crate::mint::Mint;

/// What a request presents, in words.
pub type Presented = &'static str;

/// The status of each server's answer to each of them.
pub(super) fn answers(
    servers: &[Server],
    mints: &mut [Mint],
    issuer: &str,
) -> Result<Vec<(Presented, Vec<u16>)>> {
    let mint = mints.first_mut().ok_or("no issuer")?;
    let mut cases = vec![("a good token", Some(mint.token()?)), ("no token", None)];
    let mut with = |name, typ, changes| -> Result<()> {
        cases.push((name, Some(mint.token_with(typ, &changes)?)));
        Ok(())
    };
    with("a token that has expired", "at+jwt", json!({ "exp": 1_700_000_000 }))?;
    with("a token without an expiry", "at+jwt", json!({ "exp": null }))?;
    with("a token for another resource", "at+jwt", json!({ "aud": "http://127.0.0.1/other" }))?;
    with("a token without an audience", "at+jwt", json!({ "aud": null }))?;
    with("a token of another issuer", "at+jwt", json!({ "iss": format!("{issuer}/") }))?;
    with("a token without a client", "at+jwt", json!({ "client_id": null }))?;
    with("an ID token (typ JWT)", "JWT", json!({ "nonce": "n", "scope": null }))?;
    with("a logout token (typ logout+jwt)", "logout+jwt", json!({}))?;
    with("a token bound to a key (cnf)", "at+jwt", json!({ "cnf": { "jkt": "x".repeat(43) } }))?;
    let good = mint.token()?;
    cases.push(("a token with another signature", Some(forged(&good)?)));
    cases.push(("a token with alg none", Some(unsigned(&good)?)));
    let mut answers = Vec::new();
    for (name, token) in cases {
        let authorization = token.map(|token| format!("Bearer {token}"));
        let statuses = servers
            .iter()
            .map(|server| load::ask(server.port, authorization.as_deref()))
            .collect::<Result<_>>()?;
        answers.push((name, statuses));
    }
    Ok(answers)
}

fn forged(token: &str) -> Result<String> {
    let (signed, signature) = token.rsplit_once('.').ok_or("a token has three segments")?;
    let mut bytes = URL_SAFE_NO_PAD.decode(signature)?;
    if let Some(byte) = bytes.get_mut(20) {
        *byte ^= 1;
    }
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(bytes)))
}

fn unsigned(token: &str) -> Result<String> {
    let payload = token.split('.').nth(1).ok_or("a token has three segments")?;
    let header = URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "typ": "at+jwt" }).to_string());
    Ok(format!("{header}.{payload}."))
}
