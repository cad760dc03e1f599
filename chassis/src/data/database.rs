use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::{AnyPool, Executor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::signal::CommitSignal;
use super::target::Target;
use super::{DatabaseSettings, Tx, connect, migrate};
use crate::{Error, ErrorKind, Result, ResultExt};

/// The kind of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    /// Embedded, one file.
    Sqlite,
    /// A server.
    Postgres,
}

impl Engine {
    /// The name that OpenTelemetry gives it as `db.system.name`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgresql",
        }
    }
}

/// A service's database: a pool of connections. Cloning is cheap.
///
/// Read through [`pool`](Self::pool), write through [`begin`](Self::begin). On SQLite all writers of the process take turns
/// in the order in which they came, so that none of them finds the database locked however many there are.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    pool: AnyPool,
    engine: Engine,
    service: &'static str,
    shown: String,
    max_connections: u32,
    patience: Duration,
    /// The right to write; on SQLite only.
    writer: Option<Arc<Semaphore>>,
    signal: Arc<CommitSignal>,
}

impl Database {
    /// Opens the database that `settings` name, for `service`.
    ///
    /// # Errors
    /// Says in one sentence what is wrong: nobody listens, user or password are rejected, there is no such database, the
    /// file can't be opened. User and password never show.
    pub async fn connect(settings: &DatabaseSettings, service: &'static str) -> Result<Self> {
        let target = Target::of(settings, service)?;
        let pool = connect::open(&target, settings).await?;
        Ok(Self(Arc::new(Inner {
            pool,
            engine: target.engine,
            service,
            shown: target.shown,
            max_connections: settings.max_connections,
            patience: settings.acquire_timeout,
            writer: target.file.as_deref().map(writer_of),
            signal: Arc::default(),
        })))
    }

    /// The kind of database it is.
    pub fn engine(&self) -> Engine {
        self.0.engine
    }

    /// The connections, for reading and for single statements.
    pub fn pool(&self) -> &AnyPool {
        &self.0.pool
    }

    /// The service that it belongs to.
    pub fn service(&self) -> &'static str {
        self.0.service
    }

    /// How many connections there are at most, and so how many handlers can have a transaction at once.
    pub fn max_connections(&self) -> u32 {
        self.0.max_connections
    }

    /// Begins a transaction; on SQLite one that may write, as soon as it is its turn.
    ///
    /// # Errors
    /// Of kind [`Overloaded`](ErrorKind::Overloaded) when there is no connection, or no turn to write, within
    /// `database.acquire_timeout`; so too on SQLite when a task that holds a transaction begins another one.
    pub async fn begin(&self) -> Result<Tx> {
        let turn = self.turn().await?;
        let begun = match self.0.engine {
            Engine::Sqlite => self.0.pool.begin_with("BEGIN IMMEDIATE").await,
            Engine::Postgres => self.0.pool.begin().await,
        };
        let inner = begun.map_err(|error| self.explain(error))?;
        Ok(Tx::new(inner, self.0.engine, turn, self.0.signal.clone()))
    }

    /// Runs one statement of its own, waiting for the turn to write as [`begin`](Self::begin) does. Gives the number of rows
    /// that it changed.
    pub(crate) async fn write<'q, Q>(&self, statement: Q) -> Result<u64>
    where
        Q: sqlx::Execute<'q, sqlx::Any> + 'q,
    {
        let _turn = self.turn().await?;
        let done = self.0.pool.execute(statement).await.map_err(|error| self.explain(error))?;
        Ok(done.rows_affected())
    }

    /// The same as [`write`](Self::write) for a statement that returns rows.
    pub(crate) async fn write_returning<'q, Q>(&self, statement: Q) -> Result<Vec<sqlx::any::AnyRow>>
    where
        Q: sqlx::Execute<'q, sqlx::Any> + 'q,
    {
        let _turn = self.turn().await?;
        self.0.pool.fetch_all(statement).await.map_err(|error| self.explain(error))
    }

    /// Brings the tables up to date: first the library's own, then those of `migrations`.
    ///
    /// What was applied before and is unknown here is left alone, so that an older version of a service starts beside a
    /// newer one.
    ///
    /// # Errors
    /// When a migration fails, or one that was applied has been changed since.
    pub async fn migrate(&self, migrations: &Migrator) -> Result<()> {
        self.migrate_library().await?;
        let turn = self.turn().await?;
        let migrated = migrate::service(&self.0.pool, self.0.engine, migrations).await;
        drop(turn);
        migrated.context(format!("the tables of `{}` at {} cannot be migrated", self.0.service, self.0.shown))
    }

    /// Brings the library's own tables up to date, recorded in the table `chassis_migrations`.
    ///
    /// # Errors
    /// When a migration fails.
    pub async fn migrate_library(&self) -> Result<()> {
        let _turn = self.turn().await?;
        migrate::library(&self.0.pool, self.0.engine)
            .await
            .context(format!("the tables of chassis at {} cannot be migrated", self.0.shown))
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// When there is none within `database.acquire_timeout`.
    pub async fn ping(&self) -> Result<()> {
        match timeout(self.0.patience, self.0.pool.execute("SELECT 1")).await {
            Ok(answer) => answer.map(|_| ()).map_err(|error| self.explain(error)),
            Err(_) => Err(self.unavailable(format!("does not answer within {:?}", self.0.patience))),
        }
    }

    /// Closes all connections, when the work that holds them is done.
    pub async fn close(&self) {
        self.0.pool.close().await;
    }

    /// Raised after each commit.
    #[cfg_attr(not(feature = "messaging"), expect(dead_code, reason = "the outbox's relay waits for it"))]
    pub(crate) fn signal(&self) -> &CommitSignal {
        &self.0.signal
    }

    pub(super) async fn turn(&self) -> Result<Option<OwnedSemaphorePermit>> {
        let Some(writer) = &self.0.writer else { return Ok(None) };
        match timeout(self.0.patience, writer.clone().acquire_owned()).await {
            Ok(turn) => Ok(turn.ok()),
            Err(_) => Err(Error::new(
                ErrorKind::Overloaded,
                format!(
                    "no turn to write to {} within {:?}: another transaction is open for so long, perhaps of this very task",
                    self.0.shown, self.0.patience
                ),
            )),
        }
    }

    fn explain(&self, error: sqlx::Error) -> Error {
        match &error {
            sqlx::Error::PoolTimedOut => Error::new(
                ErrorKind::Overloaded,
                format!(
                    "none of the {} connections to {} came free within {:?}",
                    self.0.max_connections, self.0.shown, self.0.patience
                ),
            ),
            sqlx::Error::PoolClosed => Error::new(ErrorKind::Closed, "the database is closed"),
            sqlx::Error::Io(_) => self.unavailable("cannot be reached").with_source(error),
            _ => Error::from(error),
        }
    }

    fn unavailable(&self, what: impl fmt::Display) -> Error {
        Error::new(ErrorKind::Unavailable, format!("the database at {} {what}", self.0.shown))
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("service", &self.0.service).field("url", &self.0.shown).finish_non_exhaustive()
    }
}

/// One right to write per file, whoever in the process opened it.
fn writer_of(file: &Path) -> Arc<Semaphore> {
    static WRITERS: Mutex<Option<HashMap<PathBuf, Weak<Semaphore>>>> = Mutex::new(None);
    let mut writers = WRITERS.lock().unwrap_or_else(PoisonError::into_inner);
    let writers = writers.get_or_insert_default();
    writers.retain(|_, writer| writer.strong_count() > 0);
    // The file exists by now, so links to it lead to one name.
    let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    if let Some(writer) = writers.get(&file).and_then(Weak::upgrade) {
        return writer;
    }
    let writer = Arc::new(Semaphore::new(1));
    writers.insert(file, Arc::downgrade(&writer));
    writer
}
