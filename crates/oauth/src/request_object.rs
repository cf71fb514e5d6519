//! The request object: an authorization request in a JWT (RFC 9101 §4).

use bailiwick_jose::json;
use serde_json::{Map, Value};

use crate::access_token::MalformedClaim;
use crate::form::{Form, MalformedForm};
use crate::{ClientId, claim};

/// The `typ` of a request object (RFC 9101 §10.8).
pub const TYPE: &str = "oauth-authz-req+jwt";

/// A request object, well-formed; whether it is to be believed is not checked.
#[derive(Debug, Clone)]
pub struct RequestObject {
    /// Who made it.
    pub iss: Option<String>,
    /// For whom.
    pub aud: Vec<String>,
    /// Whom it speaks of; a request speaks of nobody.
    pub sub: Option<String>,
    /// When it expires, in seconds since 1970.
    pub exp: Option<i64>,
    /// Before when it is not valid, in seconds since 1970.
    pub nbf: Option<i64>,
    /// When it was made, in seconds since 1970.
    pub iat: Option<i64>,
    /// Its identifier.
    pub jti: Option<String>,
    /// The parameters of the request, as if they had come in a form.
    pub form: Form,
}

/// Why a payload is no request object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MalformedRequestObject {
    /// It is no strict JSON object.
    #[error("{0}")]
    Json(#[from] json::Malformed),
    /// A claim of the JWT is of the wrong type.
    #[error(transparent)]
    Claim(#[from] MalformedClaim),
    /// It holds another request (RFC 9101 §4).
    #[error("it holds '{0}'; a request object holds no other")]
    Nested(&'static str),
    /// It has too many parameters.
    #[error(transparent)]
    Form(#[from] MalformedForm),
}

/// The claims that are about the JWT, not of the request.
const OF_THE_JWT: [&str; 7] = ["iss", "aud", "sub", "exp", "nbf", "iat", "jti"];

impl RequestObject {
    /// Reads the payload of a request object.
    ///
    /// Objects, such as `claims`, become the JSON text that they would be in a form; `resource` may
    /// be a string or a list of strings.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn read(payload: &[u8]) -> Result<Self, MalformedRequestObject> {
        let claims = json::parse_object(payload)?;
        for name in ["request", "request_uri"] {
            if claims.contains_key(name) {
                return Err(MalformedRequestObject::Nested(name));
            }
        }
        Ok(Self {
            iss: claim::text(&claims, "iss")?,
            aud: claim::audiences(&claims)?,
            sub: claim::text(&claims, "sub")?,
            exp: claim::seconds(&claims, "exp")?,
            nbf: claim::seconds(&claims, "nbf")?,
            iat: claim::seconds(&claims, "iat")?,
            jti: claim::text(&claims, "jti")?,
            form: form(&claims)?,
        })
    }

    /// Whether the request inside is of this client (RFC 9101 §6.3).
    pub fn is_of(&self, client: &ClientId) -> bool {
        self.form.one("client_id") == Ok(Some(client.as_str()))
    }
}

fn form(claims: &Map<String, Value>) -> Result<Form, MalformedForm> {
    let mut pairs = Vec::with_capacity(claims.len());
    for (name, value) in claims {
        if OF_THE_JWT.contains(&name.as_str()) {
            continue;
        }
        match value {
            Value::Null => {} // without a value, so omitted (RFC 6749 §3.1)
            Value::String(text) => pairs.push((name.clone(), text.clone())),
            Value::Array(list) if is_list(name) && list.iter().all(Value::is_string) => {
                let texts = list.iter().filter_map(Value::as_str);
                pairs.extend(texts.map(|text| (name.clone(), text.to_owned())));
            }
            other => pairs.push((name.clone(), other.to_string())),
        }
    }
    Form::from_pairs(pairs)
}

/// Whether a parameter may repeat (RFC 8707 §2), so that a list of texts stands for it.
fn is_list(name: &str) -> bool {
    matches!(name, "resource" | "audience")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(claims: &Value) -> Result<RequestObject, MalformedRequestObject> {
        RequestObject::read(claims.to_string().as_bytes())
    }

    #[test]
    fn what_is_inside_becomes_a_form() {
        let object = read(&json!({
            "iss": "shop", "aud": ["https://id.example.com"], "exp": 9, "jti": "j",
            "client_id": "shop",
            "max_age": 300,
            "resource": ["https://a.example", "https://b.example"],
            "claims": { "id_token": { "acr": null } },
            "authorization_details": [{ "type": "payment" }],
            "state": null,
            "scope": ["openid"],
        }))
        .unwrap();
        assert_eq!((object.exp, object.iat, object.jti.as_deref()), (Some(9), None, Some("j")));
        assert!(object.is_of(&ClientId::parse("shop").unwrap()));
        assert!(!object.is_of(&ClientId::parse("other").unwrap()));
        let form = &object.form;
        let resources: Vec<&str> = form.all("resource").collect();
        assert_eq!(resources, ["https://a.example", "https://b.example"]);
        assert_eq!(form.one("max_age"), Ok(Some("300")));
        assert_eq!(form.one("claims"), Ok(Some(r#"{"id_token":{"acr":null}}"#)));
        assert_eq!(form.one("authorization_details"), Ok(Some(r#"[{"type":"payment"}]"#)));
        assert_eq!(form.one("state"), Ok(None));
        assert_eq!(form.one("scope"), Ok(Some(r#"["openid"]"#)), "no list, so no scope either");
        assert!(!form.names("iss") && !form.names("exp"));
    }

    //= https://www.rfc-editor.org/rfc/rfc9101#section-4
    //= type=test
    //# request and request_uri parameters MUST NOT be included in Request
    //# Objects.
    #[test]
    fn what_is_no_request_object_is_refused() {
        let nested = |name| Err(MalformedRequestObject::Nested(name));
        let broken = |name| Err(MalformedRequestObject::Claim(MalformedClaim(name)));
        let cases = [
            (json!({ "request": "x" }), nested("request")),
            (json!({ "request_uri": null }), nested("request_uri")),
            (json!({ "exp": "1" }), broken("exp")),
            (json!({ "aud": 1 }), broken("aud")),
            (json!({ "iss": ["shop"] }), broken("iss")),
            (json!([]), Err(MalformedRequestObject::Json(json::Malformed::NotObject))),
        ];
        for (claims, expected) in cases {
            assert_eq!(read(&claims).map(|_| ()), expected, "{claims}");
        }
        let twice = br#"{"scope":"a","sc\u006fpe":"b"}"#;
        assert_eq!(
            RequestObject::read(twice).map(|_| ()).unwrap_err(),
            MalformedRequestObject::Json(json::Malformed::Duplicate)
        );
        let deep = format!("{{\"claims\":{}{}}}", "[".repeat(100), "]".repeat(100));
        assert_eq!(
            RequestObject::read(deep.as_bytes()).map(|_| ()).unwrap_err(),
            MalformedRequestObject::Json(json::Malformed::TooDeep)
        );
        let many: Map<String, Value> = (0..300).map(|n| (format!("p{n}"), json!("x"))).collect();
        assert_eq!(
            read(&Value::Object(many)).map(|_| ()).unwrap_err(),
            MalformedRequestObject::Form(MalformedForm::TooMany)
        );
    }
}
