//! Runs jobs, guards them, and says how they are.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::FutureExt;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Schedule;
use crate::health::{Health, Reporter};
use crate::telemetry::metrics::{self, Counter, Histogram};
use crate::telemetry::span::{Span, SpanKind};
use crate::{BoxFuture, Context, Result};

#[cfg(any(feature = "sqlite", feature = "postgres"))]
use crate::data::{Database, Leases};

/// A job of a service.
#[derive(Clone)]
pub struct Job {
    /// The service it belongs to.
    pub service: &'static str,
    /// The function's name.
    pub name: &'static str,
    /// When it runs.
    pub schedule: Schedule,
    /// Runs it once.
    pub run: Arc<dyn Fn() -> BoxFuture<'static, Result<()>> + Send + Sync>,
    /// Where replicas agree on who runs it; every replica runs it without.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub leased: Option<Database>,
}

/// A job that was started.
pub struct JobHandle {
    stop: CancellationToken,
    now: Arc<Notify>,
    task: AbortHandle,
    tracker: TaskTracker,
}

impl JobHandle {
    /// Starts no new run.
    pub fn cancel(&self) {
        self.stop.cancel();
    }

    /// Runs it once, without waiting for its time.
    pub fn run_now(&self) {
        self.now.notify_one();
    }

    /// Waits until the run at hand has ended, but not longer than `grace`; says whether it had.
    pub async fn drain(&self, grace: Duration) -> bool {
        self.stop.cancel();
        let ended = tokio::time::timeout(grace, self.tracker.wait()).await.is_ok();
        self.task.abort();
        ended
    }
}

/// How long a run keeps its lease unless it renews it, which it does three times as often.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
const LEASE: Duration = Duration::from_secs(30);

struct Instruments {
    done: Counter,
    failed: Counter,
    seconds: Histogram,
}

impl Job {
    /// Starts to run the job by its schedule. A run that fails or panics is logged and counted, shows as degraded until
    /// one succeeds, and does not end the job.
    pub fn start(self, health: Reporter) -> JobHandle {
        let stop = CancellationToken::new();
        let now = Arc::new(Notify::new());
        health.set(Health::Up);
        let tracker = TaskTracker::new();
        let task = tracker.spawn(self.supervise(stop.clone(), Arc::clone(&now), health)).abort_handle();
        tracker.close();
        JobHandle { stop, now, task, tracker }
    }

    async fn supervise(self, stop: CancellationToken, now: Arc<Notify>, health: Reporter) {
        let labels = |outcome| [("service", self.service), ("job", self.name), ("outcome", outcome)];
        let runs =
            |outcome| metrics::counter(("chassis.job.runs", "{run}"), "Runs of jobs by outcome.", &labels(outcome));
        let instruments = Instruments {
            done: runs("done"),
            failed: runs("failed"),
            seconds: metrics::histogram(
                ("chassis.job.duration", "s"),
                "How long runs of jobs took.",
                &[("service", self.service), ("job", self.name)],
                metrics::SECONDS,
            ),
        };
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.schedule.wait(SystemTime::now())) => {}
                () = now.notified() => {}
            }
            match self.run_leased(&instruments).await {
                Ok(()) => health.set(Health::Up),
                Err(error) => health.set(Health::Degraded(format!("the last run failed: {error:#}"))),
            }
        }
    }

    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    async fn run_leased(&self, instruments: &Instruments) -> Result<()> {
        let Some(database) = &self.leased else { return self.run_once(instruments).await };
        let name = format!("{}/{}", self.service, self.name);
        let pause = self.schedule.least_pause();
        let owner = uuid::Uuid::new_v4().to_string();
        let Some(lease) = Leases::try_acquire_due(database, &name, &owner, LEASE, pause).await? else { return Ok(()) };
        let mut renewal = tokio::time::interval_at(Instant::now() + LEASE / 3, LEASE / 3);
        let run = self.run_once(instruments);
        tokio::pin!(run);
        let result = loop {
            tokio::select! {
                result = &mut run => break result,
                _ = renewal.tick() => match lease.renew(LEASE).await {
                    Ok(true) => {}
                    // Somebody else runs it by now, so that this run must end.
                    Ok(false) => return Err(crate::Error::msg("the lease was lost while the job ran")),
                    Err(error) => tracing::warn!(job = self.name, "the lease was not renewed: {error:#}"),
                },
            }
        };
        lease.release(if result.is_ok() { "done" } else { "failed" }).await?;
        result
    }

    #[cfg(not(any(feature = "sqlite", feature = "postgres")))]
    async fn run_leased(&self, instruments: &Instruments) -> Result<()> {
        self.run_once(instruments).await
    }

    async fn run_once(&self, instruments: &Instruments) -> Result<()> {
        let root = Context { service: Some(self.service), ..Context::default() };
        let mut span = Span::start(SpanKind::Internal, self.name, &root);
        let context = span.context(&root);
        let started = Instant::now();
        let result = context
            .scope(async {
                let result = AssertUnwindSafe((self.run)()).catch_unwind().await;
                let result = result.unwrap_or_else(|_| Err(crate::Error::msg("the job panicked")));
                if let Err(error) = &result {
                    tracing::error!(job = self.name, "the job failed: {error:#}");
                }
                result
            })
            .await;
        instruments.seconds.observe(started.elapsed().as_secs_f64());
        match &result {
            Ok(()) => instruments.done.inc(),
            Err(error) => {
                instruments.failed.inc();
                span.fail(error.kind().as_str());
            }
        }
        result
    }
}
