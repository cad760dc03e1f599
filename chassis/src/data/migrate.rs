use std::borrow::Cow;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AnyPool, SqlSafeStr};

use super::Engine;
use crate::{Error, ErrorKind, Result};

/// Where the library records its own migrations, apart from the service's.
const TABLE: &str = "chassis_migrations";

/// The migrations of a service, from SQL files that are compiled in. The paths are relative to the crate's folder; the
/// digits that a file's name begins with are the version.
///
/// ```
/// let migrations = chassis::migrations!["tests/data/migrations/0001_notes.sql"];
/// assert_eq!(migrations.iter().next().map(|migration| migration.version), Some(1));
/// ```
///
/// [`Database::migrate`](crate::data::Database::migrate) applies them.
#[macro_export]
macro_rules! migrations {
    ($($path:literal),* $(,)?) => {
        $crate::data::migrations(&[$((
            const { $crate::data::version($path) },
            $path,
            ::core::include_str!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), "/", $path)),
        )),*])
    };
}

/// Migrations from their versions, names and SQL; [`migrations!`](crate::migrations!) makes them from files.
pub fn migrations(scripts: &[(i64, &'static str, &'static str)]) -> Migrator {
    let migration = |&(version, name, sql): &(i64, &'static str, &'static str)| {
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(scripts.iter().map(migration).collect())
}

/// The version that the name of a migration's file begins with.
///
/// # Panics
/// At compile time, when it begins with none.
#[doc(hidden)]
pub const fn version(path: &str) -> i64 {
    let path = path.as_bytes();
    let mut start = path.len();
    while start > 0 && path[start - 1] != b'/' {
        start -= 1;
    }
    let mut version: i64 = 0;
    let mut at = start;
    while at < path.len() && path[at].is_ascii_digit() {
        version = version * 10 + (path[at] - b'0') as i64;
        at += 1;
    }
    assert!(at > start, "the name of a migration's file must begin with its version, such as `0001_orders.sql`");
    version
}

pub(super) async fn library(pool: &AnyPool, engine: Engine) -> Result<()> {
    let scripts: &[(i64, &str, &str)] = match engine {
        Engine::Sqlite => &[
            (1, "tables", include_str!("migrations/0001_sqlite.sql")),
            (3, "queues", include_str!("migrations/0003_sqlite.sql")),
            (4, "bindings", include_str!("migrations/0004_sqlite.sql")),
            (5, "renewals", include_str!("migrations/0005_sqlite.sql")),
        ],
        Engine::Postgres => &[
            (1, "tables", include_str!("migrations/0001_postgres.sql")),
            (2, "relays", include_str!("migrations/0002_postgres.sql")),
            (3, "queues", include_str!("migrations/0003_postgres.sql")),
            (4, "bindings", include_str!("migrations/0004_postgres.sql")),
            (5, "renewals", include_str!("migrations/0005_postgres.sql")),
        ],
    };
    let mut migrator = migrations(scripts);
    migrator.dangerous_set_table_name(TABLE);
    run(pool, engine, migrator).await
}

pub(super) async fn service(pool: &AnyPool, engine: Engine, migrations: &Migrator) -> Result<()> {
    let mut migrator = Migrator::with_migrations(migrations.iter().cloned().collect());
    migrator.set_locking(migrations.locking);
    migrator.dangerous_set_table_name(migrations.table_name.clone());
    run(pool, engine, migrator).await
}

async fn run(pool: &AnyPool, engine: Engine, mut migrator: Migrator) -> Result<()> {
    // A version of the service that is older than the database must be able to start, as during every rollout.
    migrator.set_ignore_missing(true);
    // PostgreSQL has an advisory lock against two that migrate at once; on SQLite the right to write is the lock.
    let alone = engine == Engine::Sqlite && !migrator.iter().any(|migration| migration.no_tx);
    let migrated: Result<(), MigrateError> = if alone {
        let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
        match migrator.run(&mut tx).await {
            Ok(()) => tx.commit().await.map_err(Into::into),
            Err(error) => Err(error),
        }
    } else {
        let mut connection = pool.acquire().await?;
        let migrated = migrator.run(&mut *connection).await;
        if migrated.is_err() {
            // It still holds the advisory lock, which ends with it.
            connection.close().await?;
        }
        migrated
    };
    migrated.map_err(|error| explain(error, &migrator))
}

/// The same fault with the file's name and the way out.
fn explain(error: MigrateError, migrator: &Migrator) -> Error {
    let file = |version: i64| {
        let migration = migrator.iter().find(|migration| migration.version == version);
        migration.map_or_else(|| version.to_string(), |migration| migration.description.clone().into_owned())
    };
    let message = match &error {
        MigrateError::VersionMismatch(version) => format!(
            "migration `{}` was changed after it had been applied: give the file its old content back, and make the change \
             in a new one that is numbered higher; a database that holds nothing of value can be deleted instead",
            file(*version)
        ),
        MigrateError::ExecuteMigration(_, version) => {
            let failed = format!("migration `{}` failed", file(*version));
            return Error::from(error).context(failed);
        }
        _ => return error.into(),
    };
    Error::new(ErrorKind::Config, message).with_source(error)
}
