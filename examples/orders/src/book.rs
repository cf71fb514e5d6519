//! The order book: an SQLite file of its own, which knows nothing of tokens.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

/// An order as it is placed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// What is ordered: 1 to 100 characters.
    pub item: String,
    /// How many: 1 to 1,000.
    pub quantity: u16,
}

/// An order as it stands in the book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its number.
    pub id: i64,
    /// What was ordered.
    pub item: String,
    /// How many.
    pub quantity: u16,
}

/// The order book.
pub struct Book(Mutex<Connection>);

impl NewOrder {
    /// Whether item and quantity are within bounds.
    pub fn is_sensible(&self) -> bool {
        (1..=100).contains(&self.item.chars().count()) && (1..=1000).contains(&self.quantity)
    }
}

impl Book {
    /// Opens or makes the file.
    ///
    /// # Errors
    /// When the file cannot be written or is no order book.
    pub fn open(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "pragma journal_mode = wal;
             create table if not exists orders (
                 id integer primary key, subject text not null, item text not null, quantity integer not null);
             create index if not exists orders_by_subject on orders (subject, id);",
        )?;
        Ok(Self(Mutex::new(connection)))
    }

    /// The newest hundred orders of one subject; a subject that is new gets two to look at.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn history(&self, subject: &str) -> rusqlite::Result<Vec<Order>> {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known: i64 = connection.query_row(
            "select count(*) from orders where subject = ?1",
            [subject],
            |row| row.get(0),
        )?;
        if known == 0 {
            for (item, quantity) in [("A pound of Darjeeling", 1), ("Two cups", 2)] {
                let order = params![subject, item, quantity];
                connection.execute(
                    "insert into orders (subject, item, quantity) values (?1, ?2, ?3)",
                    order,
                )?;
            }
        }
        let mut statement = connection.prepare_cached(
            "select id, item, quantity from orders where subject = ?1 order by id desc limit 100",
        )?;
        let orders = statement.query_map([subject], |row| {
            Ok(Order { id: row.get(0)?, item: row.get(1)?, quantity: row.get(2)? })
        })?;
        orders.collect()
    }

    /// Writes an order of a subject.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn place(&self, subject: &str, order: NewOrder) -> rusqlite::Result<Order> {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let values = params![subject, order.item, order.quantity];
        connection
            .execute("insert into orders (subject, item, quantity) values (?1, ?2, ?3)", values)?;
        let id = connection.last_insert_rowid();
        Ok(Order { id, item: order.item, quantity: order.quantity })
    }
}
