//! Deliveries one by one, in any order.

use std::pin::pin;

use super::supervisor::{Ended, Signals, Supervisor, broker_ended, next_if};
use crate::messaging::driver::Consumer;

impl Supervisor {
    /// Gives each delivery a place and a task of its own. A delivery is only taken when there is a place for it, so that
    /// what has not begun can be returned.
    pub(super) async fn one_by_one(&self, consumer: &mut dyn Consumer, signals: &mut Signals) -> Ended {
        let mut interrupted = pin!(self.interrupted(signals));
        let mut place = None;
        loop {
            tokio::select! {
                biased;
                ended = &mut interrupted => return ended,
                Ok(free) = self.places.clone().acquire_owned(), if place.is_none() => place = Some(free),
                next = next_if(place.is_some(), consumer) => {
                    let Some(incoming) = next else { return broker_ended() };
                    self.running.spawn(self.handle(incoming, place.take()));
                }
            }
        }
    }
}
