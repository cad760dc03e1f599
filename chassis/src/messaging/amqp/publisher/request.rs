//! A message that somebody waits for.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::progress::Progress;
use crate::messaging::driver::{Outgoing, PublishError};

/// What became of a message.
pub(super) type Answer = Result<(), PublishError>;

/// A message, and where its verdict goes.
pub(super) struct Request {
    pub(super) awaited: Arc<Awaited>,
    pub(super) reply: oneshot::Sender<Answer>,
}

/// A message as both sides know it: the one who waits and the one who sends.
pub(super) struct Awaited {
    pub(super) outgoing: Outgoing,
    /// What properties and headers take of the one frame that they travel in.
    pub(super) headers_size: usize,
    pub(super) progress: Progress,
}

impl Request {
    pub(super) fn outgoing(&self) -> &Outgoing {
        &self.awaited.outgoing
    }

    /// Whether its sender has stopped waiting.
    pub(super) fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    pub(super) fn answer(self, verdict: Answer) {
        // The sender may have stopped waiting this very moment.
        let _ = self.reply.send(verdict);
    }
}
