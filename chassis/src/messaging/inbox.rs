//! The inbox: what a consumer has handled already, remembered in the transaction in which it was handled.
//!
//! Every message may come more than once: the broker delivers again what was not acknowledged, and a sender sends again what
//! was not confirmed. [`claim`] is one statement in the handler's own transaction. Of two deliveries of a message, even at
//! the same moment, one finds it new; if that one is rolled back, the other may.

mod batch;
mod limit;
mod retention;
mod settings;

use sqlx::Executor;

pub use batch::claim_all;
pub(crate) use limit::{claim_within, limit_statements};
pub use retention::{Retention, forget_older_than};
pub use settings::InboxSettings;

use crate::data::{Engine, Tx};
use crate::{Result, ResultExt};

/// Notes in `tx` that `consumer` handles the message. `false` when it has done so before: then there is nothing to do but to
/// acknowledge.
///
/// # Errors
/// When the database fails.
pub async fn claim(tx: &mut Tx, consumer: &str, message_id: &str) -> Result<bool> {
    let query = sqlx::query("INSERT INTO chassis_inbox (consumer, message_id) VALUES ($1, $2) ON CONFLICT DO NOTHING");
    let query = query.bind(consumer.to_owned()).bind(message_id.to_owned());
    let claimed = tx.execute(query).await.context("claiming a message in the inbox")?;
    Ok(claimed.rows_affected() == 1)
}

/// At most so many rows are deleted in one go, so that nobody waits for long.
const CHUNK: i64 = 1000;

const fn forget(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => {
            "DELETE FROM chassis_inbox WHERE (consumer, message_id) IN ( \
             SELECT consumer, message_id FROM chassis_inbox \
             WHERE received_at < CAST(unixepoch('subsec') * 1000 AS INTEGER) - $1 LIMIT $2)"
        }
        Engine::Postgres => {
            "DELETE FROM chassis_inbox WHERE ctid = ANY (ARRAY( \
             SELECT ctid FROM chassis_inbox WHERE received_at < now() - $1::bigint * interval '1 millisecond' LIMIT $2))"
        }
    }
}
