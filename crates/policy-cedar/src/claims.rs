//! Claims that the operator's schema declares: read from a token, each with its type (RFC 7519 §4).
//!
//! What the schema does not declare is left out. The values never stand in an error.

use std::fmt;

use cedar_policy::{Context, RestrictedExpression};
use serde_json::{Map, Value};

use crate::load::LoadError;

/// The claims that a schema declares; by default none.
#[derive(Debug, Default)]
pub(crate) struct Claims(Vec<Member>);

/// A claim, or a member of one.
#[derive(Debug)]
struct Member {
    name: String,
    shape: Shape,
    is_required: bool,
}

/// What a claim must be.
#[derive(Debug)]
enum Shape {
    String,
    Long,
    Bool,
    Set(Box<Shape>),
    Record(Vec<Member>),
    Extension(Extension),
}

/// A type of Cedar that is written as a text.
#[derive(Debug, Clone, Copy)]
enum Extension {
    Ip,
    Decimal,
    Datetime,
    Duration,
}

/// A claim that is not as the schema declares it; its name is said, its value never.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("the policies need the claim '{0}', which the token lacks")]
    Missing(String),
    #[error("the token's claim '{0}' is no {1}, as which the policies' schema declares it")]
    Mistyped(String, &'static str),
}

impl Claims {
    /// Reads what is declared out of a token's claims.
    pub(crate) fn read(&self, claims: &Map<String, Value>) -> Result<RestrictedExpression, Unfit> {
        record(&self.0, claims, &mut Vec::new())
    }
}

impl Shape {
    fn value<'s>(
        &'s self,
        value: &Value,
        path: &mut Vec<&'s str>,
    ) -> Result<RestrictedExpression, Unfit> {
        let read = match (self, value) {
            (Self::String, Value::String(text)) => {
                Some(RestrictedExpression::new_string(text.clone()))
            }
            (Self::Long, Value::Number(number)) => {
                number.as_i64().map(RestrictedExpression::new_long)
            }
            (Self::Bool, Value::Bool(is_so)) => Some(RestrictedExpression::new_bool(*is_so)),
            (Self::Extension(extension), Value::String(text)) => extension.read(text),
            (Self::Set(element), Value::Array(values)) => {
                let values: Result<Vec<_>, _> =
                    values.iter().map(|value| element.value(value, path)).collect();
                Some(RestrictedExpression::new_set(values?))
            }
            (Self::Record(members), Value::Object(found)) => Some(record(members, found, path)?),
            _ => None,
        };
        read.ok_or_else(|| Unfit::Mistyped(pointer(path), self.name()))
    }

    /// The type, in the words of the schema.
    fn name(&self) -> &'static str {
        match self {
            Self::String => "String",
            Self::Long => "Long",
            Self::Bool => "Bool",
            Self::Set(_) => "Set",
            Self::Record(_) => "record",
            Self::Extension(extension) => extension.name(),
        }
    }
}

fn record<'s>(
    members: &'s [Member],
    found: &Map<String, Value>,
    path: &mut Vec<&'s str>,
) -> Result<RestrictedExpression, Unfit> {
    let mut fields = Vec::with_capacity(members.len());
    for Member { name, shape, is_required } in members {
        path.push(name);
        // Cedar knows no `null`: what is null is not there.
        match found.get(name).filter(|value| !value.is_null()) {
            Some(value) => fields.push((name.clone(), shape.value(value, path)?)),
            None if *is_required => return Err(Unfit::Missing(pointer(path))),
            None => {}
        }
        path.pop();
    }
    // The names are those of a schema, which has each once.
    RestrictedExpression::new_record(fields).map_err(|_| Unfit::Mistyped(pointer(path), "record"))
}

impl Extension {
    fn read(self, text: &str) -> Option<RestrictedExpression> {
        let value = match self {
            Self::Ip => RestrictedExpression::new_ip(text),
            Self::Decimal => RestrictedExpression::new_decimal(text),
            Self::Datetime => RestrictedExpression::new_datetime(text),
            Self::Duration => RestrictedExpression::new_duration(text),
        };
        // Cedar reads the text no sooner than in a context.
        Context::from_pairs([(String::new(), value.clone())]).is_ok().then_some(value)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ip => "ipaddr",
            Self::Decimal => "decimal",
            Self::Datetime => "datetime",
            Self::Duration => "duration",
        }
    }
}

/// A claim's name, or a JSON pointer to one further in (RFC 6901), as in the rules of `guard`.
fn pointer(path: &[&str]) -> String {
    match path {
        [name] => (*name).to_owned(),
        path => path.iter().fold(String::new(), |pointer, name| {
            pointer + "/" + &name.replace('~', "~0").replace('/', "~1")
        }),
    }
}

/// The types that a schema declares, in Cedar's JSON form of it.
pub(crate) struct Types<'d>(pub(crate) &'d Value);

impl<'d> Types<'d> {
    /// The claims that a schema declares. Types that go in circles must be ruled out before.
    ///
    /// # Errors
    /// When they are no record, or one of them is an entity: no token holds one.
    pub(crate) fn claims(&self, declared: &'d Value, namespace: &str) -> Result<Claims, LoadError> {
        match self.shape(declared, namespace, &mut Vec::new())? {
            Shape::Record(members) => Ok(Claims(members)),
            other => Err(refused(&["Claims"], other.name())),
        }
    }

    fn shape(
        &self,
        declared: &'d Value,
        namespace: &str,
        path: &mut Vec<&'d str>,
    ) -> Result<Shape, LoadError> {
        let word = |member: &str| declared[member].as_str();
        match (word("type"), word("name")) {
            (Some("Record"), _) => {
                let members = declared["attributes"].as_object().into_iter().flatten();
                Ok(Shape::Record(self.members(members, namespace, path)?))
            }
            (Some("Set"), _) => {
                Ok(Shape::Set(Box::new(self.shape(&declared["element"], namespace, path)?)))
            }
            (Some("EntityOrCommon"), Some(name)) | (Some(name), None) => {
                match self.common(name, namespace) {
                    Some((declared, namespace)) => self.shape(declared, namespace, path),
                    None => primitive(name).ok_or_else(|| refused(path, name)),
                }
            }
            (_, name) => Err(refused(path, name.unwrap_or("an unknown type"))),
        }
    }

    fn members(
        &self,
        members: impl Iterator<Item = (&'d String, &'d Value)>,
        namespace: &str,
        path: &mut Vec<&'d str>,
    ) -> Result<Vec<Member>, LoadError> {
        let mut read = Vec::new();
        for (name, declared) in members {
            path.push(name);
            let shape = self.shape(declared, namespace, path)?;
            path.pop();
            let is_required = declared["required"].as_bool().unwrap_or(true);
            read.push(Member { name: name.clone(), shape, is_required });
        }
        Ok(read)
    }

    /// The common type that a name means, and the namespace it stands in: the nearer one first.
    fn common<'n>(&self, name: &'n str, namespace: &'n str) -> Option<(&'d Value, &'n str)> {
        let declared = |namespace: &str, name: &str| {
            let declared = &self.0[namespace]["commonTypes"][name];
            (!declared.is_null()).then_some(declared)
        };
        match name.rsplit_once("::") {
            Some((namespace, name)) => declared(namespace, name).map(|found| (found, namespace)),
            None => declared(namespace, name)
                .map(|found| (found, namespace))
                .or_else(|| declared("", name).map(|found| (found, ""))),
        }
    }
}

fn primitive(name: &str) -> Option<Shape> {
    Some(match name.strip_prefix("__cedar::").unwrap_or(name) {
        "String" => Shape::String,
        "Long" => Shape::Long,
        "Bool" | "Boolean" => Shape::Bool,
        "ipaddr" => Shape::Extension(Extension::Ip),
        "decimal" => Shape::Extension(Extension::Decimal),
        "datetime" => Shape::Extension(Extension::Datetime),
        "duration" => Shape::Extension(Extension::Duration),
        _ => return None,
    })
}

fn refused(path: &[&str], declared: impl fmt::Display) -> LoadError {
    LoadError::ClaimType { claim: pointer(path), declared: declared.to_string() }
}
