//! The `claims` parameter: claims that are asked for by name (OpenID Connect Core §5.5).

use std::collections::BTreeMap;

use bailiwick_jose::json;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The longest `claims` parameter that is taken, in octets.
pub const LONGEST: usize = 8 * 1024;

/// The claims that a request asks for, by the place where they shall be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClaimsRequest {
    /// At userinfo.
    pub userinfo: BTreeMap<String, AskedClaim>,
    /// In the ID token.
    pub id_token: BTreeMap<String, AskedClaim>,
}

/// How a claim is asked for (OpenID Connect Core §5.5.1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AskedClaim {
    /// Whether the client needs it for what it does; its absence is no error all the same.
    pub essential: bool,
    /// The values that it may have; any, when there are none.
    pub values: Vec<Value>,
}

/// What makes a parameter no claims request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedClaims {
    /// Longer than is taken.
    #[error("claims is longer than {LONGEST} octets")]
    TooLong,
    /// Not a JSON object.
    #[error("claims is not a JSON object")]
    NotJson,
    /// A member of another type than the specification gives it.
    #[error("claims has a member '{0}' of the wrong type")]
    Member(&'static str),
}

impl ClaimsRequest {
    /// Reads the parameter. Members that are not known are ignored.
    ///
    /// # Errors
    /// When it is too long, no JSON, or a member has the wrong type.
    pub fn parse(text: &str) -> Result<Self, MalformedClaims> {
        if text.len() > LONGEST {
            return Err(MalformedClaims::TooLong);
        }
        let members = json::parse_object(text.as_bytes()).map_err(|_| MalformedClaims::NotJson)?;
        let place = |name: &'static str| match members.get(name) {
            None | Some(Value::Null) => Ok(BTreeMap::new()),
            Some(Value::Object(claims)) => claims
                .iter()
                .map(|(name, asked)| Ok((name.clone(), AskedClaim::parse(asked)?)))
                .collect(),
            Some(_) => Err(MalformedClaims::Member(name)),
        };
        Ok(Self { userinfo: place("userinfo")?, id_token: place("id_token")? })
    }

    /// Keeps the claims that are wanted, and forgets the others.
    pub fn retain(&mut self, wanted: impl Fn(&str) -> bool) {
        self.userinfo.retain(|name, _| wanted(name));
        self.id_token.retain(|name, _| wanted(name));
    }

    /// The names of the claims, wherever they shall be.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.userinfo.keys().chain(self.id_token.keys()).map(String::as_str)
    }
}

impl AskedClaim {
    fn parse(value: &Value) -> Result<Self, MalformedClaims> {
        let members = match value {
            Value::Null => return Ok(Self::default()),
            Value::Object(members) => members,
            _ => return Err(MalformedClaims::Member("id_token or userinfo")),
        };
        let essential = match members.get("essential") {
            None => false,
            Some(truth) => truth.as_bool().ok_or(MalformedClaims::Member("essential"))?,
        };
        let mut values: Vec<Value> = match members.get("values") {
            None => Vec::new(),
            Some(Value::Array(values)) => values.clone(),
            Some(_) => return Err(MalformedClaims::Member("values")),
        };
        values.extend(members.get("value").cloned());
        Ok(Self { essential, values })
    }

    /// Whether a value is one that was asked for.
    pub fn admits(&self, value: &Value) -> bool {
        self.values.is_empty() || self.values.contains(value)
    }

    /// The values that are texts.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.values.iter().filter_map(Value::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ClaimsRequest, MalformedClaims> {
        ClaimsRequest::parse(text)
    }

    // The example of OpenID Connect Core §5.5.
    #[test]
    fn the_example_of_the_specification_is_read() {
        let claims = read(
            r#"{"userinfo":{"given_name":{"essential":true},"nickname":null,
                "email":{"essential":true},"http://example.info/claims/groups":null},
                "id_token":{"auth_time":{"essential":true},
                "acr":{"values":["urn:mace:incommon:iap:silver"]}},"verified_claims":{}}"#,
        )
        .unwrap();
        assert_eq!(claims.userinfo.len(), 4);
        assert!(claims.userinfo["email"].essential && !claims.userinfo["nickname"].essential);
        assert!(claims.id_token["acr"].texts().eq(["urn:mace:incommon:iap:silver"]));
        assert_eq!(claims.names().count(), 6);
        let kept = serde_json::to_string(&claims).unwrap();
        assert_eq!(serde_json::from_str::<ClaimsRequest>(&kept).unwrap(), claims);
    }

    #[test]
    fn what_has_another_type_is_refused() {
        let long = format!("{{\"x\":\"{}\"}}", "x".repeat(LONGEST));
        for bad in [
            "",
            "[]",
            "{",
            "{} {}",
            r#"{"userinfo":{},"userinfo":{}}"#,
            r#"{"userinfo":[]}"#,
            r#"{"id_token":{"acr":"x"}}"#,
            r#"{"id_token":{"acr":{"essential":"yes"}}}"#,
            r#"{"id_token":{"acr":{"values":"x"}}}"#,
            &long,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert_eq!(read("{}").unwrap(), ClaimsRequest::default());
    }

    #[test]
    fn a_value_binds_and_none_admits_all() {
        let claims = read(r#"{"id_token":{"a":null,"b":{"value":1},"c":{"values":["x","y"]}}}"#);
        let claims = claims.unwrap().id_token;
        assert!(claims["a"].admits(&Value::from("anything")));
        assert!(claims["b"].admits(&Value::from(1)) && !claims["b"].admits(&Value::from("1")));
        assert!(claims["c"].admits(&Value::from("y")) && !claims["c"].admits(&Value::from("z")));
    }
}
