//! A message that somebody waits for.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::ready;

use tokio::task::coop::poll_proceed;

use super::deadlines::{Deadlines, Key};
use super::fate::{Fate, Stage, Unanswered};
use crate::messaging::driver::{Outgoing, PublishError};

/// What became of a message.
pub(super) type Answer = Result<(), PublishError>;

/// A message as both sides know it: the one who waits and the one who sends.
pub(super) struct Awaited {
    pub(super) outgoing: Outgoing,
    /// What properties and headers take of the one frame that they travel in.
    pub(super) headers_size: usize,
    fate: Fate,
}

/// The side of the one who sends. When it goes without an answer, the other side need not wait for one.
pub(super) struct Request(Arc<Awaited>);

/// The side of the one who waits. When it goes, the message need not be sent any more.
pub(super) struct Waiter<'a> {
    awaited: Arc<Awaited>,
    deadlines: &'a Deadlines,
    key: Key,
}

impl Awaited {
    /// The time is over in which it is waited for.
    pub(super) fn be_late(&self) {
        self.fate.be_late();
    }
}

impl Request {
    pub(super) fn new(outgoing: Outgoing, headers_size: usize) -> Self {
        Self(Arc::new(Awaited { outgoing, headers_size, fate: Fate::default() }))
    }

    pub(super) fn outgoing(&self) -> &Outgoing {
        &self.0.outgoing
    }

    pub(super) fn headers_size(&self) -> usize {
        self.0.headers_size
    }

    /// The message for whoever else has to do with it.
    pub(super) fn share(&self) -> Arc<Awaited> {
        Arc::clone(&self.0)
    }

    /// Whether its sender has stopped waiting.
    pub(super) fn is_abandoned(&self) -> bool {
        self.0.fate.is_given_up()
    }

    /// Whether it went to the wire before.
    pub(super) fn was_sent(&self) -> bool {
        self.0.fate.stage() != Stage::Waiting
    }

    /// It goes to the wire now, unless its sender has stopped waiting.
    #[must_use]
    pub(super) fn send(&self) -> bool {
        self.0.fate.send()
    }

    /// The connection over which it went is gone.
    pub(super) fn lose(&self) {
        self.0.fate.lose();
    }

    pub(super) fn answer(self, verdict: Answer) {
        self.0.fate.pronounce(verdict);
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.0.fate.forsake();
    }
}

impl<'a> Waiter<'a> {
    /// Waits for what becomes of `request`, until its deadline.
    pub(super) fn new(request: &Request, deadlines: &'a Deadlines) -> Self {
        let awaited = request.share();
        let key = deadlines.add(Arc::clone(&awaited));
        Self { awaited, deadlines, key }
    }

    /// Waits for the verdict.
    pub(super) async fn answer(&self) -> Result<Answer, Unanswered> {
        poll_fn(|context| {
            // So that a task which publishes without end lets the messages be sent meanwhile.
            let budget = ready!(poll_proceed(context));
            let answer = self.awaited.fate.poll(context);
            if answer.is_ready() {
                budget.made_progress();
            }
            answer
        })
        .await
    }

    /// How far the message came that is waited for no longer.
    pub(super) fn give_up(&self) -> Stage {
        self.awaited.fate.give_up()
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.deadlines.remove(self.key);
        self.awaited.fate.give_up();
    }
}
