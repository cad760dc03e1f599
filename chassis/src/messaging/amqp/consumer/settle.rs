//! Settling one delivery.

use std::future::ready;
use std::sync::Arc;

use lapin::Acker;

use super::tray::{Settled, Tray};
use crate::BoxFuture;
use crate::messaging::driver::{Outcome, Settle, SettleError};

/// Settles one delivery through the acker of its channel.
pub(super) struct Settlement {
    tag: u64,
    /// Only asked whether the channel lives; settling through it could not be coalesced.
    liveness: Acker,
    tray: Option<Arc<Tray>>,
    /// It goes back with the end of the channel, and not by itself.
    ordered: bool,
}

impl Settlement {
    pub(super) fn new(tag: u64, liveness: Acker, tray: Arc<Tray>, ordered: bool) -> Self {
        Self { tag, liveness, tray: Some(tray), ordered }
    }

    fn put(&mut self, outcome: Outcome) -> bool {
        let Some(tray) = self.tray.take() else { return false };
        // What is returned one by one RabbitMQ mixes up from about the 33rd on.
        (self.ordered && outcome == Outcome::Return) || tray.put(Settled { tag: self.tag, outcome })
    }
}

impl Settle for Settlement {
    fn is_live(&self) -> bool {
        self.liveness.usable()
    }

    fn settle(mut self: Box<Self>, outcome: Outcome) -> BoxFuture<'static, Result<(), SettleError>> {
        // Not waited for: the broker answers none of them, so that nobody would know more after the frame is written.
        let put = self.liveness.usable() && self.put(outcome);
        Box::pin(ready(if put { Ok(()) } else { Err(SettleError) }))
    }
}

impl Drop for Settlement {
    fn drop(&mut self) {
        // Fails when the channel is gone, and then the broker returns the message by itself.
        self.put(Outcome::Return);
    }
}
