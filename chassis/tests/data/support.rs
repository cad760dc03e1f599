//! A database of its own for each test.

use chassis::data::{Database, DatabaseSettings};

/// Runs each of the given functions as a test on each engine, with a [`Scratch`] of its own.
macro_rules! on_each_engine {
    ($($test:ident),* $(,)?) => {
        #[cfg(feature = "sqlite")]
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test($crate::support::Scratch::sqlite().await).await;
            })*
        }

        #[cfg(feature = "postgres")]
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test($crate::support::Scratch::postgres().await).await;
            })*
        }
    };
}
pub(crate) use on_each_engine;

pub(crate) struct Scratch {
    pub(crate) settings: DatabaseSettings,
    _folder: Option<tempfile::TempDir>,
}

impl Scratch {
    #[cfg(feature = "sqlite")]
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/made/on/the/way/test.db", folder.path().display());
        Self { settings: DatabaseSettings::at(url), _folder: Some(folder) }
    }

    #[cfg(feature = "postgres")]
    pub(crate) async fn postgres() -> Self {
        let server = server();
        let admin = Database::connect(&DatabaseSettings::at(server.as_str()), "admin").await.unwrap();
        let name = format!("test_{}", uuid::Uuid::new_v4().simple());
        let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
        sqlx::query(create).execute(admin.pool()).await.unwrap();
        admin.close().await;
        Self { settings: DatabaseSettings::at(with_database(&server, &name)), _folder: None }
    }

    /// Another pool for the same database, as another process would have it.
    pub(crate) async fn connect(&self) -> Database {
        Database::connect(&self.settings, "test").await.unwrap()
    }

    /// A pool for the database, with the library's tables.
    pub(crate) async fn database(&self) -> Database {
        let db = self.connect().await;
        db.migrate_library().await.unwrap();
        db
    }
}

/// The PostgreSQL of the test run.
#[cfg(feature = "postgres")]
pub(crate) fn server() -> String {
    std::env::var("CHASSIS_TEST_POSTGRES").expect(
        "the environment variable CHASSIS_TEST_POSTGRES must name a PostgreSQL server for tests, such as \
         postgres://user:password@127.0.0.1:5432/postgres; `tests/run` starts one and sets it",
    )
}

#[cfg(feature = "postgres")]
pub(crate) fn with_database(server: &str, name: &str) -> String {
    let mut url = url::Url::parse(server).expect("CHASSIS_TEST_POSTGRES is no URL");
    url.set_path(name);
    url.into()
}

/// The rows of a table.
pub(crate) async fn count(db: &Database, table: &str) -> i64 {
    let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    sqlx::query_scalar(sql).fetch_one(db.pool()).await.unwrap()
}
