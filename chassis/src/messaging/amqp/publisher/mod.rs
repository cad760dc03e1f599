//! Publishing with confirms.
//!
//! [`Publisher`] is what callers hold. It checks a message, gives it to the one [`actor`] that owns the channel,
//! and waits until the [deadline](deadlines). The [`window`] knows which messages are on their way, and under which number the broker
//! confirms them. What goes to where it confirms nothing goes [`apart`].

mod actor;
mod apart;
mod channel;
mod deadlines;
mod fate;
mod request;
mod window;

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use self::actor::Actor;
use self::deadlines::Deadlines;
use self::fate::{Stage, Unanswered};
use self::request::{Answer, Request, Waiter};
use super::encode;
use super::side::Side;
use super::supervisor::Plan;
use crate::messaging::driver::{Outgoing, PublishError};

/// Hands messages to the task that owns the channel.
pub(super) struct Publisher {
    requests: mpsc::Sender<Request>,
    deadlines: Arc<Deadlines>,
    /// Ends with the publisher.
    _watch: AbortOnDropHandle<()>,
    side: Side,
    max_body: usize,
    buffer: usize,
}

impl Publisher {
    /// Starts the task. When `finish` is cancelled it sends what it has, takes no more, and ends.
    pub(super) fn start(side: Side, plan: &Arc<Plan>, finish: CancellationToken) -> (Self, JoinHandle<()>) {
        let settings = &plan.settings;
        let buffer = settings.buffer.max(1);
        let (requests, inbox) = mpsc::channel(buffer);
        let actor = Actor::new(inbox, side.clone(), plan, finish);
        let deadlines = Arc::<Deadlines>::default();
        let watch = tokio::spawn({
            let deadlines = Arc::clone(&deadlines);
            async move { deadlines.watch().await }
        });
        let (max_body, _watch) = (settings.max_body, AbortOnDropHandle::new(watch));
        (Self { requests, deadlines, _watch, side, max_body, buffer }, tokio::spawn(actor.run()))
    }

    /// Hands the message over at once; the future waits for the verdict. It has no part in the message, as thousands may be
    /// waited for.
    pub(super) fn publish(&self, outgoing: Outgoing) -> impl Future<Output = Answer> + Send {
        let handed_over = self.hand_over(outgoing);
        async move {
            let waiter = handed_over?;
            match waiter.answer().await {
                Ok(answer) => answer,
                Err(why) => Err(self.unanswered(waiter.give_up(), why == Unanswered::Forsaken)),
            }
        }
    }

    fn hand_over(&self, outgoing: Outgoing) -> Result<Waiter<'_>, PublishError> {
        let headers_size = encode::check(&outgoing, self.max_body)?;
        let request = Request::new(outgoing, headers_size);
        let waiter = Waiter::new(&request, &self.deadlines);
        match self.requests.try_send(request) {
            Ok(()) => Ok(waiter),
            Err(mpsc::error::TrySendError::Full(_)) => Err(PublishError::BufferFull { limit: self.buffer }),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(PublishError::NotConnected("closed".to_owned())),
        }
    }

    /// What to say of a message that no verdict came for: by its deadline, or since the driver was `closed` under it.
    fn unanswered(&self, stage: Stage, closed: bool) -> PublishError {
        let blocked = self.side.blocked();
        match (stage, blocked) {
            (Stage::Waiting, _) if closed => PublishError::NotConnected("closed".to_owned()),
            (_, _) if closed => PublishError::ConnectionLost { maybe_stored: true },
            (_, Some(reason)) => PublishError::Blocked(reason.to_string()),
            (Stage::Waiting, None) if !self.side.is_open() => PublishError::NotConnected(self.side.absence()),
            (Stage::Waiting, None) => PublishError::Timeout { maybe_stored: false },
            (Stage::Sent, None) => PublishError::Timeout { maybe_stored: true },
            (Stage::Lost, None) => PublishError::ConnectionLost { maybe_stored: true },
        }
    }
}
