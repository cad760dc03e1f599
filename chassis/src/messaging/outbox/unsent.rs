//! How much an outbox still has to send, for tests that wait until there is nothing.

use crate::data::{Database, Engine};
use crate::{Result, ResultExt};

/// Rows whose time is now or within a second; what failed often enough to rest longer is left out.
const SQLITE: &str = "SELECT count(*) FROM chassis_outbox WHERE available_at <= unixepoch('subsec') * 1000 + 1000";
const POSTGRES: &str = "SELECT count(*) FROM chassis_outbox WHERE available_at <= now() + interval '1 second'";

/// How many rows are still to be sent.
///
/// # Errors
/// The database cannot be read.
pub(crate) async fn unsent(database: &Database) -> Result<i64> {
    let sql = match database.engine() {
        Engine::Sqlite => SQLITE,
        Engine::Postgres => POSTGRES,
    };
    sqlx::query_scalar(sql).fetch_one(database.pool()).await.context("looking at the outbox")
}
