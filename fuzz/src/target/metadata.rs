//! Metadata documents: written as they were read (RFC 8414 §2, RFC 9728 §2).

use bailiwick_oauth::metadata::{AuthorizationServer, ProtectedResource};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::Outcome;

/// A document of either kind.
pub fn target(data: &[u8]) -> Outcome {
    let server = read::<AuthorizationServer>(data, "issuer");
    let resource = read::<ProtectedResource>(data, "resource");
    Outcome::of(server || resource)
}

fn read<T: DeserializeOwned + Serialize + PartialEq>(data: &[u8], name: &str) -> bool {
    let Ok(document) = serde_json::from_slice::<T>(data) else { return false };
    let written = serde_json::to_value(&document).unwrap();
    assert!(serde_json::from_value::<T>(written.clone()).unwrap() == document, "{written}");
    let Ok(Value::Object(source)) = serde_json::from_slice(data) else { return true };
    let Value::Object(written) = written else { panic!("a document is an object") };
    assert_eq!(source.get(name), written.get(name), "the document is another's");
    for (name, value) in &written {
        assert!(holds(&source[name], value), "{name} is {value}, and was {}", source[name]);
    }
    true
}

/// Whether a value has all that is said of it; a nested object may have had more, and serde's
/// derived reader takes a list for one, the members in their order.
fn holds(source: &Value, value: &Value) -> bool {
    match (source, value) {
        (Value::Object(source), Value::Object(value)) => {
            value.iter().all(|(name, value)| source.get(name) == Some(value))
        }
        (Value::Array(source), Value::Object(value)) => {
            value.values().all(|value| source.contains(value))
        }
        _ => source == value,
    }
}
