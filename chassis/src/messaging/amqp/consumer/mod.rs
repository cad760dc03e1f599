//! Consuming one queue over a channel of its own.
//!
//! [`AmqpConsumer`] opens the channel and opens it again whenever it fails, the connection is lost, or the broker cancels the
//! consumer since its queue is gone. The [`acker`] of a channel settles what was delivered over it, using the [`ledger`] to
//! tell the broker of many acknowledgements at once; it outlives the consumer until everything is settled.

mod acker;
mod ledger;
mod open;
mod settle;

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::BasicCancelOptions;
use tokio::time::{Instant, timeout};
use tracing::{debug, warn};

use self::open::{Live, Opening};
use self::settle::Settlement;
use super::encode;
use super::side::Side;
use super::supervisor::Plan;
use crate::BoxFuture;
use crate::messaging::driver::{Consume, Consumer, DeclareError, Incoming};

/// For how long a cancelled consumer waits for the broker to agree.
const CANCEL: Duration = Duration::from_secs(5);

/// A consumer that outlives channels and connections.
pub(super) struct AmqpConsumer {
    opening: Arc<Opening>,
    stage: Stage,
    cancelled: bool,
}

enum Stage {
    Live(Box<Live>),
    /// Kept here rather than on the stack, so that a caller may drop `next` at any time.
    Opening(BoxFuture<'static, Option<Live>>),
    Ended,
}

impl AmqpConsumer {
    /// Starts to consume, or says why not by `deadline`.
    pub(super) async fn start(
        plan: Arc<Plan>,
        side: Side,
        spec: Consume,
        deadline: Instant,
    ) -> Result<Self, DeclareError> {
        let opening = Arc::new(Opening { plan, side, spec });
        let live = opening.first(deadline).await?;
        Ok(Self { opening, stage: Stage::Live(Box::new(live)), cancelled: false })
    }

    async fn advance(&mut self) -> Option<Incoming> {
        loop {
            match &mut self.stage {
                Stage::Ended => return None,
                Stage::Opening(opening) => {
                    self.stage = match opening.await {
                        Some(live) => Stage::Live(Box::new(live)),
                        None => Stage::Ended,
                    };
                }
                Stage::Live(live) => match live.stream.next().await {
                    // What was buffered when the channel died comes again over the next one.
                    Some(Ok(delivery)) if !delivery.acker.usable() => {}
                    Some(Ok(delivery)) => return Some(incoming(delivery, live)),
                    Some(Err(error)) => self.reopen(&error.to_string()),
                    None => self.reopen("the broker cancelled the consumer"),
                },
            }
        }
    }

    fn reopen(&mut self, cause: &str) {
        if self.cancelled {
            self.stage = Stage::Ended;
            return;
        }
        warn!(queue = self.opening.spec.queue, cause, "consuming is interrupted");
        self.stage = Stage::Opening(Box::pin(Arc::clone(&self.opening).again()));
    }
}

impl Consumer for AmqpConsumer {
    fn next(&mut self) -> BoxFuture<'_, Option<Incoming>> {
        Box::pin(self.advance())
    }

    fn cancel(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.cancelled = true;
            match &self.stage {
                Stage::Live(live) => {
                    let cancelling = live.channel.basic_cancel(live.stream.tag(), BasicCancelOptions::default());
                    match timeout(CANCEL, cancelling).await {
                        Ok(Ok(())) => {}
                        // The channel is gone, or the broker is mute: either way no more will come.
                        Ok(Err(error)) => debug!(%error, "cancelling a consumer whose channel is gone"),
                        Err(_) => self.stage = Stage::Ended,
                    }
                }
                Stage::Opening(_) | Stage::Ended => drop(mem::replace(&mut self.stage, Stage::Ended)),
            }
        })
    }
}

fn incoming(delivery: Delivery, live: &Live) -> Incoming {
    Incoming {
        message: encode::decode(&delivery.properties, delivery.data),
        exchange: delivery.exchange.as_str().to_owned(),
        routing_key: delivery.routing_key.as_str().to_owned(),
        redelivered: delivery.redelivered,
        settle: Box::new(Settlement::new(delivery.delivery_tag, delivery.acker, live.acker.clone())),
    }
}
