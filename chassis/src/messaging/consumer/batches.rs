//! Deliveries many at a time.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::supervisor::{Ended, Signals, Supervisor, broker_ended, give_back};
use crate::messaging::driver::Consumer;

impl Supervisor {
    /// Gathers up to `size` deliveries, or what has come `within` the time since the first, and handles them together.
    pub(super) async fn in_batches(
        &self,
        size: u16,
        within: Duration,
        consumer: &mut dyn Consumer,
        signals: &mut Signals,
    ) -> Ended {
        let mut interrupted = pin!(self.interrupted(signals));
        let mut due = pin!(sleep(within));
        let size = usize::from(size.max(1));
        loop {
            let place = tokio::select! {
                biased;
                ended = &mut interrupted => return ended,
                Ok(place) = self.places.clone().acquire_owned() => place,
                () = consumer.keep() => return broker_ended(),
            };
            let mut batch = Vec::with_capacity(size);
            let mut ended = None;
            while batch.len() < size && ended.is_none() {
                tokio::select! {
                    biased;
                    why = &mut interrupted => ended = Some(why),
                    next = consumer.next() => match next {
                        None => ended = Some(broker_ended()),
                        Some(incoming) => {
                            if batch.is_empty() {
                                due.as_mut().reset(Instant::now() + within);
                            }
                            batch.push(incoming);
                        }
                    },
                    () = &mut due, if !batch.is_empty() => break,
                }
            }
            if let Some(ended) = ended {
                for incoming in batch {
                    give_back(incoming).await;
                }
                return ended;
            }
            self.running.spawn(self.handle_batch(batch, place));
        }
    }
}
