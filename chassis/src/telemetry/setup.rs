use std::sync::Arc;
use std::time::Duration;

use super::log::Logs;
use super::{TelemetrySettings, sampling};
use crate::{ErrorKind, Result, ResultExt};

/// Who the process is.
#[derive(Debug, Clone)]
pub struct ServiceInfo {
    /// Its name; that of the service if it runs one only.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What tells it apart from its replicas.
    pub instance: String,
}

/// The process's telemetry. Dropping it writes what has been logged; [`shutdown`](Self::shutdown) exports the rest too.
#[must_use = "telemetry ends when this is dropped"]
pub struct Telemetry {
    control: Control,
    #[cfg(feature = "otlp")]
    exporter: Option<super::otlp::Exporter>,
}

/// Sets the process's telemetry up. Logs can be set up only once per process: a second call leaves them as they are.
///
/// With an OTLP endpoint it must be called inside a Tokio runtime.
///
/// # Errors
/// When the log filter or the endpoint are wrong, or the machine's certificates cannot be loaded.
pub fn init(settings: &TelemetrySettings, info: &ServiceInfo, profile: &str) -> Result<Telemetry> {
    sampling::set_ratio(settings.sampling_for(profile));
    let logs = Logs::install(settings, &info.name).context("telemetry.log is wrong").kind(ErrorKind::Config)?;
    Ok(Telemetry {
        control: Control { logs, changes: Arc::default() },
        #[cfg(feature = "otlp")]
        exporter: super::otlp::Exporter::start(&settings.otlp, info, profile).context("OTLP export cannot start")?,
    })
}

impl Telemetry {
    /// What can be changed while the process runs.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Exports what has been collected, within `grace`, and writes what has been logged.
    #[cfg_attr(not(feature = "otlp"), expect(unused_mut, unused_variables, reason = "nothing to export"))]
    pub async fn shutdown(mut self, grace: Duration) {
        #[cfg(feature = "otlp")]
        if let Some(exporter) = self.exporter.take() {
            exporter.shutdown(grace).await;
        }
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        self.control.logs.flush();
    }
}

/// Changes log level and sampling while the process runs. Cloning is cheap.
#[derive(Clone)]
pub struct Control {
    logs: Arc<Logs>,
    changes: Arc<Changes>,
}

/// Counts changes, so that going back does not undo a later one.
#[derive(Default)]
struct Changes {
    log: std::sync::atomic::AtomicU64,
    sampling: std::sync::atomic::AtomicU64,
}

impl Control {
    /// What is logged.
    pub fn log(&self) -> String {
        self.logs.filter()
    }

    /// Changes what is logged; for a while if `within` is given, then it goes back by itself. That needs a Tokio runtime.
    ///
    /// # Errors
    /// When it is no log filter.
    pub fn set_log(&self, filter: &str, within: Option<Duration>) -> Result<()> {
        let before = self.log();
        self.logs.set_filter(filter).kind(ErrorKind::Config)?;
        let control = self.clone();
        // The filter before was accepted once, so it will be again.
        later(within, |changes| &changes.log, &self.changes, move || drop(control.logs.set_filter(&before)));
        Ok(())
    }

    /// The share of new traces that are recorded.
    pub fn sampling(&self) -> f64 {
        sampling::ratio()
    }

    /// Changes the share of new traces that are recorded; for a while if `within` is given.
    pub fn set_sampling(&self, ratio: f64, within: Option<Duration>) {
        let before = sampling::ratio();
        sampling::set_ratio(ratio);
        later(within, |changes| &changes.sampling, &self.changes, move || sampling::set_ratio(before));
    }
}

fn later(
    within: Option<Duration>,
    counter: fn(&Changes) -> &std::sync::atomic::AtomicU64,
    changes: &Arc<Changes>,
    back: impl FnOnce() + Send + 'static,
) {
    use std::sync::atomic::Ordering::Relaxed;
    let mine = counter(changes).fetch_add(1, Relaxed) + 1;
    if let Some(within) = within {
        let changes = Arc::clone(changes);
        tokio::spawn(async move {
            tokio::time::sleep(within).await;
            if counter(&changes).load(Relaxed) == mine {
                back();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_change_for_a_while_goes_back_unless_changed_again() {
        let _turn = crate::telemetry::TURN.lock().await;
        let control = Control { logs: Arc::new(Logs::off()), changes: Arc::default() };
        let minute = Duration::from_secs(60);
        sampling::set_ratio(0.25);
        control.set_sampling(1.0, Some(minute));
        assert_eq!(control.sampling(), 1.0);
        tokio::time::sleep(minute * 2).await;
        assert_eq!(control.sampling(), 0.25);

        control.set_sampling(1.0, Some(minute));
        control.set_sampling(0.5, None);
        tokio::time::sleep(minute * 2).await;
        assert_eq!(control.sampling(), 0.5);
    }
}
