use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinError, JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::hearers::Hearers;
use super::leases::Leases;
use super::metrics::Metrics;
use super::store::{Held, Store};
use super::withheld::Withheld;
use super::worker::{Exit, Shared, Worker};
use super::{OutboxSettings, PARTITIONS, RelayState};
use crate::data::Database;
use crate::messaging::driver::Driver;
use crate::{Context, Result};

/// Sends what services have stored in their outboxes.
///
/// One runs per database and process. It takes every partition that no other relay holds, and gives each a worker.
pub struct Relay {
    shared: Shared,
    leases: Leases,
    workers: JoinSet<(Held, Exit)>,
    running: HashMap<u8, Employed>,
    /// How many partitions are ours to take, as several relays share them.
    share: usize,
    /// When parked rows were last looked through for old ones.
    swept: Option<Instant>,
    state: watch::Sender<RelayState>,
    stopped: CancellationToken,
}

/// A worker, as long as it works.
struct Employed {
    held: Held,
    task: AbortHandle,
    /// Ends it when its partition is another relay's share.
    retire: CancellationToken,
}

/// A relay that runs. Dropped, it ends at once, without giving its partitions back.
#[derive(Debug)]
pub struct RelayHandle {
    state: watch::Receiver<RelayState>,
    drain: CancellationToken,
    halt: CancellationToken,
    store: StoreHandle,
    task: JoinHandle<()>,
}

/// Only there to be left out of the handle's debugging text.
struct StoreHandle(Store);

impl Relay {
    /// Starts to send what is in the outbox of `db` through `driver`. The library's tables must be there already.
    pub fn start(db: Database, driver: Arc<dyn Driver>, settings: OutboxSettings) -> RelayHandle {
        let service = db.service();
        let store = Store::new(db, format!("{service}/{}", Uuid::now_v7()), settings.connections);
        let leases = Leases::new(settings.lease);
        let (drain, halt) = (CancellationToken::new(), CancellationToken::new());
        let withheld = |patience| {
            Arc::new(Withheld::new(patience, settings.retry_min, settings.publish_timeout + Duration::from_secs(5)))
        };
        let (unheard, stalled) = (withheld(settings.unroutable_for), withheld(Duration::MAX));
        let shared = Shared {
            store: store.clone(),
            driver,
            hearers: Hearers::new(settings.hearers.clone()),
            settings: Arc::new(settings),
            metrics: Metrics::of(service),
            trouble: Arc::default(),
            valid: leases.until(),
            drain: drain.clone(),
            halt: halt.clone(),
            unheard,
            stalled,
        };
        let (sender, state) = watch::channel(RelayState::Ok);
        let relay = Self {
            shared,
            leases,
            workers: JoinSet::new(),
            running: HashMap::new(),
            share: PARTITIONS.into(),
            swept: None,
            state: sender,
            stopped: drain.clone(),
        };
        let context = Context { service: Some(service), ..Context::default() };
        let task = tokio::spawn(context.scope(relay.run()));
        RelayHandle { state, drain, halt, store: StoreHandle(store), task }
    }

    async fn run(mut self) {
        let settings = self.shared.settings.clone();
        let mut scout = every(settings.poll);
        let mut renew = every(settings.lease / 3);
        // Before anything else, so that even a relay that is stopped at once has sent what was there.
        let begun = self.begin().await;
        let mut started = begun.is_ok();
        self.note(begun);
        loop {
            tokio::select! {
                Some(ended) = self.workers.join_next(), if !self.workers.is_empty() => {
                    if let Some(retired) = self.ended(ended) {
                        let outcome = self.hand_over(retired).await;
                        self.note(outcome);
                    }
                }
                _ = renew.tick() => {
                    let outcome = if started { self.renew().await } else { self.begin().await };
                    started |= outcome.is_ok();
                    let outcome = match outcome {
                        Ok(()) => self.survey().await,
                        Err(error) => Err(error),
                    };
                    self.note(outcome);
                }
                _ = scout.tick(), if started => {
                    let outcome = self.scout().await;
                    self.note(outcome);
                }
                () = self.stopped.cancelled() => break,
            }
        }
        // Partitions are no longer taken, but what is held must stay so while the workers finish.
        while !self.workers.is_empty() {
            tokio::select! {
                Some(ended) = self.workers.join_next() => drop(self.ended(ended)),
                _ = renew.tick() => drop(self.leases.renew(&self.shared.store).await),
            }
        }
        self.state.send_replace(RelayState::Stopped);
    }

    async fn begin(&mut self) -> Result<()> {
        for held in self.leases.start(&self.shared.store).await? {
            self.shared.metrics.acquired();
            self.employ(held);
        }
        Ok(())
    }

    async fn renew(&mut self) -> Result<()> {
        let held = self.leases.renew(&self.shared.store).await?;
        self.running.retain(|part, worker| {
            let ours = held.contains(&worker.held);
            if !ours {
                tracing::warn!(partition = part, "the outbox's partition went to another instance");
                self.shared.metrics.lost();
                worker.task.abort();
            }
            ours
        });
        // Whoever has none broke; this is when it is replaced.
        for held in held {
            if !self.running.contains_key(&held.part) {
                self.employ(held);
            }
        }
        self.share = self.leases.share(&self.shared.store).await?;
        self.retire_what_is_too_much();
        Ok(())
    }

    /// Lets workers finish whose partitions are the share of relays that came later.
    fn retire_what_is_too_much(&self) {
        let staying = self.running.values().filter(|worker| !worker.retire.is_cancelled());
        for worker in staying.skip(self.share) {
            tracing::info!(
                partition = worker.held.part,
                share = self.share,
                "a partition of the outbox is another's share"
            );
            worker.retire.cancel();
        }
    }

    /// Gives the partition of a worker that has finished to whoever wants it.
    async fn hand_over(&self, held: Held) -> Result<()> {
        self.shared.store.yield_one(held).await?;
        self.shared.metrics.yielded();
        Ok(())
    }

    async fn scout(&mut self) -> Result<()> {
        let seen = self.shared.store.scout().await?;
        let lanes = seen.iter().filter(|seen| seen.waiting).fold(0, |lanes, seen| lanes | 1 << seen.part);
        self.shared.store.db().signal().raise(lanes);
        let room = self.share.saturating_sub(self.running.len());
        if room > 0 && seen.iter().any(|seen| seen.free) {
            for held in self.leases.acquire_free(&self.shared.store, room).await? {
                self.shared.metrics.acquired();
                self.employ(held);
            }
        }
        Ok(())
    }

    async fn survey(&mut self) -> Result<()> {
        // What waits for somebody to hear it is not late.
        let unheard = self.shared.unheard.kept();
        let survey = self.shared.store.survey(&unheard).await?;
        self.shared.metrics.surveyed(survey.depth, survey.oldest, survey.parked);
        let kept = if unheard.is_empty() { 0 } else { self.shared.store.of_routes(&unheard).await? };
        self.shared.metrics.unheard(kept);
        self.look_at_stalled().await?;
        self.forget_what_is_old().await?;
        let patience = self.shared.settings.degraded_after;
        let awaited = match Instant::now().checked_sub(patience) {
            Some(before) if kept > 0 => self.shared.hearers.awaited_since(before),
            _ => Vec::new(),
        };
        let state = if survey.oldest >= patience {
            RelayState::Degraded { oldest: survey.oldest, cause: self.cause() }
        } else if awaited.is_empty() {
            RelayState::Ok
        } else {
            RelayState::Awaiting(awaited)
        };
        self.publish(state);
        Ok(())
    }

    /// A route for which nothing is there any more, as another instance has sent it or its time was over, is not stalled.
    async fn look_at_stalled(&self) -> Result<()> {
        let Shared { stalled, store, metrics, .. } = &self.shared;
        let routes = stalled.kept();
        let gone = !routes.is_empty() && store.of_routes(&routes).await? == 0;
        if gone {
            stalled.forget_kept();
        }
        metrics.stalled(if gone { 0 } else { routes.len() });
        Ok(())
    }

    /// Why messages wait. What goes well elsewhere says nothing of a route that is stalled.
    fn cause(&self) -> Option<Arc<str>> {
        let stalled = || {
            let route = self.shared.stalled.kept().pop()?;
            Some(format!("the broker confirms nothing of `{route}`: has its queue a leader?").into())
        };
        self.shared.trouble.get().or_else(stalled)
    }

    /// Parked rows are only deleted where the settings say so: each is something that somebody did not hear.
    async fn forget_what_is_old(&mut self) -> Result<()> {
        let Some(keep) = self.shared.settings.keep_parked else { return Ok(()) };
        if self.swept.is_some_and(|swept| swept.elapsed() < SWEEP.min(keep)) {
            return Ok(());
        }
        let forgotten = self.shared.store.forget_parked(keep).await?;
        self.swept = Some(Instant::now());
        if forgotten > 0 {
            self.shared.metrics.forgotten(forgotten);
            tracing::warn!(
                forgotten,
                ?keep,
                "parked messages of the outbox were deleted unsent (`outbox.keep_parked`)"
            );
        }
        Ok(())
    }

    /// A database that can't be asked is a fault in itself: nobody knows what waits in it.
    fn note(&self, outcome: Result<()>) {
        let Err(error) = outcome else { return };
        tracing::warn!(error = format!("{error:#}"), "the relay of the outbox can't reach its database");
        let oldest = match &*self.state.borrow() {
            RelayState::Degraded { oldest, .. } => *oldest,
            _ => Duration::ZERO,
        };
        self.publish(RelayState::Degraded { oldest, cause: Some(format!("{error:#}").into()) });
    }

    fn publish(&self, state: RelayState) {
        self.state.send_if_modified(|current| {
            let changed = *current != state;
            *current = state;
            changed
        });
    }

    fn employ(&mut self, held: Held) {
        let retire = self.shared.halt.child_token();
        let worker = Worker::new(Shared { halt: retire.clone(), ..self.shared.clone() }, held);
        let context = Context::current();
        let task = context.scope(async move { (held, worker.run().await) });
        let employed = Employed { held, task: self.workers.spawn(task), retire };
        if let Some(former) = self.running.insert(held.part, employed) {
            former.task.abort();
        }
    }

    /// Takes note that a worker has ended; gives what it held if that is to be given back.
    fn ended(&mut self, ended: Result<(Held, Exit), JoinError>) -> Option<Held> {
        match ended {
            Ok((held, exit)) => {
                if self.running.get(&held.part).is_some_and(|worker| worker.held == held) {
                    self.running.remove(&held.part);
                }
                if exit == Exit::Lost {
                    self.shared.metrics.lost();
                }
                (exit == Exit::Drained).then_some(held)
            }
            Err(error) if error.is_panic() => {
                tracing::error!(%error, "a worker of the outbox broke; it will be replaced");
                self.running.retain(|_, worker| worker.task.id() != error.id());
                None
            }
            Err(_) => None,
        }
    }
}

impl RelayHandle {
    /// How the relay fares, as it changes. The channel closes, after [`RelayState::Stopped`], when the relay has ended.
    pub fn state(&self) -> watch::Receiver<RelayState> {
        self.state.clone()
    }

    /// Sends what is in the outbox, and ends: after three quarters of `grace` with what is on its way by then, and when
    /// `grace` is over at once. Then the partitions are given back, so that another instance can go on without waiting.
    pub async fn stop(mut self, grace: Duration) {
        let begun = Instant::now();
        self.drain.cancel();
        if timeout_at(begun + grace * 3 / 4, &mut self.task).await.is_err() {
            self.halt.cancel();
            if timeout_at(begun + grace, &mut self.task).await.is_err() {
                tracing::warn!("the outbox was not sent to its end in time; what remains is sent after the next start");
                self.task.abort();
                let _ = (&mut self.task).await;
            }
        }
        match timeout(RELEASE_WITHIN, self.store.0.release()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(error = format!("{error:#}"), "the outbox's partitions were not given back")
            }
            Err(_) => tracing::warn!("the outbox's partitions were not given back in time"),
        }
    }
}

impl Drop for RelayHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl std::fmt::Debug for StoreHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

/// How often old parked rows are looked for.
const SWEEP: Duration = Duration::from_secs(60 * 60);
/// How long giving back the partitions may take. They end by themselves later.
const RELEASE_WITHIN: Duration = Duration::from_secs(2);

fn every(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval(period.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
