//! The other services that the services of a process call.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::report::{self, Sources};
use super::{ClientSettings, Remote};
use crate::Result;
use crate::config::Config;
use crate::discovery::Snapshot;
use crate::health::{Health, Impact, Registry, Reporter};
use crate::resilience::circuit_breaker::Status;

/// By the service that calls and what it calls.
type All = BTreeMap<(&'static str, String), Remote>;

/// Every dependency of a process, once for each service that calls it. Cloning gives another handle to the same.
#[derive(Clone, Default)]
pub(crate) struct Clients(Arc<Mutex<All>>);

impl Clients {
    /// The one dependency of that name of a service, made at the first call.
    ///
    /// # Errors
    /// Those of [`Remote::new`].
    pub(crate) fn get_or_make(
        &self,
        service: &'static str,
        name: &str,
        settings: &ClientSettings,
        config: &Config,
    ) -> Result<Remote> {
        let key = (service, name.to_owned());
        let mut all = self.all();
        if let Some(remote) = all.get(&key) {
            return Ok(remote.clone());
        }
        let remote = Remote::of_service(service, settings, Sources { config: Some(config), name })?;
        all.insert(key, remote.clone());
        Ok(remote)
    }

    /// One dependency, with the service that calls it.
    pub(crate) fn get(&self, service: &str, name: &str) -> Option<(&'static str, Remote)> {
        self.all()
            .iter()
            .find(|(key, _)| key.0 == service && key.1 == name)
            .map(|(key, remote)| (key.0, remote.clone()))
    }

    /// All of them, with the names of the service that calls and of what it calls.
    pub(crate) fn list(&self) -> Vec<(&'static str, String, Remote)> {
        self.all().iter().map(|((service, name), remote)| (*service, name.clone(), remote.clone())).collect()
    }

    /// Has the process degraded as long as a breaker is open, and says in the log which policies are active.
    pub(crate) fn start(&self, health: &Registry) {
        for (service, name, remote) in self.list() {
            tracing::info!(
                caller = service,
                client = name,
                url = remote.address(),
                policies = remote.policies(),
                set = report::set(remote.active()),
                "calls"
            );
            let reporter = health.register(format!("{service}/client/{name}"), Impact::Degrading);
            report(&reporter, remote.breaker().status());
            remote.breaker().observe(move |change| report(&reporter, change.to));
            if let Some(discovery) = remote.discovery() {
                let reporter = health.register(format!("{service}/client/{name}/instances"), Impact::Degrading);
                tokio::spawn(follow(discovery.changes(), reporter));
            }
        }
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has the process degraded while instances cannot be found; ends with the client.
async fn follow(mut changes: watch::Receiver<Arc<Snapshot>>, reporter: Reporter) {
    loop {
        reporter.set(instances(&changes.borrow_and_update()));
        if changes.changed().await.is_err() {
            return;
        }
    }
}

fn instances(snapshot: &Snapshot) -> Health {
    match &snapshot.error {
        Some(error) => Health::Degraded(format!("its instances cannot be looked for: {error}")),
        None if snapshot.read && snapshot.endpoints.is_empty() => Health::Degraded("it has no instance".into()),
        None => Health::Up,
    }
}

fn report(reporter: &Reporter, status: Status) {
    reporter.set(match status {
        Status::Closed | Status::Disabled => Health::Up,
        Status::Open => Health::Degraded("its circuit breaker is open".into()),
        Status::HalfOpen => Health::Degraded("its circuit breaker is half-open".into()),
        Status::ForcedOpen => Health::Degraded("an operator has its circuit breaker open".into()),
    });
}
