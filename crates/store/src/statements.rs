//! The SQL of the stores on databases: one registry, the same text for SQLite and PostgreSQL.
//!
//! Each kind of record has its table, named [`Kind::name`], with the columns `key`, `version`,
//! `expires_at` and `body`. Parameters are `$1`, `$2`, … and first appear in their order, because
//! SQLite numbers them by appearance. Whether a precondition held is told by the number of rows that
//! a statement changed. No statement ever contains a value.

use bailiwick_grant::Kind;

/// What is done to a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Statement {
    /// Reads `version, body`; takes the key.
    Load,
    /// Reads `key, version, body` from the first key on; takes the limit.
    First,
    /// Reads `key, version, body` after a key; takes the key and the limit.
    Next,
    /// Writes version 1 unless the key is there; takes key, expiry, body.
    Insert,
    /// Writes the next version if the seen one is there; takes expiry, body, key, seen version.
    Update,
    /// Writes version 1 or the next one; takes key, expiry, body.
    Put,
    /// Removes a record; takes the key.
    Delete,
    /// Removes what expired, the oldest first; takes the time and the limit.
    Sweep,
}

impl Statement {
    /// Every statement.
    pub const ALL: &[Self] = &[
        Self::Load,
        Self::First,
        Self::Next,
        Self::Insert,
        Self::Update,
        Self::Put,
        Self::Delete,
        Self::Sweep,
    ];

    /// The number of its parameters.
    pub const fn parameters(self) -> usize {
        match self {
            Self::Load | Self::First | Self::Delete => 1,
            Self::Next | Self::Sweep => 2,
            Self::Insert | Self::Put => 3,
            Self::Update => 4,
        }
    }
}

/// The text of a statement on the table of a kind.
pub fn sql(statement: Statement, kind: Kind) -> String {
    let table = kind.name();
    match statement {
        Statement::Load => format!("select version, body from {table} where key = $1"),
        Statement::First => {
            format!("select key, version, body from {table} order by key limit $1")
        }
        Statement::Next => {
            format!("select key, version, body from {table} where key > $1 order by key limit $2")
        }
        Statement::Insert => format!(
            "insert into {table} (key, version, expires_at, body) values ($1, 1, $2, $3) \
             on conflict (key) do nothing"
        ),
        Statement::Update => format!(
            "update {table} set version = version + 1, expires_at = $1, body = $2 \
             where key = $3 and version = $4"
        ),
        Statement::Put => format!(
            "insert into {table} (key, version, expires_at, body) values ($1, 1, $2, $3) \
             on conflict (key) do update set version = {table}.version + 1, \
             expires_at = excluded.expires_at, body = excluded.body"
        ),
        Statement::Delete => format!("delete from {table} where key = $1"),
        Statement::Sweep => format!(
            "delete from {table} where key in \
             (select key from {table} where expires_at <= $1 order by expires_at limit $2)"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{Statement, sql};
    use bailiwick_grant::Kind;

    #[test]
    fn each_statement_is_about_the_table_of_its_kind() {
        for kind in Kind::ALL {
            for statement in Statement::ALL {
                let text = sql(*statement, *kind);
                assert!(text.split([' ', '.']).any(|word| word == kind.name()), "{text}");
            }
        }
    }

    #[test]
    fn parameters_first_appear_in_their_order() {
        for statement in Statement::ALL {
            let text = sql(*statement, Kind::Code);
            let numbers: Vec<usize> = text
                .split('$')
                .skip(1)
                .map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>())
                .map(|digits| digits.parse().unwrap())
                .collect();
            let expected: Vec<usize> = (1..=statement.parameters()).collect();
            assert_eq!(numbers, expected, "{text}");
        }
    }
}
