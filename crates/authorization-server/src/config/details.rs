//! The types of authorization details that an API defines (RFC 9396 §2.1).

use bailiwick_grant::rule::details::check_schema;
use serde_json::Value;
use toml::Spanned;
use toml::de::DeValue;

use super::read::{At, FromText, FromToml, Reader, Wrong, section};
use super::value::{Words, json};

section! {
    /// A type of authorization details (RFC 9396) that the API defines: permissions that are more
    /// than a name, such as one payment. Its schema stands here or in a file of its own.
    struct DetailTable("[resource.authorization_details.<type>]") {
        /// What users read above the members of such a detail, all of which they are shown.
        description: Words = required "\"Make a payment\"";
        /// What such a detail must be, as JSON Schema (2020-12 unless `$schema` says otherwise). It
        /// refers to nothing outside of itself, and says `additionalProperties = false` unless any
        /// further member may pass.
        schema: At<Schema> = optional "{ type = \"object\", required = [\"amount\"] }";
        /// The same, in a file of its own.
        schema_file: At<SchemaFile> = optional "\"payment.schema.json\"";
    }
}

/// The name of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DetailKind(pub(super) String);

/// A JSON Schema that stands in the file.
#[derive(Debug, Clone)]
pub(super) struct Schema(pub(super) Value);

/// A JSON Schema in a file of its own.
#[derive(Debug, Clone)]
pub(super) struct SchemaFile(pub(super) Value);

impl std::fmt::Display for DetailKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromText for DetailKind {
    const KIND: &'static str = "the name of a type of authorization details";
    fn parse(text: &str, _reader: &Reader<'_>) -> Result<Self, Wrong> {
        if text.is_empty() || text.len() > 255 || text.chars().any(char::is_control) {
            let help = "write for example \"payment_initiation\" or an URI of yours";
            return Err(Wrong::new("the type is empty, too long or has control characters", help));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromToml for Schema {
    fn kind() -> String {
        "a JSON Schema".into()
    }
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Option<Self> {
        if !value.get_ref().is_table() {
            return reader.wrong_kind::<Self>(value);
        }
        let checked = json(value).ok_or_else(|| wrong("not JSON")).and_then(checked);
        checked
            .map(Self)
            .map_err(|wrong| reader.problem(&value.span(), wrong.message, wrong.help))
            .ok()
    }
}

impl FromText for SchemaFile {
    const KIND: &'static str = "the path of a JSON Schema, relative to the file's folder";
    fn parse(text: &str, reader: &Reader<'_>) -> Result<Self, Wrong> {
        let path = reader.around.folder.join(text);
        let text = std::fs::read(&path).map_err(|why| {
            let help = "name a file that this user can read; paths start at this file's folder";
            Wrong::new(format!("cannot read the schema from {}: {why}", path.display()), help)
        })?;
        let schema = bailiwick_jose::json::parse(&text).map_err(|why| wrong(&why.to_string()))?;
        checked(schema).map(Self)
    }
}

fn checked(schema: Value) -> Result<Value, Wrong> {
    check_schema(&schema).map_err(|why| wrong(&why))?;
    Ok(schema)
}

fn wrong(why: &str) -> Wrong {
    let help = "write JSON Schema that refers to nothing outside of itself";
    Wrong::new(format!("the schema cannot be used: {why}"), help)
}
