//! Strict JSON: whatever it takes, others read the same way (RFC 7493 §2).

use bailiwick_jose::json::{self, DEEPEST, Malformed, Object};
use serde_json::Value;

use crate::Outcome;
use crate::oracle::{depth, members, written_members};

/// A JSON text.
pub fn target(data: &[u8]) -> Outcome {
    object(data);
    let theirs = serde_json::from_slice::<Value>(data);
    match (json::parse(data), theirs) {
        (Ok(ours), theirs) => {
            let theirs = theirs.expect("our strict reader takes what is not JSON");
            assert_eq!(ours, theirs, "two readers, two values");
            assert_eq!(members(&ours), written_members(data), "a duplicate member was taken");
            assert!(depth(data) <= DEEPEST, "it was nested too deep");
            assert_eq!(json::parse_object(data).is_ok(), ours.is_object());
            Outcome::Accepted
        }
        (Err(why), Ok(theirs)) => {
            let is_right = match why {
                Malformed::Duplicate => members(&theirs) < written_members(data),
                Malformed::TooDeep => depth(data) > DEEPEST,
                _ => false,
            };
            assert!(is_right, "it was refused without a reason: {why}");
            Outcome::Refused
        }
        (Err(_), Err(_)) => Outcome::Refused,
    }
}

/// Both of our own readers of objects: the one that builds a tree, and the one that builds nothing
/// before it is asked.
fn object(data: &[u8]) {
    let (tree, object) = match (json::parse_object(data), Object::parse(data.to_vec())) {
        (Ok(tree), Ok(object)) => (tree, object),
        (Err(one), Err(other)) => {
            let is_text = std::str::from_utf8(data).is_ok();
            return assert!(!is_text || one == other, "two faults: {one}; {other}");
        }
        (tree, object) => panic!(
            "only one reader takes it: as a tree {:?}, as an object {:?}",
            tree.err(),
            object.err()
        ),
    };
    for (name, value) in &tree {
        assert!(object.contains_key(name), "{name:?} is missing");
        assert_eq!(object.value(name).as_ref(), Some(value), "{name:?}");
        assert_eq!(object.text(name).as_deref(), value.as_str(), "{name:?}");
        assert_eq!(object.get(name), Some(value), "{name:?}");
    }
    assert_eq!(object.tree(), &tree);
    for absent in ["absent", "", "\\u0061", "\""] {
        assert_eq!(object.contains_key(absent), tree.contains_key(absent), "{absent:?}");
    }
}
