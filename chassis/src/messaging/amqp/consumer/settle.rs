//! Settling one delivery.

use std::future::ready;

use lapin::Acker;
use tokio::sync::mpsc;

use super::acker::Settled;
use crate::BoxFuture;
use crate::messaging::driver::{Outcome, Settle, SettleError};

/// Settles one delivery through the acker of its channel.
pub(super) struct Settlement {
    tag: u64,
    /// Only asked whether the channel lives; settling through it could not be coalesced.
    liveness: Acker,
    acker: Option<mpsc::UnboundedSender<Settled>>,
}

impl Settlement {
    pub(super) fn new(tag: u64, liveness: Acker, acker: mpsc::UnboundedSender<Settled>) -> Self {
        Self { tag, liveness, acker: Some(acker) }
    }
}

impl Settle for Settlement {
    fn is_live(&self) -> bool {
        self.liveness.usable()
    }

    fn settle(mut self: Box<Self>, outcome: Outcome) -> BoxFuture<'static, Result<(), SettleError>> {
        // Not waited for: the broker answers none of them, so that nobody would know more after the frame is written.
        let acker = self.acker.take().filter(|_| self.liveness.usable());
        let sent = acker.and_then(|acker| acker.send(Settled { tag: self.tag, outcome }).ok());
        Box::pin(ready(sent.ok_or(SettleError)))
    }
}

impl Drop for Settlement {
    fn drop(&mut self) {
        if let Some(acker) = self.acker.take() {
            // Fails when the channel is gone, and then the broker returns the message by itself.
            let _ = acker.send(Settled { tag: self.tag, outcome: Outcome::Return });
        }
    }
}
