//! An authorization detail as users read it: every member, and nothing that is not there
//! (RFC 9396 §11.1).

use bailiwick_grant::rule::consent::AskedDetail;
use serde_json::Value;

/// A detail on the consent page.
pub(super) struct Detail<'a> {
    pub(super) kind: String,
    pub(super) description: &'a str,
    pub(super) rows: Vec<Row>,
}

/// One value of a detail, with the names that lead to it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) value: String,
}

impl<'a> Detail<'a> {
    pub(super) fn new(asked: &'a AskedDetail) -> Self {
        let mut rows = Vec::new();
        for (name, value) in asked.detail.members().iter().filter(|(name, _)| *name != "type") {
            add(&mut rows, visible(name), value);
        }
        Self { kind: visible(asked.detail.kind()), description: &asked.description, rows }
    }
}

fn add(rows: &mut Vec<Row>, name: String, value: &Value) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (member, value) in members {
                add(rows, format!("{name} \u{203a} {}", visible(member)), value);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (at, value) in items.iter().enumerate() {
                let name = match items.len() {
                    1 => name.clone(),
                    _ => format!("{name} {}", at + 1),
                };
                add(rows, name, value);
            }
        }
        Value::String(text) => rows.push(Row { name, value: visible(text) }),
        other => rows.push(Row { name, value: other.to_string() }),
    }
}

/// The text with everything shown that would be invisible, or change how the rest is read.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{ad}'
            | '\u{61c}' => shown.extend(c.escape_unicode()),
            c if c.is_control() => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick_oauth::details::read;

    #[test]
    fn every_member_is_shown_and_nothing_hides() {
        let text = r#"[{
            "type": "payment\u202e", "locations": ["https://a.example"], "actions": ["pay", "ask"],
            "amount": { "currency": "EUR", "value": 12.5, "limits": {} },
            "to": [{ "iban": "DE1" }, null], "note": "a\u0000b\u200bc\u202ed", "urgent": false
        }]"#;
        let asked =
            AskedDetail { description: "Pay".to_owned(), detail: read(text).unwrap().remove(0) };
        let detail = Detail::new(&asked);
        assert_eq!(detail.kind, "payment\\u{202e}");
        let rows: Vec<_> =
            detail.rows.iter().map(|row| (row.name.as_str(), row.value.as_str())).collect();
        let mut expected = vec![
            ("locations", "https://a.example"),
            ("actions 1", "pay"),
            ("actions 2", "ask"),
            ("amount \u{203a} currency", "EUR"),
            ("amount \u{203a} value", "12.5"),
            ("amount \u{203a} limits", "{}"),
            ("to 1 \u{203a} iban", "DE1"),
            ("to 2", "null"),
            ("note", "a\\u{0}b\\u{200b}c\\u{202e}d"),
            ("urgent", "false"),
        ];
        let mut rows = rows;
        rows.sort_unstable();
        expected.sort_unstable();
        assert_eq!(rows, expected);
    }
}
