//! What stands for a transaction when no database engine is compiled in.

use super::Done;
use super::worker::Worker;
use crate::Result;
use crate::messaging::Received;

/// No database engine is compiled in (features `sqlite`, `postgres`), so that there can be no transaction.
#[derive(Debug)]
pub enum Tx {}

/// No database engine is compiled in (features `sqlite`, `postgres`), so that there can be no database.
#[derive(Debug, Clone)]
pub enum Database {}

impl Worker {
    /// Cannot be called: a subscription in transactions is refused without a database.
    pub(super) async fn call_in_transaction(&self, _batch: &[Received]) -> Result<Done> {
        match self.subscription.database {
            Some(ref none) => match *none {},
            None => Ok(Done { handled: 0, duplicates: 0 }),
        }
    }
}
