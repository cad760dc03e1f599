//! A message broker inside the process: what `memory` and `local` have in common.
//!
//! * `state` decides everything (routing, dead letters, limits) under one lock, on [`queue`]s that know order,
//!   prefetch and what is unsettled. Neither knows tokio; the time is passed in.
//! * `tracker` notes for tests what has passed.
//! * `store` is where changes go: nowhere for `memory`, into a SQLite file for `local`.
//! * `embedded` is what users of either hold. `session` is one connection to it, a [`Driver`](super::driver::Driver); `consumer` its consumers; `delays` returns what
//!   was held back; `look` what operators see of a queue; `faults` breaks things for tests.
//!
//! It is one process: no cluster, no replicas. Messages are bytes while they are in it, and the same limits hold as on RabbitMQ.
//!
//! Invariants: a change reaches the store in the order in which the state made it; a position in a queue is never given twice
//! to messages that live at the same time, and a message that goes back takes the position it had.

mod codec;
mod consumer;
mod delays;
mod embedded;
#[cfg(any(test, feature = "testing"))]
mod faults;
mod look;
mod queue;
mod session;
pub(super) mod state;
#[cfg_attr(not(feature = "sqlite"), expect(dead_code, reason = "what is recorded is only read by `local`"))]
pub(super) mod store;
mod topic;
#[cfg(any(test, feature = "testing"))]
mod tracker;
#[cfg(any(test, feature = "testing"))]
mod watching;

pub use embedded::Embedded;
#[cfg(any(test, feature = "testing"))]
pub use faults::{Faults, PublishFault};
pub use queue::QueueDepth;
#[cfg(any(test, feature = "testing"))]
pub use tracker::{Activity, Handled, Parked, Scheduled, Sent};

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::time::Instant;

use self::session::Session;
use self::state::{State, Timer};
use self::store::{Recorded, Store};
use super::driver::{ConnectionState, Driver};

/// The broker that all of its sessions share.
pub(super) struct Engine {
    system: &'static str,
    inner: Mutex<Inner>,
    store: Box<dyn Store>,
    /// Counts changes, so that tests can wait for one.
    changed: watch::Sender<u64>,
}

struct Inner {
    state: State,
    sessions: HashMap<u64, watch::Sender<ConnectionState>>,
    next_session: u64,
    /// What every session's connection is like; tests and a failing store change it.
    connection: ConnectionState,
    faults: VecDeque<Fault>,
}

/// What shall happen to the next message that is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(any(test, feature = "testing")), expect(dead_code, reason = "only tests break things"))]
enum Fault {
    Nack,
    LoseMessage,
    LoseConfirm,
}

impl Engine {
    pub(super) fn new(system: &'static str, state: State, store: Box<dyn Store>) -> Self {
        let inner = Inner {
            state,
            sessions: HashMap::new(),
            next_session: 0,
            connection: ConnectionState::Connected,
            faults: VecDeque::new(),
        };
        Self { system, inner: Mutex::new(inner), store, changed: watch::Sender::new(0) }
    }

    /// A new connection, of which is measured what it does for `service`.
    pub(super) fn connect(self: &Arc<Self>, service: Option<&str>) -> Arc<dyn Driver> {
        let mut inner = self.lock();
        inner.next_session += 1;
        let id = inner.next_session;
        let state = watch::Sender::new(inner.connection.clone());
        inner.sessions.insert(id, state.clone());
        drop(inner);
        Arc::new(Session::new(self.clone(), id, state, service))
    }

    /// What stands in a queue; `None` when there is no such queue.
    pub(super) fn depth(&self, queue: &str) -> Option<QueueDepth> {
        self.lock().state.queues.get(queue).map(queue::QueueState::depth)
    }

    /// The queues that are there for handlers.
    fn work_queues(&self) -> Vec<String> {
        let inner = self.lock();
        inner.state.queues.iter().filter(|(_, queue)| queue.is_handled()).map(|(name, _)| name.to_string()).collect()
    }

    /// Waits until `reached` holds of a queue.
    pub(super) async fn until(&self, queue: &str, reached: impl Fn(QueueDepth) -> bool) -> QueueDepth {
        let mut changes = self.changed.subscribe();
        loop {
            if let Some(depth) = self.depth(queue).filter(|depth| reached(*depth)) {
                return depth;
            }
            // The sender lives in `self`, so that this cannot fail while it is borrowed.
            let _ = changes.changed().await;
        }
    }

    /// Changes the state, hands on what became deliverable, and records it all in order.
    fn change<R>(self: &Arc<Self>, change: impl FnOnce(&mut State) -> R) -> (R, Recorded) {
        let mut inner = self.lock();
        let result = change(&mut inner.state);
        let (changes, timers) = inner.state.finish();
        // Under the lock still: the store must see changes in the order in which they were made.
        let recorded = self.store.record(changes);
        drop(inner);
        for Timer { queue } in timers {
            delays::keep(self, queue);
        }
        self.changed.send_modify(|count| *count += 1);
        (result, recorded)
    }

    /// Moves on what has been held back long enough; says when the next is due.
    fn release(self: &Arc<Self>, queue: &str, now: Instant) -> Option<Instant> {
        self.change(|state| state.release(queue, now)).0
    }

    /// Starts the delays of messages that were in the store.
    #[cfg(feature = "sqlite")]
    pub(super) fn resume(self: &Arc<Self>) {
        self.change(State::touch_all);
    }

    #[cfg(any(test, feature = "testing", feature = "sqlite"))]
    /// Tells every session what its connection is like.
    pub(super) fn set_connection(&self, connection: ConnectionState) {
        let mut inner = self.lock();
        for session in inner.sessions.values() {
            session.send_replace(connection.clone());
        }
        inner.connection = connection;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The state is consistent between statements that can panic, of which there are none.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
