//! Authorization details: permissions that are more than a name (RFC 9396 §2).

use bailiwick_jose::json as strict;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::access_token::MalformedClaim;
use crate::claim;

/// The most details that one list may hold.
pub const MOST: usize = 64;

/// One permission of a type that the resource server defined.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthorizationDetail {
    /// The `type`, which says what the other members mean (RFC 9396 §2.1).
    pub kind: String,
    /// Where it holds (RFC 9396 §2.2), as for all that follow; none when absent.
    pub locations: Vec<String>,
    /// What may be done.
    pub actions: Vec<String>,
    /// With what kinds of data.
    pub datatypes: Vec<String>,
    /// With which thing.
    pub identifier: Option<String>,
    /// With what privileges.
    pub privileges: Vec<String>,
    /// The members that the type defines for itself; nothing of them is checked.
    pub members: Map<String, Value>,
}

/// One authorization detail as it was sent, well-formed: it is compared, kept and passed on as a
/// whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Detail(Map<String, Value>);

impl Detail {
    /// The `type` (RFC 9396 §2.1).
    pub fn kind(&self) -> &str {
        self.0.get("type").and_then(Value::as_str).unwrap_or_default()
    }

    /// Where it holds (RFC 9396 §2.2); nothing when it says no place.
    pub fn locations(&self) -> impl Iterator<Item = &str> {
        let list = self.0.get("locations").and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str)
    }

    /// The same detail at one of its locations only; one that says no place stays as it is.
    pub fn at(&self, location: &str) -> Self {
        let mut own = self.clone();
        if let Some(locations) = own.0.get_mut("locations") {
            *locations = Value::from(vec![location]);
        }
        own
    }

    /// Its members, the `type` among them.
    pub fn members(&self) -> &Map<String, Value> {
        &self.0
    }

    /// It as JSON.
    pub fn to_value(&self) -> Value {
        Value::Object(self.0.clone())
    }
}

/// Why a value is no list of authorization details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedDetails {
    /// The text is no strict JSON.
    #[error("authorization_details: {0}")]
    Json(#[from] strict::Malformed),
    /// It is no array.
    #[error("authorization_details is not an array")]
    NotArray,
    /// It is longer than [`MOST`].
    #[error("authorization_details has more than {MOST} elements")]
    TooMany,
    /// An element is no object.
    #[error("an element of authorization_details is not an object")]
    NotObject,
    /// A member is of the wrong type, or the `type` missing or empty.
    #[error("the member '{0}' of an authorization detail is missing or malformed")]
    Member(&'static str),
}

impl From<MalformedClaim> for MalformedDetails {
    fn from(MalformedClaim(name): MalformedClaim) -> Self {
        Self::Member(name)
    }
}

/// Reads the parameter `authorization_details`, a JSON text (RFC 9396 §2).
///
/// # Errors
/// As for [`parse`]; also when the text is no strict JSON.
pub fn read(text: &str) -> Result<Vec<Detail>, MalformedDetails> {
    let list = strict::parse(text.as_bytes())?;
    parse(&list)?;
    let objects = list.as_array().into_iter().flatten().filter_map(Value::as_object);
    Ok(objects.cloned().map(Detail).collect())
}

/// Reads a list of authorization details, as requests, answers and tokens hold it.
///
/// Whether a type is known, and what its own members mean, is not looked at.
///
/// # Errors
/// The first thing in it that RFC 9396 §2 does not allow.
pub fn parse(list: &Value) -> Result<Vec<AuthorizationDetail>, MalformedDetails> {
    let list = list.as_array().ok_or(MalformedDetails::NotArray)?;
    if list.len() > MOST {
        return Err(MalformedDetails::TooMany);
    }
    list.iter().map(detail).collect()
}

fn detail(value: &Value) -> Result<AuthorizationDetail, MalformedDetails> {
    let members = value.as_object().ok_or(MalformedDetails::NotObject)?;
    let own = members.iter().filter(|(name, _)| !COMMON.contains(&name.as_str()));
    Ok(AuthorizationDetail {
        kind: claim::required_text(members, "type")?,
        locations: claim::texts(members, "locations")?,
        actions: claim::texts(members, "actions")?,
        datatypes: claim::texts(members, "datatypes")?,
        identifier: claim::text(members, "identifier")?,
        privileges: claim::texts(members, "privileges")?,
        members: own.map(|(name, value)| (name.clone(), value.clone())).collect(),
    })
}

/// The members that mean the same in every type (RFC 9396 §2.2), and the type itself.
const COMMON: [&str; 6] = ["type", "locations", "actions", "datatypes", "identifier", "privileges"];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_parameter_is_strict_json() {
        let details = read(r#"[{"type":"a","locations":["x","y"]},{"type":"b"}]"#).unwrap();
        assert_eq!(details[0].kind(), "a");
        assert!(details[0].locations().eq(["x", "y"]));
        assert_eq!(details[0].at("x").to_value(), json!({ "type": "a", "locations": ["x"] }));
        assert_eq!(details[1].at("x"), details[1]);
        let deep = format!("[{{\"type\":\"a\",\"x\":{}{}}}]", "[".repeat(99), "]".repeat(99));
        let cases = [
            ("", MalformedDetails::Json(strict::Malformed::Syntax)),
            ("[{}", MalformedDetails::Json(strict::Malformed::Syntax)),
            (r#"[{"type":"a","type":"b"}]"#, MalformedDetails::Json(strict::Malformed::Duplicate)),
            (&deep, MalformedDetails::Json(strict::Malformed::TooDeep)),
            ("{}", MalformedDetails::NotArray),
            ("[{}]", MalformedDetails::Member("type")),
        ];
        for (text, why) in cases {
            assert_eq!(read(text), Err(why), "{text}");
        }
    }

    #[test]
    fn common_members_are_read_and_others_kept() {
        let list = json!([
            {
                "type": "payment_initiation",
                "locations": ["https://example.com/payments"],
                "actions": ["initiate", "status", "cancel"],
                "datatypes": ["account"],
                "identifier": "account-14-32-32-3",
                "privileges": ["admin"],
                "instructedAmount": { "currency": "EUR", "amount": "123.50" },
            },
            { "type": "a" },
        ]);
        let read = parse(&list).unwrap();
        assert_eq!(read[0].kind, "payment_initiation");
        assert_eq!(read[0].locations, ["https://example.com/payments"]);
        assert_eq!(read[0].actions, ["initiate", "status", "cancel"]);
        assert_eq!(read[0].datatypes, ["account"]);
        assert_eq!(read[0].identifier.as_deref(), Some("account-14-32-32-3"));
        assert_eq!(read[0].privileges, ["admin"]);
        let own: Vec<_> = read[0].members.keys().collect();
        assert_eq!(own, ["instructedAmount"]);
        assert!(read[1].actions.is_empty() && read[1].members.is_empty());
        assert_eq!(parse(&json!([])), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_list_of_details_is_refused() {
        let many = |count| Value::Array(vec![json!({ "type": "a" }); count]);
        assert_eq!(parse(&many(MOST)).unwrap().len(), MOST);
        let cases = [
            (json!(null), MalformedDetails::NotArray),
            (json!({ "type": "a" }), MalformedDetails::NotArray),
            (json!("[]"), MalformedDetails::NotArray),
            (many(MOST + 1), MalformedDetails::TooMany),
            (json!(["a"]), MalformedDetails::NotObject),
            (json!([[]]), MalformedDetails::NotObject),
            (json!([{}]), MalformedDetails::Member("type")),
            (json!([{ "type": "" }]), MalformedDetails::Member("type")),
            (json!([{ "type": 1 }]), MalformedDetails::Member("type")),
            (json!([{ "type": "a" }, { "type": null }]), MalformedDetails::Member("type")),
            (json!([{ "type": "a", "actions": "read" }]), MalformedDetails::Member("actions")),
            (json!([{ "type": "a", "actions": [1] }]), MalformedDetails::Member("actions")),
            (json!([{ "type": "a", "locations": {} }]), MalformedDetails::Member("locations")),
            (json!([{ "type": "a", "datatypes": null }]), MalformedDetails::Member("datatypes")),
            (json!([{ "type": "a", "identifier": ["b"] }]), MalformedDetails::Member("identifier")),
            (json!([{ "type": "a", "privileges": 7 }]), MalformedDetails::Member("privileges")),
        ];
        for (list, why) in cases {
            assert_eq!(parse(&list), Err(why), "{list}");
        }
    }
}
