//! Publishing in a transaction, by way of the outbox.

use super::Publisher;
use crate::Result;
use crate::data::Tx;
use crate::messaging::outbox::{self, Pending, Timing};
use crate::messaging::{Event, names};

/// What lends a transaction: `Tx` itself, and any `&mut` to one, so that `publish(&mut tx, …)` reads the same whether `tx` is
/// a transaction or borrowed already.
pub trait AsTx: Send {
    /// The transaction.
    fn as_tx(&mut self) -> &mut Tx;
}

impl AsTx for Tx {
    fn as_tx(&mut self) -> &mut Tx {
        self
    }
}

impl<T: AsTx> AsTx for &mut T {
    fn as_tx(&mut self) -> &mut Tx {
        (**self).as_tx()
    }
}

impl Publisher {
    /// Publishes with the transaction: the event is stored in it, and sent after the commit, at least once. Rolled back, it was
    /// never published.
    ///
    /// Call it last, just before the commit: events of one ordering key are sent in the order of these calls.
    ///
    /// # Errors
    /// The event cannot be written as JSON or is too large, or the database fails.
    pub async fn publish<E: Event>(&self, tx: &mut impl AsTx, event: E) -> Result<()> {
        let exchange = names::exchange_of(E::OWNER);
        let (message, span) = self.message(&event, exchange)?;
        let expires = E::EXPIRES_AFTER.map(|after| std::time::SystemTime::now() + after);
        self.declare_soon(exchange);
        let pending = Pending {
            exchange: exchange.to_owned(),
            routing_key: E::KIND.to_owned(),
            ordering_key: event.key(),
            message,
            mandatory: false,
        };
        let stored = outbox::enqueue_with(tx.as_tx(), &pending, Timing { expires, ..Timing::default() }).await;
        super::finish(span, stored)
    }
}
