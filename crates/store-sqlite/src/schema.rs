//! The schema: whose file it is, which release wrote it, and the migrations to this one.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use bailiwick_store::StoreError;
use rusqlite::{Connection, TransactionBehavior};

use crate::failure::store_error;
use crate::open;

/// Marks a file as ours: `bail` in ASCII, in the place that SQLite keeps for this.
const APPLICATION_ID: i64 = 0x6261_696c;

/// How often a file is tried that other processes are preparing too, and how long between.
const ATTEMPTS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// Opens the file for writing and brings its schema up to this release.
pub(crate) fn open(path: &Path) -> Result<Connection, StoreError> {
    let mut connection = open::writing(path)?;
    let failed = |error| store_error("open the database", error);
    // Switching to WAL and two migrations at once fail without waiting for each other: whoever
    // comes second tries again and finds it done.
    connection.busy_timeout(PAUSE).map_err(failed)?;
    let mut left = ATTEMPTS;
    loop {
        left -= 1;
        match prepare(&mut connection, path) {
            Ok(()) => break,
            Err(Failure::Passing(_)) if left > 0 => sleep(PAUSE),
            Err(Failure::Passing(error) | Failure::Lasting(error)) => return Err(error),
        }
    }
    connection.busy_timeout(open::LOCK_WAIT).map_err(failed)?;
    Ok(connection)
}

/// Whether another attempt can succeed.
enum Failure {
    Passing(StoreError),
    Lasting(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Self::Passing(error),
            _ => Self::Lasting(error),
        }
    }
}

fn prepare(connection: &mut Connection, path: &Path) -> Result<(), Failure> {
    claim(connection, path)?; // before anything is changed: the file may be somebody else's
    refuse_newer(connection)?;
    open::make_durable(connection)?;
    migrate(connection)
}

/// Marks an empty file as ours, and refuses one that is not.
fn claim(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => foreign(path),
        _ => store_error("read the database", error),
    };
    if application_id(connection).map_err(failed)? == APPLICATION_ID {
        return Ok(());
    }
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    // Again, now that nobody else can be claiming it.
    if application_id(&transaction).map_err(failed)? == APPLICATION_ID {
        return Ok(());
    }
    let tables: i64 = transaction
        .query_row("select count(*) from sqlite_schema", [], |row| row.get(0))
        .map_err(failed)?;
    if tables > 0 || application_id(&transaction).map_err(failed)? != 0 {
        return Err(foreign(path));
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
    transaction.commit().map_err(failed)
}

fn application_id(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "application_id", |row| row.get(0))
}

fn foreign(path: &Path) -> StoreError {
    StoreError::Foreign { place: path.display().to_string() }
}

/// Refuses a file that a newer release has migrated.
fn refuse_newer(connection: &Connection) -> Result<(), StoreError> {
    let failed = |error| store_error("read the schema's version", error);
    if !connection.table_exists(None, "refinery_schema_history").map_err(failed)? {
        return Ok(());
    }
    let found: i64 = connection
        .query_row("select coalesce(max(version), 0) from refinery_schema_history", [], |row| {
            row.get(0)
        })
        .map_err(failed)?;
    let migrations = embedded::migrations::runner();
    let known = migrations.get_migrations().iter().map(|it| i64::from(it.version())).max();
    match known.unwrap_or(0) {
        known if found > known => Err(StoreError::Newer { found, known }),
        _ => Ok(()),
    }
}

fn migrate(connection: &mut Connection) -> Result<(), Failure> {
    match embedded::migrations::runner().set_grouped(true).run(connection) {
        Ok(_) => Ok(()),
        // A migration that was applied and then edited: no attempt will help.
        Err(error) if matches!(error.kind(), refinery::error::Kind::DivergentVersion(..)) => {
            Err(Failure::Lasting(StoreError::unavailable("check the schema", error)))
        }
        Err(error) => Err(Failure::Passing(StoreError::unavailable("migrate the schema", error))),
    }
}

mod embedded {
    #![allow(clippy::pedantic, clippy::unwrap_used, unreachable_pub, reason = "generated")]
    refinery::embed_migrations!("migrations");
}

#[cfg(test)]
mod tests {
    use bailiwick_grant::Kind;
    use bailiwick_store::statements::{Statement, sql};
    use rusqlite::Connection;

    fn opened() -> (Connection, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let path = crate::open::place(&folder.path().join("store.db")).unwrap();
        (super::open(&path).unwrap(), folder)
    }

    #[test]
    fn every_statement_can_be_prepared() {
        let (connection, _folder) = opened();
        for kind in Kind::ALL {
            for statement in Statement::ALL {
                let text = sql(*statement, *kind);
                let prepared = connection.prepare(&text);
                let prepared = prepared.unwrap_or_else(|error| panic!("{text}: {error}"));
                assert_eq!(prepared.parameter_count(), statement.parameters(), "{text}");
            }
        }
    }

    /// What SQLite does for a statement, as it explains it.
    fn plan(connection: &Connection, text: &str, parameters: usize) -> String {
        let mut explained = connection.prepare(&format!("explain query plan {text}")).unwrap();
        let values = vec![1_i64; parameters];
        let steps = explained
            .query_map(rusqlite::params_from_iter(values), |row| row.get::<_, String>(3))
            .unwrap();
        steps.map(Result::unwrap).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn no_statement_reads_a_whole_table_or_sorts() {
        let (connection, _folder) = opened();
        for kind in Kind::ALL {
            for statement in Statement::ALL {
                let text = sql(*statement, *kind);
                let plan = plan(&connection, &text, statement.parameters());
                let by_index = !plan.contains("SCAN") || plan.contains("USING INDEX");
                assert!(by_index && !plan.contains("TEMP B-TREE"), "{text}: {plan}");
            }
        }
    }

    #[test]
    fn sweeping_reads_the_index_of_what_expires() {
        let (connection, _folder) = opened();
        let plan = plan(&connection, &sql(Statement::Sweep, Kind::Code), 2);
        assert!(plan.contains("code_expiry"), "{plan}");
    }
}
