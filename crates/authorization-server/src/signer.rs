//! Writing tokens down: the decision says what, the keyring signs it (RFC 9068 §2, OpenID Connect Core §2).

use std::collections::BTreeSet;
use std::sync::Arc;

use bailiwick_grant::Tenant;
use bailiwick_grant::flow::token::{AccessForm, Identity, Tokens};
use bailiwick_jose::Algorithm;
use bailiwick_oauth::access_token::Claims;
use bailiwick_oauth::{IdToken, Secret, access_token, id_token, token};
use serde::de::DeserializeOwned;

use crate::answer::Failure;
use crate::app::App;
use crate::keys::Keyring;

/// Signs the tokens of an answer.
pub(crate) async fn sign(app: &App, tokens: Tokens) -> Result<token::Response, Failure> {
    let Tokens { access, refresh, id } = tokens;
    let access_token = match &access.form {
        AccessForm::Opaque(token) => token.expose().to_owned(),
        AccessForm::Encrypted(..) => {
            return Err(Failure::Broken("an encrypted token is sealed before the commit".into()));
        }
        AccessForm::Jwt(algorithm) => {
            signed(app, *algorithm, access_token::TYPE, &access.claims).await?
        }
    };
    let id_token = match id {
        Some(Identity { mut claims, algorithm }) => {
            claims.at_hash = Some(id_token::access_token_hash(algorithm, &access_token));
            Some(signed(app, algorithm, id_token::TYPE, &claims).await?)
        }
        None => None,
    };
    Ok(token::Response {
        access_token,
        token_type: token::token_type(access.claims.cnf.as_ref()).to_owned(),
        expires_in: access.claims.exp - access.claims.iat,
        scope: access.claims.scope,
        authorization_details: access.claims.authorization_details,
        resource: access.resource.map(|resource| resource.as_str().to_owned()),
        issued_token_type: None,
        refresh_token: refresh.map(|token| token.expose().to_owned()),
        id_token,
    })
}

/// The claims of one of our own JWT access tokens; its time is not looked at.
///
/// An ID token is signed by the same issuer, but is no access token (RFC 9068 §4).
pub(crate) fn verified(keyring: &Keyring, token: &Secret) -> Option<Claims> {
    ours(keyring, token.expose(), access_token::TYPE)
}

/// The claims of one of our own ID tokens; its time is not looked at: as a hint it may be old
/// (OpenID Connect Core §3.1.2.1).
///
/// No other token that is signed here has all claims of one.
pub(crate) fn verified_id_token(
    tenant: &Tenant,
    keyring: &Keyring,
    token: &str,
) -> Option<IdToken> {
    let claims: IdToken = ours(keyring, token, id_token::TYPE)?;
    (claims.iss == tenant.issuer).then_some(claims)
}

fn ours<T: DeserializeOwned>(keyring: &Keyring, token: &str, typ: &str) -> Option<T> {
    let jws = bailiwick_jose::Jws::parse(token).ok()?;
    let kid = jws.header().kid.clone()?;
    let key = keyring.published().find(Some(&kid), jws.algorithm().ok()?).ok()?;
    let verified = jws.verify(key).ok()?;
    if !verified.header.is_type(typ) {
        return None;
    }
    let claims = bailiwick_jose::json::parse_object(&verified.payload).ok()?;
    serde_json::from_value(claims.into()).ok()
}

/// Signs claims with the newest key of an algorithm.
pub(crate) async fn signed<T: serde::Serialize>(
    app: &App,
    algorithm: Algorithm,
    typ: &str,
    claims: &T,
) -> Result<String, Failure> {
    let keyring = keyring_with(app, algorithm).await?;
    let key = keyring.for_algorithm(algorithm)?;
    key.sign_json(typ, claims).map_err(|error| Failure::Broken(error.into()))
}

/// The keyring with a key of the algorithm: a resource server that was registered since the start
/// may be the first to want it.
async fn keyring_with(app: &App, algorithm: Algorithm) -> Result<Arc<Keyring>, Failure> {
    let keyring = app.keyring.load_full();
    if keyring.for_algorithm(algorithm).is_ok() {
        return Ok(keyring);
    }
    let made = Keyring::ensure(&*app.store, &BTreeSet::from([algorithm]), app.now()).await?;
    let made = Arc::new(made);
    app.keyring.store(Arc::clone(&made));
    Ok(made)
}
