//! The payments: gets orders paid by a provider that may be slow, silent or gone.
//!
//! What is to be paid is written down first, in a transaction of its own. Then the provider is asked, under the order's id as the
//! key, outside of any transaction. What it answers is written down together with the event that tells of it. A crash anywhere
//! between leaves a payment that is still `requested`; the message comes again, or the job below finds it, and the same key makes
//! sure that the card is charged once. An answer that does not come is never taken for a no.

mod outcome;
mod store;

use chassis::prelude::*;
use orders_contract::PaymentRequested;
use outcome::Outcome;
use payments_contract::{Payment, PaymentAuthorised, PaymentDeclined, PaymentState, Payments, PaymentsError};
use psp_contract::{ChargeRequest, PspClient};

/// The service.
pub struct PaymentsService {
    db: Database,
    events: Publisher,
    psp: PspClient,
}

#[service(name = "payments", provides(Payments), migrations = "migrations")]
impl PaymentsService {
    #[init]
    #[expect(missing_docs, reason = "called by the chassis")]
    pub async fn new(db: Database, events: Publisher, psp: PspClient) -> Result<Self> {
        Ok(Self { db, events, psp })
    }

    /// Writes down what is to be paid, and asks the provider.
    ///
    /// It takes no `tx`: nobody holds a transaction open while a stranger thinks. What it does is safe to repeat.
    #[subscribe(at_least_once)]
    async fn payment_requested(&self, request: Delivery<PaymentRequested>) -> Result<()> {
        let mut tx = self.db.begin().await?;
        store::request(&mut tx, &request).await?;
        tx.commit().await?;
        self.settle(&request.order_id).await
    }

    /// Asks again for what is still not known.
    #[every("2s", leased)]
    async fn ask_again(&self) -> Result<()> {
        for order_id in store::overdue(&self.db).await? {
            self.settle(&order_id).await?;
        }
        Ok(())
    }
}

impl PaymentsService {
    /// Finds out what has become of a payment, and tells. What cannot be found out now is left for the next time.
    async fn settle(&self, order_id: &str) -> Result<()> {
        let Some(open) = store::open(&self.db, order_id).await? else { return Ok(()) };
        store::count_attempt(&self.db, order_id).await?;
        let outcome = match self
            .psp
            .charge(order_id.to_owned(), ChargeRequest { amount: open.amount, token: open.token })
            .await
        {
            Ok(charge) => Outcome::of(charge),
            Err(error) => {
                tracing::warn!(order_id, error = %chassis::Error::from(error), "the provider did not answer; asking what it has done");
                outcome::found(self.psp.find(order_id.to_owned()).await)
            }
        };
        let mut tx = self.db.begin().await?;
        match outcome {
            Outcome::Charged => {
                if store::end(&mut tx, order_id, PaymentState::Authorised, "").await? {
                    let event = PaymentAuthorised { order_id: order_id.to_owned(), amount: open.amount };
                    self.events.publish(&mut tx, event).await?;
                }
            }
            Outcome::Refused(reason) => {
                if store::end(&mut tx, order_id, PaymentState::Declined, &reason).await? {
                    let event = PaymentDeclined { order_id: order_id.to_owned(), reason };
                    self.events.publish(&mut tx, event).await?;
                }
            }
            Outcome::Unknown => tracing::warn!(order_id, "whether the card was charged is not known yet"),
        }
        tx.commit().await
    }
}

impl Payments for PaymentsService {
    async fn payment(&self, order_id: String) -> Result<Payment, PaymentsError> {
        store::payment(&self.db, &order_id).await?.ok_or(PaymentsError::UnknownPayment)
    }
}
