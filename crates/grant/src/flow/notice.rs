//! Telling APIs what was revoked (RFC 8417, RFC 8935): what is written beside a revocation, and what
//! is said of it.

use bailiwick_oauth::event::{Issued, RevokedGrant, Told};

use crate::rule::resource::Directory;
use crate::state::{GrantRecord, Notice, ResourceServer, Revoked};
use crate::{Change, Tenant};

/// Notes that an API is to be told; nothing where it takes no events.
pub fn tell(server: &ResourceServer, revoked: Revoked, now: i64) -> Option<Change> {
    server.events.as_ref()?;
    let notice = Notice::new(server.identifier.clone(), revoked, server.lifetime, now);
    // Whoever revokes twice tells it once more: that does no harm, and a conflict would.
    Some(Change::put(notice))
}

/// Notes that each API of a grant is to be told that the whole of it is revoked.
pub fn tell_all(grant: &GrantRecord, directory: &Directory, now: i64) -> Vec<Change> {
    let servers = grant.grant.resources.keys().filter_map(|resource| directory.find(resource));
    servers.filter_map(|server| tell(server, Revoked::Grant(grant.id.clone()), now)).collect()
}

/// What an API is told.
pub fn said(tenant: &Tenant, server: &ResourceServer, notice: &Notice) -> Issued {
    let told = match &notice.revoked {
        Revoked::Token(jti) => Told::Token { jti: jti.clone() },
        Revoked::Grant(id) => {
            let grant = Some(id.as_str().to_owned());
            Told::Grant(RevokedGrant { grant, ..RevokedGrant::default() })
        }
        Revoked::Client(id) => {
            let client_id = Some(id.as_str().to_owned());
            Told::Grant(RevokedGrant { client_id, ..RevokedGrant::default() })
        }
        Revoked::Account(subject) => Told::Account { sub: subject.as_str().to_owned() },
    };
    Issued::new(tenant.issuer.as_str(), server.audience(), &notice.id, notice.at, told)
}
