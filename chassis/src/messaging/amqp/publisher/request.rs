//! A message that somebody waits for.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::super::encode::Encoded;
use super::progress::Progress;
use crate::messaging::driver::{Outgoing, PublishError};

/// What became of a message.
pub(super) type Answer = Result<(), PublishError>;

/// A message, and where its verdict goes.
pub(super) struct Request {
    pub(super) outgoing: Outgoing,
    /// As it goes to the wire; taken when it is sent, and made again where it must be sent again.
    pub(super) encoded: Option<Encoded>,
    pub(super) reply: oneshot::Sender<Answer>,
    pub(super) progress: Arc<Progress>,
}

impl Request {
    /// Whether its sender has stopped waiting.
    pub(super) fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    pub(super) fn answer(self, verdict: Answer) {
        // The sender may have stopped waiting this very moment.
        let _ = self.reply.send(verdict);
    }
}
