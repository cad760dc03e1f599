//! A database for each service.

use chassis::config::mask_url;
use chassis::{Result, ResultExt};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::Urls;

/// Makes the databases that are missing.
pub(super) async fn create(urls: &Urls, services: &[&str]) -> Result<()> {
    let postgres = &urls.postgres;
    let options: PgConnectOptions = postgres.parse().context("the URL of PostgreSQL is wrong")?;
    let unreachable = || format!("PostgreSQL at {} cannot be reached", mask_url(postgres));
    let mut connection = PgConnection::connect_with(&options).await.context(unreachable())?;
    for service in services {
        let name = urls.database(service);
        let known: Option<(i32,)> = sqlx::query_as("SELECT 1 FROM pg_database WHERE datname = $1")
            .bind(&name)
            .fetch_optional(&mut connection)
            .await?;
        if known.is_some() {
            continue;
        }
        // A placeholder cannot stand for the name; it was looked at when the arguments were.
        match sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await {
            Ok(_) => {}
            // Another one that starts at the same moment was faster.
            Err(sqlx::Error::Database(error)) if matches!(error.code().as_deref(), Some("42P04" | "23505")) => {}
            Err(error) => return Err(error).context(format!("the database {name} cannot be made")),
        }
    }
    connection.close().await?;
    Ok(())
}
