//! What stands for publishing in a transaction when no database engine is compiled in.

use super::Publisher;
use crate::Result;
use crate::data::Tx;
use crate::messaging::Event;

impl Publisher {
    /// Publishes with the transaction, of which there is none without the feature `sqlite` or `postgres`.
    ///
    /// # Errors
    /// There is no transaction to call it with.
    pub async fn publish<E: Event>(&self, tx: &mut Tx, _event: E) -> Result<()> {
        match *tx {}
    }
}
