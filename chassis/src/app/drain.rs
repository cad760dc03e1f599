//! The end, in order: readiness, then new work, then work in flight, then connections.

use tokio::time::{Duration, Instant};

use super::running::{Running, RunningService};
use super::settings::LifecycleSettings;
use crate::health::Phase;

/// Ends everything within the bounds of `settings`. `profile` decides the default of the drain delay.
pub(crate) async fn drain(running: Running, settings: &LifecycleSettings, profile: &str) {
    let Running { health, management, services, .. } = running;
    health.enter(Phase::Draining);
    for service in &services {
        service.stop_taking();
    }
    tokio::time::sleep(settings.drain_delay(profile)).await;

    let until = Instant::now() + settings.drain_deadline;
    let ending = services.into_iter().map(|service| service.end(until));
    futures_util::future::join_all(ending).await;
    health.enter(Phase::Stopped);
    // Last, so that an operator can watch the end.
    management.drain(Duration::from_secs(1)).await;
}

impl RunningService {
    /// Jobs start no new run and consumers take no new delivery; the listener goes on.
    fn stop_taking(&self) {
        for (_, job) in &self.jobs {
            job.cancel();
        }
        self.resources.stop_taking();
    }

    async fn end(self, until: Instant) {
        let Self { name, server, detached, jobs, checks, mut resources, .. } = self;
        let left = || until.saturating_duration_since(Instant::now());
        let requests = async {
            let ended = server.drain(left()).await;
            detached.close();
            let ended = tokio::time::timeout(left(), detached.wait()).await.is_ok() && ended;
            if !ended {
                tracing::warn!(service = name, "requests were abandoned at the drain deadline");
            }
        };
        let jobs = async {
            for (job, handle) in jobs {
                if !handle.drain(left()).await {
                    tracing::warn!(service = name, job, "a run was abandoned at the drain deadline");
                }
            }
        };
        tokio::join!(requests, jobs, resources.drain(until));
        for check in checks {
            check.abort();
        }
        resources.close(until).await;
    }
}
