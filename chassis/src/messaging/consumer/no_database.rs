//! What stands for handling in transactions when no database engine is compiled in.

use super::Done;
use super::worker::Worker;
use crate::Result;
use crate::messaging::Received;

impl Worker {
    /// Cannot be called: a subscription in transactions is refused without a database.
    pub(super) async fn call_in_transaction(&self, _batch: &[Received]) -> Result<Done> {
        match self.subscription.database {
            Some(ref none) => match *none {},
            None => Ok(Done { handled: 0, duplicates: 0 }),
        }
    }
}
