//! The file: its tables, and how a broker's state comes out of it.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::TryStreamExt;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteLockingMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Row};
use tokio::time::Instant;

use super::Options;
use crate::messaging::driver::{Binding, Exchange, ExchangeKind, Queue, QueueRole, Topology};
use crate::messaging::engine::state::State;
use crate::messaging::engine::store::Letter;
use crate::{Error, Result, ResultExt};

/// Says that a file is a local broker's: "chas" in ASCII.
const APPLICATION_ID: i32 = 0x6368_6173;
/// The tables below.
const VERSION: i32 = 1;

const TABLES: &str = "
CREATE TABLE exchange(name TEXT PRIMARY KEY, kind TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE queue(name TEXT PRIMARY KEY, role TEXT NOT NULL, delay_ms INTEGER) STRICT, WITHOUT ROWID;
CREATE TABLE binding(exchange TEXT NOT NULL, routing_key TEXT NOT NULL, queue TEXT NOT NULL,
  PRIMARY KEY(exchange, routing_key, queue)) STRICT, WITHOUT ROWID;
CREATE TABLE message(position INTEGER PRIMARY KEY, queue TEXT NOT NULL, exchange TEXT NOT NULL, routing_key TEXT NOT NULL,
  head BLOB NOT NULL, body BLOB NOT NULL, deliveries INTEGER NOT NULL, due_ms INTEGER) STRICT;
";

/// How long to wait for a former process that is still ending.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn open(path: &Path, options: Options) -> Result<SqliteConnection> {
    let synchronous = if options.power_loss { SqliteSynchronous::Full } else { SqliteSynchronous::Normal };
    let connect = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        // Ours alone: no other process could know what is out for delivery.
        .locking_mode(SqliteLockingMode::Exclusive)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .busy_timeout(PATIENCE)
        .thread_name(|_| "local-broker".to_owned());
    let mut file = connect.connect().await.map_err(explain)?;
    migrate(&mut file).await?;
    Ok(file)
}

async fn migrate(file: &mut SqliteConnection) -> Result<()> {
    // Written first of all, so that the lock is taken before anything is read.
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut *file).await.map_err(explain)?;
    let application: i32 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *file).await?;
    let version: i32 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *file).await?;
    let tables: i32 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(&mut *file).await?;
    match (application, version) {
        (APPLICATION_ID, VERSION) => {}
        (APPLICATION_ID, later) => {
            let message = format!(
                "it has format {later}, this program knows format {VERSION}: run a newer program or move the file away"
            );
            return Err(Error::msg(message));
        }
        _ if tables > 0 => return Err(Error::msg("it is another program's database: name another file")),
        _ => {
            sqlx::raw_sql(TABLES).execute(&mut *file).await?;
            let mark = format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}");
            sqlx::raw_sql(sqlx::AssertSqlSafe(mark)).execute(&mut *file).await?;
        }
    }
    sqlx::query("COMMIT").execute(file).await?;
    Ok(())
}

fn explain(error: sqlx::Error) -> Error {
    let busy = error.as_database_error().is_some_and(|error| error.message().contains("locked"));
    let error = Error::from(error);
    if busy {
        error.context(
            "another process has it open; use the transport `rabbitmq` if the two exchange messages, otherwise give each a file \
             of its own by `messaging.local.path`",
        )
    } else {
        error
    }
}

/// What the file holds, as the engine has it.
pub(super) async fn restore(file: &mut SqliteConnection) -> Result<State> {
    let mut state = State::default();
    state.declare(&topology(file).await?).context("its exchanges and queues contradict each other")?;
    let mut rows = sqlx::query("SELECT * FROM message ORDER BY position").fetch(file);
    while let Some(row) = rows.try_next().await? {
        let letter = Letter {
            exchange: row.try_get("exchange")?,
            routing_key: row.try_get("routing_key")?,
            head: row.try_get::<Vec<u8>, _>("head")?.into(),
            body: row.try_get::<Vec<u8>, _>("body")?.into(),
        };
        let position =
            u64::try_from(row.try_get::<i64, _>("position")?).context("a message has a negative position")?;
        let due = row.try_get::<Option<i64>, _>("due_ms")?.map(instant);
        state.restore(position, row.try_get("queue")?, letter, row.try_get("deliveries")?, due);
    }
    state.restored();
    Ok(state)
}

async fn topology(file: &mut SqliteConnection) -> Result<Topology> {
    let exchanges: Vec<(String, String)> =
        sqlx::query_as("SELECT name, kind FROM exchange").fetch_all(&mut *file).await?;
    let queues: Vec<(String, String, Option<i64>)> =
        sqlx::query_as("SELECT name, role, delay_ms FROM queue").fetch_all(&mut *file).await?;
    let bindings: Vec<(String, String, String)> =
        sqlx::query_as("SELECT queue, exchange, routing_key FROM binding").fetch_all(&mut *file).await?;
    Ok(Topology {
        exchanges: exchanges
            .into_iter()
            .map(|(name, kind)| Ok(Exchange { name, kind: read_kind(&kind)? }))
            .collect::<Result<_>>()?,
        queues: queues
            .into_iter()
            .map(|(name, role, delay)| Ok(Queue { name, role: read_role(&role, delay)? }))
            .collect::<Result<_>>()?,
        bindings: bindings
            .into_iter()
            .map(|(queue, exchange, routing_key)| Binding { queue, exchange, routing_key })
            .collect(),
    })
}

pub(super) fn write_kind(kind: ExchangeKind) -> &'static str {
    match kind {
        ExchangeKind::Topic => "topic",
        ExchangeKind::Direct => "direct",
    }
}

fn read_kind(kind: &str) -> Result<ExchangeKind> {
    match kind {
        "topic" => Ok(ExchangeKind::Topic),
        "direct" => Ok(ExchangeKind::Direct),
        other => Err(Error::msg(format!("it has an exchange of the unknown type `{other}`"))),
    }
}

/// A role and, where it has one, its delay in milliseconds.
pub(super) fn write_role(role: QueueRole) -> (&'static str, Option<i64>) {
    match role {
        QueueRole::Work => ("work", None),
        QueueRole::WorkSingleActive => ("work-single-active", None),
        QueueRole::Parking => ("parking", None),
        QueueRole::Delay(delay) => ("delay", Some(i64::try_from(delay.as_millis()).unwrap_or(i64::MAX))),
    }
}

fn read_role(role: &str, delay_ms: Option<i64>) -> Result<QueueRole> {
    match (role, delay_ms.and_then(|millis| u64::try_from(millis).ok())) {
        ("work", _) => Ok(QueueRole::Work),
        ("work-single-active", _) => Ok(QueueRole::WorkSingleActive),
        ("parking", _) => Ok(QueueRole::Parking),
        ("delay", Some(millis)) => Ok(QueueRole::Delay(Duration::from_millis(millis))),
        (other, _) => Err(Error::msg(format!("it has a queue of the unknown role `{other}`"))),
    }
}

/// A moment of the process's clock as one of the calendar, which survives the process.
pub(super) fn millis(due: Instant) -> i64 {
    let at = SystemTime::now() + due.saturating_duration_since(Instant::now());
    i64::try_from(at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}

fn instant(due_ms: i64) -> Instant {
    let at = UNIX_EPOCH + Duration::from_millis(u64::try_from(due_ms).unwrap_or_default());
    Instant::now() + at.duration_since(SystemTime::now()).unwrap_or_default()
}
