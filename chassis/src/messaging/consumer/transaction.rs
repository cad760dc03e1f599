//! The handler's transaction and the inbox in it.

use super::worker::Worker;
use super::{Database, Done};
use crate::messaging::{Received, inbox};
use crate::{Error, Result};

impl Worker {
    /// Handles the message in a transaction in which the inbox claims it. A message that was claimed before is done.
    pub(super) async fn call_in_transaction(&self, received: &Received) -> Result<Done> {
        let database: &Database =
            self.subscription.database.as_ref().ok_or_else(|| Error::msg("the subscription has no database"))?;
        let mut tx = database.begin().await?;
        if !inbox::claim(&mut tx, &self.queue, received.id()).await? {
            return Ok(Done::Duplicate);
        }
        (self.subscription.handler)(received, Some(&mut tx)).await?;
        crate::failpoint!("consumer.before-commit");
        tx.commit().await?;
        crate::failpoint!("consumer.after-commit-before-ack");
        Ok(Done::Handled)
    }
}
