//! A check that runs in the background, over and over.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use tokio::time::{Duration, Instant, MissedTickBehavior};

use super::{Health, Impact, Registry};
use crate::{BoxFuture, Error};

/// What a check function may return.
///
/// A [`Health`] says it all; `Result<()>` is up or down; `Result<Health>` is down on an error.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned from a check",
    label = "a check returns `Health`, `Result<()>` or `Result<Health>`"
)]
pub trait CheckOutcome {
    /// The health that it stands for.
    fn into_health(self) -> Health;
}

impl CheckOutcome for Health {
    fn into_health(self) -> Health {
        self
    }
}

impl<E: Into<Error>> CheckOutcome for Result<(), E> {
    fn into_health(self) -> Health {
        self.map(|()| Health::Up).into_health()
    }
}

impl<E: Into<Error>> CheckOutcome for Result<Health, E> {
    fn into_health(self) -> Health {
        self.unwrap_or_else(|error| Health::Down(format!("{:#}", error.into())))
    }
}

/// A check and when it is run.
pub struct Check {
    /// Under which the part is shown.
    pub name: String,
    /// What it means when it fails.
    pub impact: Impact,
    /// From the end of one run to the start of the next; 5 s unless said otherwise.
    pub interval: Duration,
    /// After which a run counts as failed; 2 s unless said otherwise.
    pub timeout: Duration,
    /// Runs it once.
    pub run: Box<dyn Fn() -> BoxFuture<'static, Health> + Send + Sync>,
}

impl Check {
    /// A check with the default interval and timeout.
    pub fn new(
        name: impl Into<String>,
        impact: Impact,
        run: impl Fn() -> BoxFuture<'static, Health> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            impact,
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(2),
            run: Box::new(run),
        }
    }

    /// Runs the check for ever; the first result is there when the returned future is first pending between runs.
    pub(crate) fn watch(self, registry: &Registry) -> impl Future<Output = ()> + Send + use<> {
        let stale_after = (self.interval + self.timeout) * 3;
        let reporter = registry.register_periodic(self.name, self.impact, stale_after);
        async move {
            let mut ticks = tokio::time::interval_at(Instant::now(), self.interval);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let run = AssertUnwindSafe((self.run)()).catch_unwind();
                reporter.set(match tokio::time::timeout(self.timeout, run).await {
                    Ok(Ok(health)) => health,
                    Ok(Err(_)) => Health::Down("the check panicked".into()),
                    Err(_) => Health::Down(format!("no result within {} s", self.timeout.as_secs_f32())),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Phase;

    async fn health_of(run: impl Fn() -> BoxFuture<'static, Health> + Send + Sync + 'static) -> Health {
        let registry = Registry::default();
        registry.enter(Phase::Ready);
        let watching = Check::new("it", Impact::Required, run).watch(&registry);
        tokio::time::timeout(Duration::from_secs(3), watching).await.expect_err("a check runs for ever");
        registry.readiness()
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_hangs_is_down() {
        let health = health_of(|| Box::pin(std::future::pending())).await;
        assert_eq!(health, Health::Down("it: no result within 2 s".into()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_panics_is_down() {
        let health = health_of(|| Box::pin(async { panic!("broken check") })).await;
        assert_eq!(health, Health::Down("it: the check panicked".into()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_works_is_up() {
        assert_eq!(health_of(|| Box::pin(async { Ok::<_, Error>(()).into_health() })).await, Health::Up);
    }
}
