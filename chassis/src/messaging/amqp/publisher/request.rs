//! A message that somebody waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::oneshot;

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

/// How far a message has come, for the one who waits: after the deadline it decides what may be said of it.
#[derive(Default)]
pub(super) struct Progress(AtomicU8);

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It was never sent.
    Waiting,
    /// It was sent, and its confirmation is due.
    Sent,
    /// It was sent over a connection that is gone, and not yet again.
    Lost,
}

impl Progress {
    pub(super) fn set(&self, stage: Stage) {
        self.0.store(stage as u8, Ordering::Release);
    }

    pub(super) fn stage(&self) -> Stage {
        match self.0.load(Ordering::Acquire) {
            0 => Stage::Waiting,
            1 => Stage::Sent,
            _ => Stage::Lost,
        }
    }
}
