use std::time::{SystemTime, UNIX_EPOCH};

use sqlx::Executor;
use uuid::Uuid;

use super::{partition, row, sql};
use crate::data::Tx;
use crate::messaging::Message;
use crate::{Error, Result, ResultExt};

/// A message that waits for the commit of the transaction it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The exchange to send it to.
    pub exchange: String,
    /// The key to send it with.
    pub routing_key: String,
    /// Messages of the same ordering key are sent one after the other, in the order in which they were written.
    pub ordering_key: Option<String>,
    /// The message. Its id is a UUID.
    pub message: Message,
    /// Whether a message that no queue takes is a failure.
    pub mandatory: bool,
}

/// When a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timing {
    /// Not before this time; at once if unset. Messages that wait for their time don't hold back others of their key.
    pub not_before: Option<SystemTime>,
    /// Not after this time, when it is dropped and counted instead.
    pub expires: Option<SystemTime>,
}

/// Stores a message in the outbox, to be sent when `tx` has been committed.
///
/// Do it late in the transaction: the order of messages is the order of these calls, and a message that is stored early in
/// a long transaction may be sent after one that was stored later and committed sooner.
///
/// # Errors
/// When the message's id is no UUID, when it has been stored before, or when the database fails.
pub async fn enqueue(tx: &mut Tx, pending: &Pending) -> Result<()> {
    enqueue_with(tx, pending, Timing::default()).await
}

/// [`enqueue`], to be sent at a certain time.
///
/// # Errors
/// As [`enqueue`].
pub async fn enqueue_with(tx: &mut Tx, pending: &Pending, timing: Timing) -> Result<()> {
    let message = &pending.message;
    let id = Uuid::try_parse(&message.id)
        .map_err(|_| Error::msg(format!("the id of a message must be a UUID, not `{}`", message.id)))?
        .to_string();
    if let Some((name, _)) = message.headers.iter().find(|(name, value)| name.contains('\0') || value.contains('\0')) {
        return Err(Error::msg(format!("the header `{name}` holds a zero character, which can't be stored")));
    }
    let part = partition(pending.ordering_key.as_deref(), &id);
    let query = sqlx::query(sql::of(tx.engine()).enqueue)
        .bind(id)
        .bind(i16::from(part))
        .bind(pending.ordering_key.clone())
        .bind(pending.exchange.clone())
        .bind(pending.routing_key.clone())
        .bind(row::properties(message, pending.mandatory)?)
        .bind(serde_json::to_string(&message.headers)?)
        .bind(message.body.to_vec())
        .bind(timing.not_before.map(millis))
        .bind(timing.expires.map(millis));
    tx.execute(query).await.context("storing a message in the outbox")?;
    tx.wake_after_commit(usize::from(part));
    Ok(())
}

/// Milliseconds since 1970; what lies before is 1970.
fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
