//! Sends the rows of one partition.

mod outcome;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::OutboxSettings;
use super::hearers::Hearers;
use super::lanes::{Lane, Lanes};
use super::metrics::Metrics;
use super::row::{Letter, Row};
use super::state::Trouble;
use super::store::{Held, Store};
use super::withheld::{self, Leave, Route, Withheld};
use crate::messaging::driver::{ConnectionState, Driver, Outgoing, PublishError};
use crate::{BoxFuture, Result};

/// Confirmed rows are deleted when there are as many as this part of a batch, or nothing else is on its way …
const DELETE_AT: usize = 4;
/// … or so much time has passed since the first of them was confirmed.
const DELETE_WITHIN: Duration = Duration::from_millis(50);

/// What all workers of a relay share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) driver: Arc<dyn Driver>,
    pub(super) settings: Arc<OutboxSettings>,
    pub(super) metrics: Metrics,
    pub(super) trouble: Arc<Trouble>,
    /// Until when the leases are ours.
    pub(super) valid: watch::Receiver<Instant>,
    /// Send what there is, then end.
    pub(super) drain: CancellationToken,
    /// Finish what is on its way, then end.
    pub(super) halt: CancellationToken,
    /// Events that nobody hears.
    pub(super) unheard: Arc<Withheld>,
    /// Routes for which no confirmation comes.
    pub(super) stalled: Arc<Withheld>,
    /// Who must be there.
    pub(super) hearers: Hearers,
}

/// Why a worker ended by itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// It was told to, and is through.
    Drained,
    /// Somebody else has the partition.
    Lost,
}

/// Something that was under way and is done.
enum Step {
    Fetched(Result<Vec<Row>>),
    Sent { flight: Flight, result: Result<(), PublishError> },
    Deleted { rows: Vec<i64>, result: Result<bool> },
    Deferred { lane: Lane, until: Instant, result: Result<()> },
    Parked { lane: Lane, seq: i64, result: Result<()> },
}

/// A row on its way to the broker.
struct Flight {
    lane: Lane,
    seq: i64,
    id: String,
    attempts: u32,
    begun: Instant,
    route: Route,
    /// Whether it is an event that is kept where nobody hears it.
    is_kept: bool,
}

/// One partition's worker: a single task that reads, sends and deletes at the same time, decides nothing about order itself
/// (that is [`Lanes`]'), and holds no transaction while it waits for the broker.
pub(super) struct Worker {
    shared: Shared,
    held: Held,
    connection: watch::Receiver<ConnectionState>,
    lanes: Lanes,
    steps: FuturesUnordered<BoxFuture<'static, Step>>,
    confirmed: Vec<i64>,
    confirmed_since: Option<Instant>,
    /// There may be rows that have not been read.
    hungry: bool,
    fetching: bool,
    /// How many rows were asked for; as many as that mean that there are more.
    limit: usize,
    deleting: bool,
    paused_until: Option<Instant>,
    failures: u32,
}

impl Worker {
    pub(super) fn new(shared: Shared, held: Held) -> Self {
        Self {
            lanes: Lanes::new(shared.settings.batch as usize),
            connection: shared.driver.publishing(),
            shared,
            held,
            steps: FuturesUnordered::new(),
            confirmed: Vec::new(),
            confirmed_since: None,
            hungry: true,
            fetching: false,
            limit: 0,
            deleting: false,
            paused_until: None,
            failures: 0,
        }
    }

    pub(super) async fn run(mut self) -> Exit {
        let (mut connection, mut valid) = (self.connection.clone(), self.shared.valid.clone());
        let (drain, halt) = (self.shared.drain.clone(), self.shared.halt.clone());
        let db = self.shared.store.db().clone();
        let (mut draining, mut connection_lives) = (false, true);
        loop {
            let now = Instant::now();
            if drain.is_cancelled() && !draining {
                // A last look, for what nobody has told us of.
                (draining, self.hungry) = (true, true);
            }
            let open = self.may_send(now);
            if open && self.hungry && !self.fetching && !halt.is_cancelled() && self.lanes.has_room() {
                self.fetch(now);
            }
            if self.is_time_to_delete(now) {
                self.delete();
            }
            if self.steps.is_empty() && (halt.is_cancelled() || (draining && (!self.hungry || !open))) {
                return Exit::Drained;
            }
            let retry = self.lanes.next_retry(now);
            let timer = [self.paused_until, retry, self.delete_timer(now)].into_iter().flatten().min();
            tokio::select! {
                Some(step) = self.steps.next(), if !self.steps.is_empty() => {
                    if self.take(step) == Some(Exit::Lost) {
                        return Exit::Lost;
                    }
                }
                () = db.signal().raised(usize::from(self.held.part)) => self.hungry = true,
                () = at(timer) => self.elapsed(retry),
                // Sending may be possible now, or no longer.
                changed = connection.changed(), if connection_lives => connection_lives = changed.is_ok(),
                Ok(()) = valid.changed() => {}
                () = drain.cancelled(), if !draining => {}
                () = halt.cancelled(), if !halt.is_cancelled() => {}
            }
        }
    }

    fn elapsed(&mut self, retry: Option<Instant>) {
        let now = Instant::now();
        self.hungry |= retry.is_some_and(|retry| retry <= now);
        if self.paused_until.is_some_and(|until| until <= now) {
            (self.paused_until, self.hungry) = (None, true);
        }
    }

    /// Whether the way to the broker is open and the partition is surely ours.
    fn may_send(&self, now: Instant) -> bool {
        self.is_connected() && now < *self.shared.valid.borrow() && self.paused_until.is_none_or(|until| until <= now)
    }

    fn is_connected(&self) -> bool {
        *self.connection.borrow() == ConnectionState::Connected
    }

    fn fetch(&mut self, now: Instant) {
        let wanted = self.lanes.wanted(now);
        let (unheard, stalled) = (self.shared.unheard.waiting(now), self.shared.stalled.waiting(now));
        let (store, part) = (self.shared.store.clone(), self.held.part);
        // What comes while the read is under way may not be in it.
        (self.hungry, self.fetching, self.limit) = (false, true, wanted.limit);
        let longest = self.shared.settings.retry_max;
        self.steps.push(Box::pin(async move {
            Step::Fetched(store.fetch(part, &wanted, &unheard, &stalled, longest).await)
        }));
    }

    fn is_time_to_delete(&self, now: Instant) -> bool {
        let enough = self.confirmed.len() >= (self.shared.settings.batch as usize / DELETE_AT).max(1);
        let waited = self.confirmed_since.is_some_and(|since| now >= since + DELETE_WITHIN);
        let rested = self.paused_until.is_none_or(|until| until <= now);
        !self.deleting && !self.confirmed.is_empty() && rested && (enough || waited || self.lanes.sending() == 0)
    }

    fn delete(&mut self) {
        crate::failpoint!("outbox.after-publish-before-delete");
        let rows = std::mem::take(&mut self.confirmed);
        (self.confirmed_since, self.deleting) = (None, true);
        let (store, held) = (self.shared.store.clone(), self.held);
        self.steps.push(Box::pin(async move {
            let result = store.delete(held, &rows).await;
            Step::Deleted { rows, result }
        }));
    }

    fn delete_timer(&self, now: Instant) -> Option<Instant> {
        let may = !self.deleting && self.paused_until.is_none_or(|until| until <= now);
        self.confirmed_since.filter(|_| may).map(|since| since + DELETE_WITHIN)
    }

    /// Sends a row whose turn it is, or finds that it needn't or can't be sent and goes on to the next of its lane.
    fn send(&mut self, lane: Lane, row: Row) {
        let mut next = Some(row);
        while let Some(row) = next.take() {
            let now = Instant::now();
            if !self.may_send(now) {
                self.hungry = true;
                return self.lanes.give_back(&lane, row.seq);
            }
            if row.expired {
                self.shared.metrics.expired();
                tracing::warn!(row = row.seq, "a message in the outbox was dropped since its time is over");
                self.confirm(row.seq);
                next = self.lanes.done(&lane);
                continue;
            }
            match row.letter {
                Ok(letter) => {
                    let is_kept = !letter.mandatory && !self.shared.settings.unroutable_for.is_zero();
                    let route = withheld::route(&letter.exchange, &letter.routing_key);
                    match self.leave(&route, is_kept, now) {
                        Leave::Open => {}
                        // It may take its time, in which others of its key would take their place.
                        Leave::ToFindOut => self.lanes.give_back_behind(&lane),
                        Leave::Withheld => {
                            // Read again without its route, so that it holds up nothing else.
                            self.hungry = true;
                            return self.lanes.give_back(&lane, row.seq);
                        }
                    }
                    let (id, attempts) = (letter.message.id.clone(), row.attempts);
                    let flight = Flight { lane: lane.clone(), seq: row.seq, id, attempts, begun: now, route, is_kept };
                    self.publish(flight, letter);
                }
                Err(error) => self.park(lane.clone(), row.seq, "", error),
            }
        }
    }

    /// Whether the route is open, or it is time to find out by this message whether it is.
    fn leave(&self, route: &Route, is_kept: bool, now: Instant) -> Leave {
        let Shared { unheard, stalled, .. } = &self.shared;
        match stalled.may_send(route, now) {
            Leave::Open if is_kept => unheard.may_send(route, now),
            Leave::ToFindOut if is_kept && unheard.may_send(route, now) == Leave::Withheld => {
                stalled.unknown(route, now);
                Leave::Withheld
            }
            leave => leave,
        }
    }

    fn publish(&mut self, flight: Flight, letter: Letter) {
        crate::failpoint!("outbox.after-commit-before-publish");
        let driver = self.shared.driver.clone();
        let hearers = flight.is_kept.then(|| self.shared.hearers.clone());
        let outgoing = Outgoing {
            exchange: letter.exchange.into(),
            routing_key: letter.routing_key.into(),
            // Of an event that would be kept it must be known whether anybody hears it.
            mandatory: letter.mandatory || flight.is_kept,
            message: letter.message,
            deadline: flight.begun + self.shared.settings.publish_timeout,
        };
        self.steps.push(Box::pin(async move {
            if let Some(hearers) = hearers
                && let Err(error) = hearers.all_there(&*driver, &outgoing.exchange, &outgoing.routing_key).await
            {
                return Step::Sent { flight, result: Err(error) };
            }
            let result = driver.publish(outgoing).await;
            Step::Sent { flight, result }
        }));
    }
}

async fn at(timer: Option<Instant>) {
    match timer {
        Some(timer) => sleep_until(timer).await,
        None => std::future::pending().await,
    }
}
