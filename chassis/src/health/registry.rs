//! What every part of the process last said of itself.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio::time::{Duration, Instant};

/// How a part of the process is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It works.
    Up,
    /// It works, but not as it should: the reason.
    Degraded(String),
    /// It does not work: the reason.
    Down(String),
}

impl Health {
    /// `up`, `degraded` or `down`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded(_) => "degraded",
            Self::Down(_) => "down",
        }
    }

    /// Why it is not up.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Up => None,
            Self::Degraded(reason) | Self::Down(reason) => Some(reason),
        }
    }

    fn severity(&self) -> u8 {
        match self {
            Self::Up => 0,
            Self::Degraded(_) => 1,
            Self::Down(_) => 2,
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason() {
            Some(reason) => write!(f, "{}: {reason}", self.as_str()),
            None => f.write_str(self.as_str()),
        }
    }
}

/// What it means for the process when a part is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Impact {
    /// Without it no request can be served: the process is not ready.
    Required,
    /// Without it the process serves less: it is degraded.
    Degrading,
}

/// Where the process stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Not all parts have come up yet.
    Starting,
    /// It takes work.
    Ready,
    /// It finishes what it has and takes nothing new.
    Draining,
    /// It is over.
    Stopped,
}

/// One part of the process as it is shown to an operator.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Such as `orders/database`.
    pub name: String,
    /// What it means when it is down.
    pub impact: Impact,
    /// What it last said, or that it has said nothing for too long.
    pub health: Health,
    /// How long ago that was.
    pub age: Duration,
}

/// The health of all parts of one process. Cloning gives another handle to the same.
#[derive(Clone)]
pub struct Registry(Arc<Shared>);

struct Shared {
    parts: Mutex<BTreeMap<String, Part>>,
    phase: watch::Sender<Phase>,
}

struct Part {
    impact: Impact,
    health: Health,
    since: Instant,
    stale_after: Option<Duration>,
}

impl Part {
    fn now(&self) -> Health {
        let age = self.since.elapsed();
        match self.stale_after {
            Some(bound) if age > bound => Health::Down(format!("no result for {} s", age.as_secs())),
            _ => self.health.clone(),
        }
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self(Arc::new(Shared { parts: Mutex::default(), phase: watch::Sender::new(Phase::Starting) }))
    }
}

impl Registry {
    /// Adds a part, which is down until it has said otherwise.
    pub fn register(&self, name: impl Into<String>, impact: Impact) -> Reporter {
        self.add(name.into(), impact, None)
    }

    /// Adds a part that must speak at least every `stale_after`, or it counts as down.
    pub fn register_periodic(&self, name: impl Into<String>, impact: Impact, stale_after: Duration) -> Reporter {
        self.add(name.into(), impact, Some(stale_after))
    }

    fn add(&self, name: String, impact: Impact, stale_after: Option<Duration>) -> Reporter {
        let health = Health::Down("not started yet".into());
        self.parts().insert(name.clone(), Part { impact, health, since: Instant::now(), stale_after });
        Reporter { registry: self.clone(), name: name.into() }
    }

    /// Every part, by name.
    pub fn entries(&self) -> Vec<Entry> {
        self.parts()
            .iter()
            .map(|(name, part)| Entry {
                name: name.clone(),
                impact: part.impact,
                health: part.now(),
                age: part.since.elapsed(),
            })
            .collect()
    }

    /// Whether the process should be given work.
    pub fn readiness(&self) -> Health {
        match self.phase() {
            Phase::Starting => return Health::Down("starting".into()),
            Phase::Draining => return Health::Down("draining".into()),
            Phase::Stopped => return Health::Down("stopped".into()),
            Phase::Ready => {}
        }
        let mut worst = Health::Up;
        for (name, part) in self.parts().iter() {
            let health = match (part.now(), part.impact) {
                (Health::Down(reason), Impact::Required) => Health::Down(format!("{name}: {reason}")),
                (Health::Down(reason) | Health::Degraded(reason), _) => Health::Degraded(format!("{name}: {reason}")),
                (Health::Up, _) => Health::Up,
            };
            if health.severity() > worst.severity() {
                worst = health;
            }
        }
        worst
    }

    /// Where the process stands in its life.
    pub fn phase(&self) -> Phase {
        *self.0.phase.borrow()
    }

    /// Follows where the process stands in its life.
    pub fn phases(&self) -> watch::Receiver<Phase> {
        self.0.phase.subscribe()
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.0.phase.send_replace(phase);
    }

    fn parts(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Part>> {
        self.0.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says how one part is.
#[derive(Clone)]
pub struct Reporter {
    registry: Registry,
    name: Arc<str>,
}

impl Reporter {
    /// Says how it is from now on. A change is logged.
    pub fn set(&self, health: Health) {
        let mut parts = self.registry.parts();
        let Some(part) = parts.get_mut(&*self.name) else { return };
        part.since = Instant::now();
        if part.health == health {
            return;
        }
        let before = std::mem::replace(&mut part.health, health.clone());
        drop(parts);
        match (&before, &health) {
            (Health::Down(first), Health::Up) if first == "not started yet" => {
                tracing::debug!(part = %self.name, "up");
            }
            (_, Health::Up) => tracing::info!(part = %self.name, "up again"),
            (_, worse) => {
                tracing::warn!(part = %self.name, reason = worse.reason().unwrap_or_default(), "{}", worse.as_str());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_down_until_it_speaks() {
        let registry = Registry::default();
        let database = registry.register("database", Impact::Required);
        registry.enter(Phase::Ready);
        assert_eq!(registry.readiness(), Health::Down("database: not started yet".into()));
        database.set(Health::Up);
        assert_eq!(registry.readiness(), Health::Up);
    }

    #[test]
    fn a_degrading_part_never_takes_readiness_away() {
        let registry = Registry::default();
        registry.register("mail", Impact::Degrading).set(Health::Down("refused".into()));
        registry.enter(Phase::Ready);
        assert_eq!(registry.readiness(), Health::Degraded("mail: refused".into()));
    }

    #[test]
    fn only_a_ready_process_is_ready() {
        let registry = Registry::default();
        assert_eq!(registry.readiness(), Health::Down("starting".into()));
        registry.enter(Phase::Draining);
        assert_eq!(registry.readiness(), Health::Down("draining".into()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_that_falls_silent_is_down() {
        let registry = Registry::default();
        let part = registry.register_periodic("check", Impact::Required, Duration::from_secs(15));
        registry.enter(Phase::Ready);
        part.set(Health::Up);
        tokio::time::advance(Duration::from_secs(16)).await;
        assert_eq!(registry.readiness(), Health::Down("check: no result for 16 s".into()));
    }
}
