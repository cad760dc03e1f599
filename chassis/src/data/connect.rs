//! The first connection, which finds every fault and words it, and the pool behind it.

use std::io;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, ConnectOptions, Connection, Executor};
use tokio::time::{Instant, timeout};

use super::target::Target;
use super::{DatabaseSettings, Engine};
use crate::error::database::is_busy;
use crate::{Error, ErrorKind, Result, ResultExt};

/// A pooled connection that has rested for longer is asked whether it still lives.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// Opens the database once, so that a fault shows now and in words, and gives the pool.
pub(super) async fn open(target: &Target, settings: &DatabaseSettings) -> Result<AnyPool> {
    sqlx::any::install_default_drivers();
    make_folder(target).await?;
    let options: AnyConnectOptions = target.url.parse().map_err(|error| explain(target, error))?;
    let mut first = match timeout(settings.acquire_timeout, options.connect()).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return Err(explain(target, error)),
        Err(_) => {
            let message =
                format!("the database at {} did not answer within {:?}", target.shown, settings.acquire_timeout);
            return Err(Error::new(ErrorKind::Unavailable, message));
        }
    };
    if target.engine == Engine::Sqlite {
        use_write_ahead_log(&mut first, target, settings.busy_timeout).await?;
    }
    first.close().await.context("closing the first connection")?;
    Ok(pool(target.engine, options, settings))
}

async fn make_folder(target: &Target) -> Result<()> {
    let Some(folder) = target.file.as_deref().and_then(|file| file.parent()) else { return Ok(()) };
    tokio::fs::create_dir_all(folder).await.map_err(|error| {
        Error::new(ErrorKind::Config, format!("the folder of {} cannot be made", target.shown)).with_source(error)
    })
}

/// Writers and readers of a write-ahead log don't block each other. The mode stays with the file; changing to it needs the
/// file for oneself, and for that SQLite doesn't wait on its own.
async fn use_write_ahead_log(first: &mut AnyConnection, target: &Target, patience: Duration) -> Result<()> {
    let until = Instant::now() + patience;
    loop {
        match sqlx::query_scalar::<_, String>("PRAGMA journal_mode = WAL").fetch_one(&mut *first).await {
            Ok(mode) if mode == "wal" => return Ok(()),
            Err(error) if is_busy(&error) && Instant::now() < until => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok(mode) => {
                let message = format!("{} cannot have a write-ahead log there (its journal is `{mode}`)", target.shown);
                return Err(Error::new(ErrorKind::Config, message));
            }
            Err(error) => return Err(explain(target, error)),
        }
    }
}

fn pool(engine: Engine, options: AnyConnectOptions, settings: &DatabaseSettings) -> AnyPool {
    let prepare: String = match engine {
        // FULL: the log is synchronised at every commit, so that what was confirmed survives a power loss too. NORMAL would
        // survive a SIGKILL, but a power loss takes back the last commits, and with them events that others were promised.
        Engine::Sqlite => format!(
            "PRAGMA busy_timeout = {}; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON",
            settings.busy_timeout.as_millis()
        ),
        Engine::Postgres => format!("SET statement_timeout = {}", settings.statement_timeout.as_millis()),
    };
    let prepare: std::sync::Arc<str> = prepare.into();
    AnyPoolOptions::new()
        .max_connections(settings.max_connections)
        .min_connections(settings.min_connections)
        .acquire_timeout(settings.acquire_timeout)
        .idle_timeout(settings.idle_timeout)
        .max_lifetime(settings.max_lifetime)
        .test_before_acquire(false)
        .before_acquire(|connection, rest| {
            Box::pin(async move { Ok(rest.idle_for < TRUSTED_FOR || connection.ping().await.is_ok()) })
        })
        .after_connect(move |connection, _| {
            let prepare = prepare.clone();
            Box::pin(async move { connection.execute(sqlx::AssertSqlSafe(prepare)).await.map(|_| ()) })
        })
        .connect_lazy_with(options)
}

/// One sentence that says what is wrong and where, without what the server says about users.
fn explain(target: &Target, error: sqlx::Error) -> Error {
    let at = &target.shown;
    let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned();
    let (kind, message) = match (&error, code.as_str()) {
        (_, "28P01" | "28000") => {
            let message = format!("the database at {at} rejects the user or the password of `database.url` ({code})");
            return Error::new(ErrorKind::Config, message);
        }
        (_, "3D000") => (ErrorKind::Config, format!("there is no such database at {at}; make it with CREATE DATABASE")),
        (_, "53300") => (ErrorKind::Unavailable, format!("the database at {at} has no connection left to give")),
        (_, "57P03") => (ErrorKind::Unavailable, format!("the database at {at} is starting up or shutting down")),
        (sqlx::Error::Io(io), _) if io.kind() == io::ErrorKind::ConnectionRefused => {
            (ErrorKind::Unavailable, format!("nothing listens at {at}: is the database running there?"))
        }
        (sqlx::Error::Io(_), _) => (ErrorKind::Unavailable, format!("the database at {at} cannot be reached")),
        (sqlx::Error::Tls(_), _) => (ErrorKind::Config, format!("no TLS connection to the database at {at}")),
        (sqlx::Error::Configuration(_), _) => (ErrorKind::Config, format!("`database.url` is wrong for {at}")),
        (_, "14") => (ErrorKind::Config, format!("{at} cannot be opened: is it a file that may be written?")),
        (_, "26") => (ErrorKind::Config, format!("{at} is no SQLite database")),
        _ => (ErrorKind::Unexpected, format!("the database at {at} cannot be opened")),
    };
    Error::new(kind, message).with_source(error)
}
