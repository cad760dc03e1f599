//! Ways to break a broker, for tests.

use std::sync::Arc;

use super::{Engine, Fault};
use crate::messaging::driver::ConnectionState;

/// Breaks a broker on purpose, for tests.
#[derive(Clone)]
pub struct Faults {
    engine: Arc<Engine>,
}

/// What shall happen to a message that is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishFault {
    /// The broker refuses it.
    Nack,
    /// It is lost on its way; no confirm comes.
    LoseMessage,
    /// It is stored, but its confirm is lost.
    LoseConfirm,
}

impl Faults {
    pub(in crate::messaging) fn new(engine: Arc<Engine>) -> Self {
        Self { engine }
    }

    /// Breaks the next message that is published and not broken yet.
    pub fn next_publish(&self, fault: PublishFault) {
        let fault = match fault {
            PublishFault::Nack => Fault::Nack,
            PublishFault::LoseMessage => Fault::LoseMessage,
            PublishFault::LoseConfirm => Fault::LoseConfirm,
        };
        self.engine.lock().faults.push_back(fault);
    }

    /// Blocks publishers, as a broker does that is short of memory.
    pub fn block(&self, reason: &str) {
        self.engine.set_connection(ConnectionState::Blocked(reason.into()));
    }

    /// Lets publishers go on.
    pub fn unblock(&self) {
        self.engine.set_connection(ConnectionState::Connected);
    }

    /// Breaks every connection; what is unsettled goes back to its queue. None comes back before [`reconnect`](Self::reconnect).
    pub fn disconnect(&self) {
        let sessions: Vec<u64> = self.engine.lock().sessions.keys().copied().collect();
        self.engine.set_connection(ConnectionState::Reconnecting { attempt: 1, cause: "cut by a test".into() });
        self.engine.change(|state| {
            state.offline = true;
            sessions.into_iter().for_each(|session| state.take_back(session));
        });
    }

    /// Lets connections come back, and their consumers with them.
    pub fn reconnect(&self) {
        self.engine.change(|state| {
            state.offline = false;
            state.touch_all();
        });
        self.engine.set_connection(ConnectionState::Connected);
    }

    /// Breaks every connection and lets it come back at once.
    pub fn cut(&self) {
        self.disconnect();
        self.reconnect();
    }

    /// Lets the reader of a queue crash right before its next acknowledgement, when its handler is through: what its
    /// connection has not settled is delivered again. Called twice, that happens twice.
    pub fn crash_before_ack(&self, queue: &str) {
        self.engine.change(|state| *state.crashes.entry(queue.to_owned()).or_default() += 1);
    }

    /// Deletes a queue and what is in it; its consumers end.
    pub fn delete_queue(&self, queue: &str) {
        self.engine.change(|state| state.delete_queue(queue));
    }

    /// Ends the consumers of a queue from the broker's side.
    pub fn end_consumers(&self, queue: &str) {
        self.engine.change(|state| state.queues.get_mut(queue).map(super::queue::QueueState::unsubscribe_all));
    }

    /// Refuses messages to a queue that holds `max` already, as an operator's policy does.
    pub fn limit_length(&self, queue: &str, max: usize) {
        self.engine.change(|state| {
            if let Some(queue) = state.queues.get_mut(queue) {
                queue.max_length = Some(max);
            }
        });
    }
}
