//! The handler's transaction and the inbox in it.

use super::worker::Worker;
use super::{Database, Done};
use crate::context::Context;
use crate::messaging::{Received, inbox};
use crate::{Error, Result};

impl Worker {
    /// Handles the messages in one transaction in which the inbox claims them. Those that were claimed before are done.
    pub(super) async fn call_in_transaction(&self, batch: &[Received]) -> Result<Done> {
        let database: &Database =
            self.subscription.database.as_ref().ok_or_else(|| Error::msg("the subscription has no database"))?;
        let handler = &self.subscription.handler;
        let mut tx = database.begin().await?;
        let limit = Context::current().remaining().unwrap_or_default();
        let done = if let [received] = batch {
            if !inbox::claim_within(&mut tx, &self.queue, received.id(), limit).await? {
                return Ok(Done { handled: 0, duplicates: 1 });
            }
            handler.call(batch, Some(&mut tx)).await?;
            Done { handled: 1, duplicates: 0 }
        } else {
            inbox::limit_statements(&mut tx, limit).await?;
            let ids: Vec<&str> = batch.iter().map(Received::id).collect();
            let mut new = inbox::claim_all(&mut tx, &self.queue, &ids).await?;
            // A message that came twice in one batch is new once.
            let fresh: Vec<Received> = batch.iter().filter(|received| new.remove(received.id())).cloned().collect();
            let done = Done { handled: fresh.len() as u64, duplicates: (batch.len() - fresh.len()) as u64 };
            if fresh.is_empty() {
                return Ok(done);
            }
            handler.call(&fresh, Some(&mut tx)).await?;
            done
        };
        crate::failpoint!("consumer.before-commit");
        tx.commit().await?;
        crate::failpoint!("consumer.after-commit-before-ack");
        Ok(done)
    }
}
