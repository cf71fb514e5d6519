//! The name under which a client knows a user: the user's own, or one that no other sector has
//! (OpenID Connect Core §8).
//!
//! Records hold the user's own name; it is told as this rule says in ID tokens, at userinfo, in
//! access tokens and, with them, at introspection: a client that reads its access tokens must not
//! find there what its ID tokens hide.

use bailiwick_jose::{base64url, digest::sha256};
use bailiwick_oauth::{RedirectUri, Subject};

use crate::Tenant;
use crate::state::{Client, SubjectType};

/// The name of a user for a client.
pub fn told(tenant: &Tenant, client: &Client, subject: &Subject) -> Subject {
    match client.openid.subject_type {
        SubjectType::Public => subject.clone(),
        SubjectType::Pairwise => pairwise(tenant, &sector(client), subject),
    }
}

/// The sector that a client shares its users' names with (OpenID Connect Core §8.1).
///
/// The host of its sector identifier URI, else the one host of its redirect URIs. A client with
/// neither has a sector of its own.
pub fn sector(client: &Client) -> String {
    if let Some(uri) = &client.openid.sector_identifier_uri {
        return uri.host();
    }
    let mut hosts: Vec<String> =
        client.redirect_uris.iter().filter_map(RedirectUri::host).collect();
    hosts.sort();
    hosts.dedup();
    match hosts.as_slice() {
        [sole] => sole.clone(),
        // No host holds a space.
        _ => format!("client {}", client.id),
    }
}

/// A digest that only who has the salt can make (OpenID Connect Core §8.1).
fn pairwise(tenant: &Tenant, sector: &str, subject: &Subject) -> Subject {
    let salt = tenant.pairwise_salt.expose();
    // A host holds no line break, so no two pairs are written alike; hashed twice, the salt also
    // stands behind what a stranger could lengthen.
    let inner = sha256(&[salt, sector.as_bytes(), b"\n", subject.as_str().as_bytes()].concat());
    let digest = base64url::encode(&sha256(&[salt, &inner[..]].concat()));
    Subject::parse(&digest).unwrap_or_else(|_| subject.clone())
}

#[cfg(test)]
mod tests {
    use bailiwick_oauth::WebUrl;

    use super::*;
    use crate::PairwiseSalt;
    use crate::fixture::{client, tenant};

    fn shop(uris: &[&str], sector: Option<&str>) -> Client {
        let mut client = client();
        client.openid.subject_type = SubjectType::Pairwise;
        client.redirect_uris = uris.iter().map(|uri| RedirectUri::parse(uri).unwrap()).collect();
        client.openid.sector_identifier_uri = sector.map(|uri| WebUrl::parse(uri).unwrap());
        client
    }

    fn name(client: &Client, user: &str) -> String {
        let subject = Subject::parse(user).unwrap();
        told(&tenant(), client, &subject).as_str().to_owned()
    }

    //= https://openid.net/specs/openid-connect-core-1_0.html#section-8.1
    //= type=test
    //# The Subject Identifier value MUST NOT be reversible by any party other than the OpenID
    //# Provider.
    //= https://openid.net/specs/openid-connect-core-1_0.html#section-8.1
    //= type=test
    //# Distinct Sector Identifier values MUST result in distinct Subject Identifier values.
    //= https://openid.net/specs/openid-connect-core-1_0.html#section-8.1
    //= type=test
    //# The algorithm MUST be deterministic.
    #[test]
    fn a_sector_has_names_of_its_own() {
        let shop_a = shop(&["https://a.example/cb"], None);
        let shop_b = shop(&["https://b.example/cb"], None);
        let (one, other) = (name(&shop_a, "user-1"), name(&shop_b, "user-1"));
        assert_eq!(one, name(&shop_a, "user-1"));
        assert_ne!(one, other);
        assert_ne!(one, name(&shop_a, "user-2"));
        assert!(!one.contains("user-1"));
        // Who knows sector and user but not the salt finds nothing.
        let mut salted = tenant();
        salted.pairwise_salt = PairwiseSalt::new([7; 32]);
        let subject = Subject::parse("user-1").unwrap();
        assert_ne!(told(&salted, &shop_a, &subject).as_str(), one);
        let unsalted = base64url::encode(&sha256(b"a.example\nuser-1"));
        assert_ne!(unsalted, one);
        let mut public = shop_a;
        public.openid.subject_type = SubjectType::Public;
        assert_eq!(name(&public, "user-1"), "user-1");
    }

    #[test]
    fn the_sector_is_the_document_s_host_or_the_one_host_of_the_redirect_uris() {
        let document = Some("https://Sector.example/uris.json");
        let two = ["https://a.example/cb", "https://b.example/cb"];
        let cases: [(&[&str], Option<&str>, &str); 6] = [
            (&["https://A.example:8443/cb"], None, "a.example"),
            (&["https://a.example/cb", "https://a.example/x"], None, "a.example"),
            (&two, None, "client shop"),
            (&two, document, "sector.example"),
            (&["com.example.app:/cb"], None, "client shop"),
            (&[], None, "client shop"),
        ];
        for (uris, document, expected) in cases {
            assert_eq!(sector(&shop(uris, document)), expected, "{uris:?}");
        }
    }
}
