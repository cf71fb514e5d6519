//! Headers and claims under a right signature: nothing passes that the rules do not let in
//! (RFC 9068 §4, RFC 8725 §3).

use bailiwick_guard::{Admission, Presented};

use crate::oracle::{self, complaint_of_header, complaint_of_jwt};
use crate::world::Signer;
use crate::{Outcome, World};

/// A header and, behind the first line break, a payload; the issuer's key signs whatever they are.
pub fn target(data: &[u8]) -> Outcome {
    let Some(end) = data.iter().position(|c| *c == b'\n') else { return Outcome::Refused };
    let (header, payload) = (&data[..end], &data[end + 1..]);
    let token = World::get().sign(Signer::Issuer, header, payload);
    let presented = Presented::from_token(&token).expect("three segments of base64url");
    let permit = match World::get().verdict(&presented, None) {
        Ok(Admission::Now(permit)) => permit,
        Ok(Admission::Once(_)) => panic!("a bearer token passed as a bound one"),
        Err(_) => return Outcome::Refused,
    };
    let [header, claims] = [header, payload].map(|part| {
        let object = oracle::object(part).expect("what passed is no JSON object");
        let members = oracle::members(&object.clone().into());
        assert_eq!(members, oracle::written_members(part), "a duplicate member passed");
        object
    });
    assert_eq!(complaint_of_header(&header, "at+jwt"), None);
    let kid = World::get().issuer[0].kid();
    assert!(header.get("kid").is_none_or(|stated| stated == kid), "the key is another");
    assert_eq!(complaint_of_jwt(&claims), None);
    oracle::permit_says(&permit, &claims);
    Outcome::Accepted
}
