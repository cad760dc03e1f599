//! The time of a delivery as the time of its statements.
//!
//! A handler whose time is over is dropped, but what it asked a server for goes on there, with its locks. So PostgreSQL is told
//! beforehand when to give up. SQLite works in the process, where there is nobody to tell.

use std::time::Duration;

use sqlx::Executor;

use super::claim;
use crate::data::{Engine, Tx};
use crate::{Result, ResultExt};

/// Claims a message as [`claim`] does, and lets no further statement of `tx` take longer than `limit`; in one go, since it is
/// done for every message.
pub(crate) async fn claim_within(tx: &mut Tx, consumer: &str, message_id: &str, limit: Duration) -> Result<bool> {
    if tx.engine() != Engine::Postgres {
        return claim(tx, consumer, message_id).await;
    }
    let query = sqlx::query(
        "WITH bound AS (SELECT set_config('statement_timeout', $3, true)) \
         INSERT INTO chassis_inbox (consumer, message_id) SELECT $1, $2 FROM bound ON CONFLICT DO NOTHING",
    );
    let query = query.bind(consumer.to_owned()).bind(message_id.to_owned()).bind(milliseconds(limit));
    let claimed = tx.execute(query).await.context("claiming a message in the inbox")?;
    Ok(claimed.rows_affected() == 1)
}

/// Lets no further statement of `tx` take longer than `limit`.
pub(crate) async fn limit_statements(tx: &mut Tx, limit: Duration) -> Result<()> {
    if tx.engine() == Engine::Postgres {
        let query = sqlx::query("SELECT set_config('statement_timeout', $1, true)").bind(milliseconds(limit));
        tx.execute(query).await.context("limiting the time of statements")?;
    }
    Ok(())
}

/// No time would be no limit.
fn milliseconds(limit: Duration) -> String {
    limit.as_millis().clamp(1, i32::MAX.unsigned_abs().into()).to_string()
}
