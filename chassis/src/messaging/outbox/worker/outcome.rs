//! What follows from what has been done: confirmed, failed, deleted.

use std::time::Duration;

use tokio::time::Instant;

use super::{Exit, Flight, Shared, Step, Worker};
use crate::Result;
use crate::messaging::driver::PublishError;
use crate::messaging::outbox::lanes::Lane;
use crate::messaging::outbox::row::Row;
use crate::messaging::outbox::verdict::{self, Verdict};
use crate::messaging::outbox::withheld::Fate;

/// The longest pause for want of a broker or a database, which come back for all rows at once.
const LONGEST: Duration = Duration::from_secs(5);

impl Worker {
    pub(super) fn take(&mut self, step: Step) -> Option<Exit> {
        match step {
            Step::Fetched(Ok(rows)) => self.fetched(rows),
            Step::Fetched(Err(error)) => {
                (self.fetching, self.hungry) = (false, true);
                self.rest(&format!("{error:#}"));
            }
            Step::Sent { flight, result: Ok(()) } => self.sent(&flight),
            Step::Sent { flight, result: Err(error) } => self.not_sent(flight, &error),
            Step::Deleted { rows, result } => return self.deleted(rows, result),
            Step::Deferred { lane, until, result } => {
                self.lanes.retry_at(&lane, until);
                self.hungry |= until <= Instant::now();
                if let Err(error) = result {
                    // It is tried again all the same; only its count is not kept.
                    self.rest(&format!("{error:#}"));
                }
            }
            Step::Parked { lane, seq, result } => match result {
                Ok(()) => {
                    self.lanes.parked(&lane);
                    self.hungry = true;
                }
                Err(error) => {
                    self.rest(&format!("{error:#}"));
                    self.lanes.block(&lane, seq, false);
                    self.lanes.retry_at(&lane, Instant::now() + self.shared.settings.retry_min);
                }
            },
        }
        None
    }

    fn fetched(&mut self, rows: Vec<Row>) {
        self.fetching = false;
        let count = rows.len();
        let (ready, disturbed) = self.lanes.admit(rows, Instant::now());
        self.hungry |= disturbed || count >= self.limit;
        for (lane, row) in ready {
            self.send(lane, row);
        }
    }

    fn sent(&mut self, flight: &Flight) {
        self.shared.metrics.published(flight.begun.elapsed());
        self.recovered();
        let Shared { unheard, stalled, .. } = &self.shared;
        let (heard, moving) = (unheard.succeeded(&flight.route), stalled.succeeded(&flight.route));
        if heard {
            tracing::info!(
                route = flight.route,
                "an event that nobody heard is heard now; what was kept of it is sent"
            );
        }
        if moving {
            tracing::info!(route = flight.route, "the broker confirms again; what was kept is sent");
        }
        if heard || moving {
            self.shared.store.db().signal().raise(u8::MAX);
        }
        self.settled(&flight.lane, flight.seq);
    }

    fn not_sent(&mut self, flight: Flight, error: &PublishError) {
        let Shared { unheard, stalled, .. } = &self.shared;
        let now = Instant::now();
        let unconfirmed = match error {
            PublishError::Timeout { .. } | PublishError::ConnectionLost { maybe_stored: true } => self.is_connected(),
            // It may be full of just these.
            PublishError::BufferFull { .. } => stalled.keeps(&flight.route),
            _ => false,
        };
        if unconfirmed {
            unheard.unknown(&flight.route, now);
            let fate = stalled.failed(&flight.route, now, false);
            return self.unconfirmed(flight, error, fate);
        }
        match error {
            // An answer, though not the one that was hoped for.
            PublishError::Nacked | PublishError::Unroutable { .. } | PublishError::Refused(_) => {
                if stalled.succeeded(&flight.route) {
                    self.shared.store.db().signal().raise(u8::MAX);
                }
            }
            _ => stalled.unknown(&flight.route, now),
        }
        match error {
            PublishError::Unroutable { routing_key, .. } if flight.is_kept => {
                let for_ever = self.shared.hearers.wants(routing_key);
                let fate = unheard.failed(&flight.route, now, for_ever);
                self.unheard(&flight, routing_key, fate);
            }
            _ => {
                unheard.unknown(&flight.route, now);
                self.failed(flight.lane, flight.seq, &flight.id, flight.attempts, error);
            }
        }
    }

    /// The broker says nothing of a message, though the connection stands: one of the queues to which it goes may have no
    /// leader. Others of its route, and of the keys of these, wait until one is confirmed; the rest goes on.
    fn unconfirmed(&mut self, flight: Flight, error: &PublishError, fate: Fate) {
        match fate {
            Fate::Kept { first } => {
                if first {
                    let timeout = self.shared.settings.publish_timeout;
                    tracing::warn!(
                        route = flight.route,
                        ?timeout,
                        "the broker does not confirm what goes there, which is kept: has its queue a leader?"
                    );
                }
                self.shared.metrics.failed(verdict::name(error));
                // Whatever was wrong before, it is this now.
                self.shared.trouble.clear();
                self.hungry = true;
                self.lanes.give_back(&flight.lane, flight.seq);
            }
            // So many routes do not confirm that it is the broker.
            Fate::Dropped { .. } => self.failed(flight.lane, flight.seq, &flight.id, flight.attempts, error),
        }
    }

    /// No queue is bound for an event, which the broker took well enough.
    fn unheard(&mut self, flight: &Flight, kind: &str, fate: Fate) {
        self.recovered();
        let patience = self.shared.settings.unroutable_for;
        match fate {
            Fate::Kept { first } => {
                // Who is waited for is said by name elsewhere.
                if first && !self.shared.hearers.wants(kind) {
                    let route = &flight.route;
                    tracing::warn!(route, ?patience, "nobody hears this event; it is kept, in case its consumer comes");
                }
                self.hungry = true;
                self.lanes.give_back(&flight.lane, flight.seq);
            }
            Fate::Dropped { first } => {
                if first {
                    tracing::warn!(
                        route = flight.route,
                        ?patience,
                        "nobody hears this event; it is dropped from now on: is its consumer's queue bound to its exchange?"
                    );
                }
                self.shared.metrics.unheard_dropped(kind);
                // What came behind it gave up its place for it.
                self.hungry = true;
                self.settled(&flight.lane, flight.seq);
            }
        }
    }

    /// A row is done with; the next of its lane may go.
    fn settled(&mut self, lane: &Lane, seq: i64) {
        self.confirm(seq);
        if let Some(row) = self.lanes.done(lane) {
            self.send(lane.clone(), row);
        }
    }

    pub(super) fn confirm(&mut self, seq: i64) {
        self.confirmed.push(seq);
        self.confirmed_since.get_or_insert_with(Instant::now);
    }

    fn failed(&mut self, lane: Lane, seq: i64, id: &str, attempts: u32, error: &PublishError) {
        self.shared.metrics.failed(verdict::name(error));
        let settings = &self.shared.settings;
        let verdict = Verdict::of(error);
        if verdict == Verdict::Transport {
            self.lanes.give_back(&lane, seq);
            return self.rest(&error.to_string());
        }
        let permanent = verdict == Verdict::Permanent;
        let given_up = permanent && self.lanes.permanent_failures(&lane) + 1 >= settings.park_after;
        if verdict == Verdict::Hopeless || given_up {
            return self.park(lane, seq, id, error.to_string());
        }
        let pause = verdict::pause(attempts.saturating_add(1), settings.retry_min, settings.retry_max);
        tracing::warn!(message.id = id, %error, ?pause, "a message in the outbox could not be sent");
        self.shared.trouble.set(error.to_string());
        self.lanes.block(&lane, seq, permanent);
        let until = Instant::now() + pause;
        let (store, held, error) = (self.shared.store.clone(), self.held, error.to_string());
        self.steps.push(Box::pin(async move {
            let result = store.defer(held, seq, &error, pause).await;
            Step::Deferred { lane, until, result }
        }));
    }

    pub(super) fn park(&mut self, lane: Lane, seq: i64, id: &str, error: String) {
        tracing::error!(message.id = id, row = seq, error, "a message in the outbox can't be sent and is parked");
        self.lanes.hold_for_parking(&lane, seq);
        let (store, held) = (self.shared.store.clone(), self.held);
        self.steps.push(Box::pin(async move {
            let result = store.park(held, seq, &error).await;
            Step::Parked { lane, seq, result }
        }));
    }

    fn deleted(&mut self, rows: Vec<i64>, result: Result<bool>) -> Option<Exit> {
        self.deleting = false;
        match result {
            Ok(true) => self.lanes.deleted(&rows),
            Ok(false) => {
                tracing::warn!(partition = self.held.part, "the outbox's partition went to another instance");
                return Some(Exit::Lost);
            }
            Err(error) => {
                self.rest(&format!("{error:#}"));
                self.confirmed.extend(rows);
                self.confirmed_since.get_or_insert_with(Instant::now);
            }
        }
        None
    }

    /// The broker or the database can't be had: leaves both alone for a while.
    fn rest(&mut self, cause: &str) {
        self.hungry = true;
        // Many rows may fail of one cause; that is one failure.
        if self.paused_until.is_some_and(|until| until > Instant::now()) {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        let pause =
            verdict::pause(self.failures, self.shared.settings.retry_min, self.shared.settings.retry_max.min(LONGEST));
        tracing::warn!(partition = self.held.part, cause, ?pause, "the outbox pauses");
        self.shared.trouble.set(cause);
        self.paused_until = Some(Instant::now() + pause);
    }

    fn recovered(&mut self) {
        if self.failures > 0 {
            self.failures = 0;
            self.paused_until = None;
        }
        self.shared.trouble.clear();
    }
}
