//! The one writer: a thread that commits what waits, together.

use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use bailiwick_grant::{Kind, Version};
use bailiwick_store::statements::{Statement, sql};
use bailiwick_store::{CommitError, Row, StoreError, Write};
use rusqlite::{Connection, Params, TransactionBehavior, params};
use tokio::sync::{mpsc, oneshot};

use crate::failure::store_error;

/// How much the writer takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How many jobs may wait.
    pub(crate) waiting: usize,
    /// How many jobs are committed together at most.
    pub(crate) together: usize,
    /// How long a caller waits for a place.
    pub(crate) patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { waiting: 1024, together: 256, patience: Duration::from_secs(5) }
    }
}

/// What the writer is asked to do.
pub(crate) enum Task {
    /// Apply the writes, all or none.
    Commit(Vec<Write>),
    /// Remove up to `most` records that expired at `now` or before.
    Sweep { now: i64, most: usize },
}

/// How many records a task changed, or why none.
type Verdict = Result<usize, CommitError>;

struct Job {
    task: Task,
    answer: oneshot::Sender<Verdict>,
}

/// The writer's thread and the way to it.
pub(crate) struct Writer {
    /// Taken when the writer ends.
    queue: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    patience: Duration,
}

impl Writer {
    /// Starts the thread on its connection.
    pub(crate) fn start(connection: Connection, limits: Limits) -> Result<Self, StoreError> {
        let (queue, jobs) = mpsc::channel(limits.waiting);
        let thread = Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run(connection, jobs, limits.together))
            .map_err(|error| StoreError::unavailable("start the writer", error))?;
        Ok(Self { queue: Some(queue), thread: Some(thread), patience: limits.patience })
    }

    /// Hands a task to the writer and waits until it is durable.
    pub(crate) async fn run(&self, task: Task) -> Verdict {
        let ended = || StoreError::unavailable("commit", "the writer has ended");
        let queue = self.queue.as_ref().ok_or_else(ended)?;
        let Ok(place) = tokio::time::timeout(self.patience, queue.reserve()).await else {
            return Err(StoreError::Busy.into());
        };
        let (answer, verdict) = oneshot::channel();
        place.map_err(|_| ended())?.send(Job { task, answer });
        verdict.await.map_err(|_| ended())?
    }
}

impl Drop for Writer {
    /// Lets the writer finish what waits, and closes its connection.
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has told its callers by not answering them.
            drop(thread.join());
        }
    }
}

fn run(mut connection: Connection, mut jobs: mpsc::Receiver<Job>, together: usize) {
    while let Some(first) = jobs.blocking_recv() {
        let mut group = vec![first];
        while group.len() < together
            && let Ok(job) = jobs.try_recv()
        {
            group.push(job);
        }
        let (tasks, answers): (Vec<_>, Vec<_>) =
            group.into_iter().map(|job| (job.task, job.answer)).unzip();
        let verdicts = commit_together(&mut connection, &tasks);
        for (answer, verdict) in answers.into_iter().zip(verdicts) {
            // Nobody may be waiting any more; then nobody needs to know.
            let _ = answer.send(verdict);
        }
    }
}

/// Applies the tasks, each all or none, and makes them durable by one commit.
///
/// INVARIANT: no verdict is known to anybody before the commit; also a conflict may rest on a task
/// of the same group.
fn commit_together(connection: &mut Connection, tasks: &[Task]) -> Vec<Verdict> {
    apply_together(connection, tasks).unwrap_or_else(|error| {
        let error = store_error("commit", error);
        tasks.iter().map(|_| Err(error.clone().into())).collect()
    })
}

fn apply_together(connection: &mut Connection, tasks: &[Task]) -> rusqlite::Result<Vec<Verdict>> {
    // Immediate: the lock is taken before the first read, so no precondition is read too early.
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut verdicts = Vec::with_capacity(tasks.len());
    for task in tasks {
        let savepoint = transaction.savepoint()?;
        let verdict = match apply(&savepoint, task) {
            Ok(changed) => savepoint.commit().map(|()| Ok(changed))?,
            // A grave error (a full disk) has undone the whole transaction: then all have failed.
            Err(Failed::Sqlite(error)) if savepoint.is_autocommit() => return Err(error),
            Err(Failed::Sqlite(error)) => {
                savepoint.finish()?;
                Err(store_error("write", error).into())
            }
            Err(Failed::Conflict) => {
                savepoint.finish()?;
                Err(CommitError::Conflict)
            }
        };
        verdicts.push(verdict);
    }
    transaction.commit()?;
    Ok(verdicts)
}

/// Why a task was not applied.
enum Failed {
    Conflict,
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

fn apply(connection: &Connection, task: &Task) -> Result<usize, Failed> {
    match task {
        Task::Commit(writes) => {
            for write in writes {
                apply_write(connection, write)?;
            }
            Ok(writes.len())
        }
        Task::Sweep { now, most } => sweep(connection, *now, *most),
    }
}

fn apply_write(connection: &Connection, write: &Write) -> Result<(), Failed> {
    let changed = match write {
        Write::Insert(row) => upsert(connection, Statement::Insert, row)?,
        Write::Update(row, Version(seen)) => {
            // A version that SQLite cannot hold is of no record.
            let seen = i64::try_from(*seen).map_err(|_| Failed::Conflict)?;
            let values = params![row.expires_at, row.body, row.key, seen];
            execute(connection, Statement::Update, row.kind, values)?
        }
        Write::Put(row) => upsert(connection, Statement::Put, row)?,
        Write::Delete(kind, key) => {
            execute(connection, Statement::Delete, *kind, [key])?;
            return Ok(()); // it may not have been there
        }
    };
    if changed == 1 { Ok(()) } else { Err(Failed::Conflict) }
}

fn upsert(connection: &Connection, statement: Statement, row: &Row) -> rusqlite::Result<usize> {
    execute(connection, statement, row.kind, params![row.key, row.expires_at, row.body])
}

fn sweep(connection: &Connection, now: i64, most: usize) -> Result<usize, Failed> {
    let mut removed = 0;
    for kind in Kind::ALL {
        let left = i64::try_from(most - removed).unwrap_or(i64::MAX);
        removed += execute(connection, Statement::Sweep, *kind, [now, left])?;
    }
    Ok(removed)
}

fn execute(
    connection: &Connection,
    statement: Statement,
    kind: Kind,
    values: impl Params,
) -> rusqlite::Result<usize> {
    connection.prepare_cached(&sql(statement, kind))?.execute(values)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bailiwick_grant::state::Name;
    use bailiwick_grant::{Change, Kind};
    use bailiwick_store::contract::samples::{code, name};
    use bailiwick_store::{CommitError, StoreError, Write};
    use rusqlite::Connection;
    use tempfile::TempDir;

    use super::{Limits, Task, Writer, commit_together};
    use crate::{open, schema};

    fn opened() -> (Connection, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let path = open::place(&folder.path().join("store.db")).unwrap();
        (schema::open(&path).unwrap(), folder)
    }

    fn other(folder: &TempDir) -> Connection {
        open::writing(&folder.path().join("store.db")).unwrap()
    }

    fn commit(changes: Vec<Change>) -> Task {
        Task::Commit(Write::all(changes).unwrap())
    }

    fn names(connection: &Connection) -> Vec<String> {
        let mut statement = connection.prepare("select key from name order by key").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// A record whose body has so many bytes and more.
    fn large(key: &str, bytes: usize) -> Change {
        Change::insert(bailiwick_grant::state::Code {
            redirect_uri: Some("x".repeat(bytes)),
            ..code(key)
        })
    }

    #[test]
    fn a_conflict_in_a_group_undoes_its_own_commit_alone() {
        let (mut connection, _folder) = opened();
        let tasks = [
            commit(vec![Change::insert(name("a", 1))]),
            commit(vec![Change::insert(name("b", 1)), Change::insert(name("a", 2))]),
            commit(vec![Change::insert(name("c", 1))]),
            commit(vec![Change::delete::<Name>("a"), Change::insert(name("d", 1))]),
        ];
        let verdicts = commit_together(&mut connection, &tasks);
        assert!(matches!(verdicts.as_slice(), [Ok(1), Err(CommitError::Conflict), Ok(1), Ok(2)]));
        assert_eq!(names(&connection), ["c", "d"]);
    }

    #[test]
    fn nothing_is_acknowledged_before_the_commit() {
        let (mut connection, folder) = opened();
        // A reader that holds the lock which the commit needs makes the commit itself fail.
        connection.pragma_update(None, "journal_mode", "delete").unwrap();
        connection.busy_timeout(Duration::ZERO).unwrap();
        let reader = other(&folder);
        reader.execute_batch("begin; select * from name").unwrap();
        let tasks = [
            commit(vec![Change::insert(name("a", 1))]),
            commit(vec![Change::insert(name("a", 2))]),
        ];
        let verdicts = commit_together(&mut connection, &tasks);
        for verdict in verdicts {
            assert!(matches!(verdict, Err(CommitError::Store(StoreError::Busy))), "{verdict:?}");
        }
        reader.execute_batch("rollback").unwrap();
        assert!(names(&connection).is_empty());
    }

    #[test]
    fn a_full_disk_is_said_and_harms_nothing() {
        let (mut connection, _folder) = opened();
        let first = commit(vec![Change::insert(name("kept", 1))]);
        assert!(matches!(commit_together(&mut connection, &[first]).as_slice(), [Ok(1)]));
        let pages: i64 =
            connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        connection.pragma_update_and_check(None, "max_page_count", pages + 2, |_| Ok(())).unwrap();

        let tasks = [commit(vec![Change::insert(name("new", 1)), large("large", 100_000)])];
        let verdicts = commit_together(&mut connection, &tasks);
        let [Err(CommitError::Store(error))] = verdicts.as_slice() else { panic!("{verdicts:?}") };
        let source = std::error::Error::source(error).unwrap().to_string();
        assert!(source.contains("full"), "{source}");
        assert_eq!(names(&connection), ["kept"]);

        connection
            .pragma_update_and_check(None, "max_page_count", pages + 1000, |_| Ok(()))
            .unwrap();
        assert!(matches!(commit_together(&mut connection, &tasks).as_slice(), [Ok(2)]));
        let report: String =
            connection.pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap();
        assert_eq!(report, "ok");
    }

    #[tokio::test]
    async fn who_waits_too_long_is_told_that_the_store_is_busy() {
        let (connection, folder) = opened();
        let holder = other(&folder);
        holder.execute_batch("begin immediate").unwrap();
        let limits = Limits { waiting: 1, together: 1, patience: Duration::from_millis(50) };
        let writer = Writer::start(connection, limits).unwrap();
        let run = |key| writer.run(commit(vec![Change::insert(name(key, 1))]));
        let (first, busy) = tokio::join!(run("a"), async {
            // One is being written and one waits, so there is no place for a third.
            let busy = tokio::select! {
                verdict = run("b") => verdict,
                verdict = run("c") => verdict,
            };
            holder.execute_batch("commit").unwrap();
            busy
        });
        assert!(matches!(busy, Err(CommitError::Store(StoreError::Busy))), "{busy:?}");
        first.unwrap();
    }

    #[tokio::test]
    async fn a_lock_that_another_process_keeps_is_said() {
        let (connection, folder) = opened();
        connection.busy_timeout(Duration::ZERO).unwrap();
        let holder = other(&folder);
        holder.execute_batch("begin immediate").unwrap();
        let writer = Writer::start(connection, Limits::default()).unwrap();
        let answer = writer.run(commit(vec![Change::insert(name("a", 1))])).await;
        assert!(matches!(answer, Err(CommitError::Store(StoreError::Busy))), "{answer:?}");
        holder.execute_batch("rollback").unwrap();
        writer.run(commit(vec![Change::insert(name("a", 1))])).await.unwrap();
    }

    #[tokio::test]
    async fn what_waits_is_written_before_the_writer_ends() {
        let (connection, folder) = opened();
        let holder = other(&folder);
        holder.execute_batch("begin immediate").unwrap();
        let limits = Limits { together: 3, ..Limits::default() };
        let writer = Writer::start(connection, limits).unwrap();
        for number in 0..20 {
            let task = commit(vec![Change::insert(name(&format!("{number:02}"), 1))]);
            // Handed over and forgotten, as by a request whose client has gone.
            let forgotten = tokio::time::timeout(Duration::ZERO, writer.run(task)).await;
            assert!(forgotten.is_err(), "the lock is held");
        }
        holder.execute_batch("commit").unwrap();
        drop(writer);
        assert_eq!(names(&other(&folder)).len(), 20);
    }

    #[test]
    fn every_kind_is_swept() {
        let (mut connection, _folder) = opened();
        for kind in Kind::ALL {
            let insert = format!("insert into {} values ('key', 1, 10, x'')", kind.name());
            connection.execute(&insert, []).unwrap();
        }
        let tasks = [Task::Sweep { now: 10, most: 100 }];
        let verdicts = commit_together(&mut connection, &tasks);
        assert!(matches!(verdicts.as_slice(), [Ok(swept)] if *swept == Kind::ALL.len()));
    }
}
