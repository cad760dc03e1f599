//! Consuming one queue over a channel of its own.
//!
//! [`AmqpConsumer`] opens the channel and opens it again whenever it fails, the connection is lost, or the broker cancels the
//! consumer since its queue is gone. What was delivered over a channel and is settled gathers in its [`tray`]; its [`acker`] tells the
//! broker of it, using the [`ledger`] to tell of many acknowledgements at once, and outlives the consumer until everything is settled.

mod acker;
mod ledger;
mod open;
mod settle;
mod tray;

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::BasicCancelOptions;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tracing::{debug, warn};

pub(super) use self::acker::Ackers;
use self::open::{Live, Opening};
use self::settle::Settlement;
use super::side::Side;
use super::supervisor::Plan;
use super::{encode, error};
use crate::BoxFuture;
use crate::messaging::driver::{Consume, Consumer, DeclareError, Incoming, Interruption};

/// For how long a cancelled consumer waits for the broker to agree.
const CANCEL: Duration = Duration::from_secs(5);

/// A consumer that outlives channels and connections.
pub(super) struct AmqpConsumer {
    opening: Arc<Opening>,
    stage: Stage,
    /// What has come over the channel before anybody wanted it.
    early: VecDeque<Delivery>,
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
        let opening = Arc::new(Opening { plan, side, spec, interruption: watch::Sender::new(None) });
        let live = opening.first(deadline).await?;
        Ok(Self { opening, stage: Stage::Live(Box::new(live)), early: VecDeque::new(), cancelled: false })
    }

    async fn advance(&mut self) -> Option<Incoming> {
        loop {
            let delivery = match self.early.pop_front() {
                Some(early) => early,
                None => self.arrive().await?,
            };
            if let Some(incoming) = self.usable(delivery) {
                return Some(incoming);
            }
        }
    }

    /// What comes next over whichever channel there is; `None` once nothing will.
    async fn arrive(&mut self) -> Option<Delivery> {
        loop {
            match &mut self.stage {
                Stage::Ended => return None,
                Stage::Opening(opening) => {
                    self.stage = match opening.await {
                        Some(live) => Stage::Live(Box::new(live)),
                        None => Stage::Ended,
                    };
                }
                Stage::Live(live) => {
                    let item = live.stream.next().await;
                    if let Some(delivery) = self.came(item) {
                        return Some(delivery);
                    }
                }
            }
        }
    }

    /// Takes in what the channel had; its end is noticed here.
    fn came(&mut self, item: Option<lapin::Result<Delivery>>) -> Option<Delivery> {
        match item {
            Some(Ok(delivery)) => return Some(delivery),
            Some(Err(error)) => self.reopen(error::words(&error)),
            None => self.reopen("the broker cancelled the consumer".to_owned()),
        }
        None
    }

    /// The delivery as others know it, unless it was buffered when its channel died: it comes again over the next one.
    fn usable(&self, delivery: Delivery) -> Option<Incoming> {
        match &self.stage {
            Stage::Live(live) if delivery.acker.usable() => Some(incoming(delivery, live, self.opening.spec.ordered)),
            _ => None,
        }
    }

    fn reopen(&mut self, cause: String) {
        if self.cancelled {
            self.stage = Stage::Ended;
            return;
        }
        warn!(queue = self.opening.spec.queue, cause, "consuming is interrupted");
        // Of the old channel, over which nothing can be settled any more, or which is closed when it is dropped.
        self.early.clear();
        self.stage = Stage::Opening(Box::pin(Arc::clone(&self.opening).again(cause)));
    }
}

impl Consumer for AmqpConsumer {
    fn next(&mut self) -> BoxFuture<'_, Option<Incoming>> {
        Box::pin(self.advance())
    }

    fn ready(&mut self) -> Option<Incoming> {
        let Stage::Live(live) = &mut self.stage else { return None };
        let delivery = match self.early.pop_front() {
            Some(early) => early,
            None => {
                let item = live.stream.next().now_or_never()?;
                self.came(item)?
            }
        };
        self.usable(delivery)
    }

    /// Takes in what comes, of which there is no more than the prefetch, to learn of the channel's end at once.
    fn keep(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            while let Some(delivery) = self.arrive().await {
                self.early.push_back(delivery);
            }
        })
    }

    fn interruption(&self) -> watch::Receiver<Option<Interruption>> {
        self.opening.interruption.subscribe()
    }

    fn cancel(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.cancelled = true;
            if self.opening.spec.ordered {
                // Nobody else may get anything of the queue before it has back what came from here.
                if let Stage::Live(live) = mem::replace(&mut self.stage, Stage::Ended) {
                    live.tray.finish().await;
                }
                return;
            }
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

fn incoming(delivery: Delivery, live: &Live, ordered: bool) -> Incoming {
    Incoming {
        message: encode::decode(&delivery.properties, delivery.data),
        exchange: delivery.exchange.into(),
        routing_key: delivery.routing_key.into(),
        redelivered: delivery.redelivered,
        settle: Box::new(Settlement::new(delivery.delivery_tag, delivery.acker, Arc::clone(&live.tray), ordered)),
    }
}
