use std::time::Duration;

use chassis::data::{Database, Engine, migrations};
use chassis::{ErrorKind, ResultExt};

use crate::support::{Scratch, count, on_each_engine};

on_each_engine! {
    what_is_committed_stays_and_what_is_dropped_goes,
    migrations_run_once_and_tolerate_newer_ones,
    a_changed_migration_is_refused,
    several_migrate_at_once,
    many_writers_at_once_all_succeed,
    a_database_takes_single_statements,
    a_failed_statement_is_never_committed_silently,
    a_transaction_can_be_rolled_back,
    types_pass_through,
    trouble_of_the_database_has_its_kind,
}

const NOTES: (i64, &str, &str) = (1, "notes", "CREATE TABLE note (id TEXT PRIMARY KEY, n BIGINT NOT NULL)");

async fn notes(scratch: &Scratch) -> Database {
    let db = scratch.connect().await;
    db.migrate(&migrations(&[NOTES])).await.unwrap();
    db
}

async fn what_is_committed_stays_and_what_is_dropped_goes(scratch: Scratch) {
    let db = notes(&scratch).await;
    let mut tx = db.begin().await.unwrap();
    sqlx::query("INSERT INTO note VALUES ('kept', 1)").execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    sqlx::query("INSERT INTO note VALUES ('dropped', 1)").execute(&mut tx).await.unwrap();
    drop(tx);
    db.close().await;

    let db = scratch.connect().await;
    let ids: Vec<String> = sqlx::query_scalar("SELECT id FROM note").fetch_all(db.pool()).await.unwrap();
    assert_eq!(ids, ["kept"]);
}

async fn a_transaction_can_be_rolled_back(scratch: Scratch) {
    let db = notes(&scratch).await;
    let mut tx = db.begin().await.unwrap();
    let borrowed = &mut tx;
    sqlx::query("INSERT INTO note VALUES ('a', 1)").execute(&mut *borrowed).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(count(&db, "note").await, 0);
}

async fn migrations_run_once_and_tolerate_newer_ones(scratch: Scratch) {
    let newer = migrations(&[NOTES, (2, "tags", "CREATE TABLE tag (id TEXT PRIMARY KEY)")]);
    let db = scratch.connect().await;
    db.migrate(&newer).await.unwrap();
    db.migrate(&newer).await.unwrap();
    // The version before, started again during a rollout.
    db.migrate(&migrations(&[NOTES])).await.unwrap();
    assert_eq!(count(&db, "_sqlx_migrations").await, 2);
    let of_the_library = if db.engine() == Engine::Postgres { 5 } else { 4 };
    assert_eq!(count(&db, "chassis_migrations").await, of_the_library);
    assert_eq!(count(&db, "chassis_outbox_lease").await, 8);
}

async fn a_changed_migration_is_refused(scratch: Scratch) {
    let db = notes(&scratch).await;
    let changed = migrations(&[(1, "notes", "CREATE TABLE note (id TEXT PRIMARY KEY)")]);
    let error = db.migrate(&changed).await.unwrap_err();
    assert!(error.to_string().starts_with("the tables of `test` at "), "{error}");
    assert!(format!("{error:#}").contains("migration `notes` was changed after it had been applied"), "{error:#}");
    db.migrate(&migrations(&[NOTES])).await.unwrap();
}

async fn a_database_takes_single_statements(scratch: Scratch) {
    let db = notes(&scratch).await;
    let insert = |n: i64| sqlx::query("INSERT INTO note VALUES ($1, $2)").bind(n.to_string()).bind(n);
    let (one, two, three) = tokio::join!(insert(1).execute(&db), insert(2).execute(&db), insert(3).execute(&db));
    assert_eq!([one, two, three].map(|done| done.unwrap().rows_affected()), [1, 1, 1]);
    let numbers: Vec<i64> =
        sqlx::query_scalar("SELECT n FROM note WHERE n < $1 ORDER BY n").bind(3_i64).fetch_all(&db).await.unwrap();
    assert_eq!(numbers, [1, 2]);
    let none: Option<i64> = sqlx::query_scalar("SELECT n FROM note WHERE n = 99").fetch_optional(&db).await.unwrap();
    assert_eq!(none, None);
}

async fn several_migrate_at_once(scratch: Scratch) {
    let (a, b) = (scratch.connect().await, scratch.connect().await);
    let steps = migrations(&[NOTES]);
    let (first, second) = tokio::join!(a.migrate(&steps), b.migrate(&steps));
    first.unwrap();
    second.unwrap();
}

async fn many_writers_at_once_all_succeed(mut scratch: Scratch) {
    // All of them wait for one row: what counts is that none fails, not how long a slow disk takes.
    scratch.settings.acquire_timeout = Duration::from_secs(60);
    let db = notes(&scratch).await;
    // A second pool stands for code that opened the same database on its own.
    let other = scratch.connect().await;
    sqlx::query("INSERT INTO note VALUES ('sum', 0)").execute(db.pool()).await.unwrap();
    let tasks = (0..64).map(|index| {
        let db = if index % 2 == 0 { db.clone() } else { other.clone() };
        tokio::spawn(async move {
            for _ in 0..5 {
                let mut tx = db.begin().await?;
                let n: i64 = sqlx::query_scalar("UPDATE note SET n = n + 1 WHERE id = 'sum' RETURNING n")
                    .fetch_one(&mut tx)
                    .await?;
                sqlx::query("INSERT INTO note VALUES ($1, $2)").bind(format!("{n}")).bind(n).execute(&mut tx).await?;
                tx.commit().await?;
            }
            Ok(())
        })
    });
    let tasks: Vec<tokio::task::JoinHandle<chassis::Result<()>>> = tasks.collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(count(&db, "note").await, 1 + 64 * 5);
}

async fn a_failed_statement_is_never_committed_silently(scratch: Scratch) {
    let db = notes(&scratch).await;
    let mut tx = db.begin().await.unwrap();
    sqlx::query("INSERT INTO note VALUES ('a', 1)").execute(&mut tx).await.unwrap();
    sqlx::query("INSERT INTO note VALUES ('a', 2)").execute(&mut tx).await.unwrap_err();
    let committed = tx.commit().await;
    // SQLite goes on after a failed statement, PostgreSQL doesn't; either way the answer is the truth.
    assert_eq!(count(&db, "note").await == 1, committed.is_ok());
}

/// As a handler or a route has it: by `?` and nothing else.
async fn trouble_of_the_database_has_its_kind(mut scratch: Scratch) {
    scratch.settings.max_connections = 1;
    scratch.settings.acquire_timeout = Duration::from_millis(100);
    let db = notes(&scratch).await;
    let insert = "INSERT INTO note VALUES ('a', 1)";
    let kind = async |statement: &'static str| -> ErrorKind {
        let ask = async || -> chassis::Result<()> {
            sqlx::query(statement).fetch_optional(&db).await.context("looking")?;
            Ok(())
        };
        ask().await.unwrap_err().kind()
    };
    let mut tx = db.begin().await.unwrap();
    assert_eq!(kind("SELECT 1").await, ErrorKind::Overloaded);
    sqlx::query(insert).execute(&mut tx).await.unwrap();
    let twice = chassis::Error::from(sqlx::query(insert).execute(&mut tx).await.unwrap_err());
    assert_eq!(twice.kind(), ErrorKind::Unexpected, "the statement is at fault");
    drop(tx);
    if db.engine() == Engine::Postgres {
        let mut tx = db.begin().await.unwrap();
        let end = sqlx::query("SELECT pg_terminate_backend(pg_backend_pid())").execute(&mut tx).await.unwrap_err();
        assert_eq!(chassis::Error::from(end).kind(), ErrorKind::Unavailable);
        let gone = sqlx::query("SELECT 1").execute(&mut tx).await.unwrap_err();
        assert_eq!(chassis::Error::from(gone).kind(), ErrorKind::Unavailable);
        assert_eq!(tx.commit().await.unwrap_err().kind(), ErrorKind::Unexpected, "nobody knows");
    }
    db.close().await;
    assert_eq!(kind("SELECT 1").await, ErrorKind::Closed);
}

async fn types_pass_through(scratch: Scratch) {
    let db = scratch.connect().await;
    let bytes = if scratch.settings.url.as_deref().unwrap().starts_with("sqlite") { "BLOB" } else { "BYTEA" };
    let table = sqlx::AssertSqlSafe(format!("CREATE TABLE t (a TEXT, b BIGINT, c {bytes}, d DOUBLE PRECISION)"));
    sqlx::query(table).execute(db.pool()).await.unwrap();
    let insert = sqlx::query("INSERT INTO t VALUES ($1, $2, $3, $4)");
    insert.bind("é").bind(1_i64 << 60).bind(vec![0_u8, 255]).bind(0.5).execute(db.pool()).await.unwrap();
    let insert = sqlx::query("INSERT INTO t VALUES ($1, $2, $3, $4)");
    let nothing = insert.bind(None::<String>).bind(None::<i64>).bind(None::<Vec<u8>>).bind(None::<f64>);
    nothing.execute(db.pool()).await.unwrap();
    type Row = (Option<String>, Option<i64>, Option<Vec<u8>>, Option<f64>);
    let rows: Vec<Row> = sqlx::query_as("SELECT a, b, c, d FROM t ORDER BY b").fetch_all(db.pool()).await.unwrap();
    assert!(rows.contains(&(Some("é".into()), Some(1 << 60), Some(vec![0, 255]), Some(0.5))));
    assert!(rows.contains(&(None, None, None, None)));
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_task_that_begins_twice_is_told_so() {
    let mut scratch = Scratch::sqlite().await;
    scratch.settings.acquire_timeout = Duration::from_millis(100);
    let db = scratch.connect().await;
    let _first = db.begin().await.unwrap();
    let error = db.begin().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overloaded);
    assert!(error.to_string().contains("perhaps of this very task"), "{error}");
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "x".repeat(5000)).unwrap();
    let settings = chassis::data::DatabaseSettings::at(format!("sqlite:{}", file.display()));
    let error = Database::connect(&settings, "test").await.unwrap_err();
    assert_eq!(error.to_string(), format!("sqlite:{} is no SQLite database", file.display()));
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn sqlite_keeps_what_was_confirmed_through_a_power_loss() {
    let scratch = Scratch::sqlite().await;
    let db = scratch.connect().await;
    let pragma = async |name: &'static str| sqlx::query_scalar::<_, i64>(name).fetch_one(db.pool()).await.unwrap();
    assert_eq!(pragma("PRAGMA synchronous").await, 2);
    assert_eq!(pragma("PRAGMA foreign_keys").await, 1);
    assert_eq!(pragma("PRAGMA busy_timeout").await, 10_000);
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(db.pool()).await.unwrap();
    assert_eq!(mode, "wal");
}
