//! Writing down what was decided: access token, refresh token, ID token.

use bailiwick_jose::Algorithm;
use bailiwick_oauth::access_token::{Actor, Claims};
use bailiwick_oauth::{Confirmation, IdToken, Secret, Subject};

use super::held::Held;
use super::narrow::Narrowed;
use super::{Access, AccessForm, Context, Identity, Outcome, Tokens};
use crate::entropy::{identifier, secret};
use crate::rule::{claims, scope, subject};
use crate::state::{
    GrantKind, GrantRecord, Holding, OpaqueToken, RefreshToken, RefreshTokens, TokenFormat,
};
use crate::{Change, Decision, Entropy};

/// Writes what a grant gives when it is redeemed for the first time: an access token, an ID token and
/// a refresh token, each where it is due (RFC 6749 §4.1.4, rules §5.5).
///
/// `spent` is the change after which what was redeemed cannot be redeemed again.
pub(super) fn first_tokens(
    context: &Context<'_>,
    held: &Held<'_>,
    narrowed: Narrowed<'_>,
    nonce: Option<&str>,
    spent: Change,
    entropy: &mut dyn Entropy,
) -> Outcome {
    let Context { tenant, client, now, .. } = *context;
    let record = &held.grant.value;
    let mut changes = vec![spent];
    let may = |scope| scope::holds_global(tenant, client, &record.grant, scope); // rules §6.3
    let id = may("openid").then(|| id_token(context, held, nonce));
    let source = Source::grant(context, record, entropy);
    let access = access_token(context, &narrowed, source, entropy, &mut changes);
    let gets_refresh = client.grant_types.contains(&GrantKind::RefreshToken)
        && (may("offline_access") || client.refresh_tokens == RefreshTokens::Always);
    let mut expires_at = record.expires_at.max(access.claims.exp);
    let refresh = gets_refresh.then(|| {
        let (generation, cnf) = (record.rotation.generation, narrowed.confirmation.as_ref());
        let (token, change) = refresh_token(context, record, generation, cnf, entropy);
        expires_at = expires_at.max(now + tenant.lifetimes.refresh_token);
        changes.push(change);
        token
    });
    let mut after = GrantRecord { expires_at, ..record.clone() };
    keep_listed(&mut after, tenant.lifetimes.refresh_token, &mut changes);
    changes.push(held.grant.update(after));
    let outcome = Ok(Tokens { access, refresh, id });
    Decision { changes, outcome, explanation: narrowed.explanation }
}

/// Keeps a grant among those of its user for as long as it holds. Written long in advance, so that
/// few refreshes write it anew.
pub(super) fn keep_listed(record: &mut GrantRecord, ahead: i64, changes: &mut Vec<Change>) {
    if record.listed_until >= record.expires_at {
        return;
    }
    record.listed_until = record.expires_at + ahead;
    changes.push(Change::put(Holding {
        subject: record.subject.clone(),
        grant: record.id.clone(),
        expires_at: record.listed_until,
    }));
}

/// Of what an access token comes.
pub(super) struct Source {
    /// Of whom it speaks, as its client knows the user.
    pub(super) subject: Subject,
    /// Its own identifier, which says of which grant it is.
    pub(super) jti: String,
    /// When the user signed in.
    pub(super) auth_time: Option<i64>,
    /// How strongly.
    pub(super) acr: Option<String>,
    /// By what means.
    pub(super) amr: Vec<String>,
    /// Who acts for the subject.
    pub(super) act: Option<Actor>,
    /// Until when it may live at most.
    pub(super) until: Option<i64>,
}

impl Source {
    /// A grant of a user.
    pub(super) fn grant(
        context: &Context<'_>,
        grant: &GrantRecord,
        entropy: &mut dyn Entropy,
    ) -> Self {
        Self {
            subject: subject::told(context.tenant, context.client, &grant.subject),
            jti: grant.id.token_id(entropy),
            auth_time: Some(grant.auth_time),
            acr: grant.openid.acr.clone(),
            amr: grant.openid.amr.clone(),
            act: None,
            until: None,
        }
    }

    /// A client on its own behalf.
    pub(super) fn client(subject: Subject, entropy: &mut dyn Entropy) -> Self {
        Self {
            subject,
            jti: identifier(entropy),
            auth_time: None,
            acr: None,
            amr: Vec::new(),
            act: None,
            until: None,
        }
    }
}

/// Writes an access token; an opaque one is remembered among the changes.
pub(super) fn access_token(
    context: &Context<'_>,
    narrowed: &Narrowed<'_>,
    source: Source,
    entropy: &mut dyn Entropy,
    changes: &mut Vec<Change>,
) -> Access {
    let tenant = context.tenant;
    let (audience, lifetime) = match narrowed.server {
        Some(server) => (server.audience(), server.lifetime),
        None => (tenant.issuer.as_str(), tenant.lifetimes.userinfo_token),
    };
    let claims = Claims {
        iss: tenant.issuer.clone(),
        sub: source.subject,
        aud: audience.to_owned(),
        client_id: context.client.id.clone(),
        scope: narrowed.scopes.clone(),
        jti: source.jti,
        iat: context.now,
        exp: source.until.map_or(context.now + lifetime, |until| until.min(context.now + lifetime)),
        auth_time: source.auth_time,
        acr: source.acr,
        amr: source.amr,
        act: source.act,
        authorization_details: narrowed.details.clone(),
        cnf: narrowed.confirmation.clone(),
    };
    let resource = narrowed.server.map(|server| server.identifier.clone());
    let form = match narrowed.server {
        Some(server) if server.format == TokenFormat::Opaque => {
            let token = secret(entropy);
            changes.push(Change::insert(OpaqueToken {
                digest: token.digest(),
                resource: server.identifier.clone(),
                claims: claims.clone(),
            }));
            AccessForm::Opaque(token)
        }
        Some(server) => match &server.encryption {
            Some(encryption) => AccessForm::Encrypted(server.algorithm, encryption.clone()),
            None => AccessForm::Jwt(server.algorithm),
        },
        None => AccessForm::Jwt(Algorithm::Es256),
    };
    Access { claims, resource, form }
}

/// Writes a refresh token of a generation (RFC 6749 §1.5).
///
/// Of a public client it is bound to what the access token is bound to (RFC 9449 §5, RFC 8705 §4);
/// that of a confidential one is bound by its authentication, so that its keys can change.
pub(super) fn refresh_token(
    context: &Context<'_>,
    grant: &GrantRecord,
    generation: u64,
    confirmation: Option<&Confirmation>,
    entropy: &mut dyn Entropy,
) -> (Secret, Change) {
    let token = secret(entropy);
    let record = RefreshToken {
        digest: token.digest(),
        client: context.client.id.clone(),
        grant: grant.id.clone(),
        generation,
        cnf: confirmation.filter(|_| context.client.is_public()).cloned(),
        expires_at: context.now + context.tenant.lifetimes.refresh_token,
    };
    (token, Change::insert(record))
}

/// The ID token (OpenID Connect Core §2): its audience is the client, never a resource.
pub(super) fn id_token(context: &Context<'_>, held: &Held<'_>, nonce: Option<&str>) -> Identity {
    let Context { tenant, client, now, .. } = *context;
    let grant = &held.grant.value;
    let claims = IdToken {
        iss: tenant.issuer.clone(),
        sub: subject::told(tenant, client, &grant.subject),
        aud: client.id.clone(),
        iat: now,
        exp: now + tenant.lifetimes.id_token,
        auth_time: grant.auth_time,
        nonce: nonce.map(str::to_owned),
        acr: grant.openid.acr.clone(),
        amr: grant.openid.amr.clone(),
        sid: grant.openid.sid.clone(),
        at_hash: None, // of the access token as it is signed
        claims: claims::in_id_token(tenant, client, held.user, grant),
    };
    Identity { claims, algorithm: client.openid.id_token_signed_response_alg }
}
