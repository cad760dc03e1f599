//! Keeps one connection: makes it, has the topology declared, releases its users, and begins again when it is lost.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::consumer::Ackers;
use super::error::ConnectError;
use super::instruments::{ConnectionInstruments, Instruments};
use super::link::Link;
use super::registry::Registry;
use super::settings::AmqpSettings;
use super::side::{Side, Slot};
use super::uri::Endpoint;
use crate::messaging::backoff::Backoff;
use crate::messaging::driver::ConnectionState;

/// For how long declaring everything again may take before the connection is taken to be broken.
const REPLAY: Duration = Duration::from_secs(60);
/// A connection that lived for less did not prove that the trouble is over, so the pauses go on growing.
const STABLE: Duration = Duration::from_secs(1);

/// What both supervisors need.
pub(super) struct Plan {
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) settings: AmqpSettings,
    pub(super) registry: Registry,
    pub(super) instruments: Instruments,
    /// What still tells the broker of deliveries.
    pub(super) ackers: Ackers,
}

impl Plan {
    /// Tries every broker once, in order; the first that lets us in is taken. A fault of the settings outweighs an absence.
    pub(super) async fn dial(&self, purpose: &str) -> Result<Arc<Link>, ConnectError> {
        let mut worst = ConnectError::NoUri;
        for (position, endpoint) in self.endpoints.iter().enumerate() {
            match Link::open(endpoint, &self.settings, purpose).await {
                Ok(link) => return Ok(link),
                Err(error) if position == 0 || error.is_permanent() => worst = error,
                Err(_) => {}
            }
        }
        Err(worst)
    }
}

/// Keeps the connection for `purpose` until `stop` is cancelled. `first` is a connection that was made already.
pub(super) fn start(plan: Arc<Plan>, purpose: &'static str, first: Option<Arc<Link>>, stop: CancellationToken) -> Side {
    let (slot_tx, slot) = watch::channel(Slot::Vacant);
    let (state_tx, state) = watch::channel(ConnectionState::Connecting);
    let instruments = plan.instruments.connection(purpose);
    let supervisor = Supervisor { plan, purpose, instruments, slot: slot_tx, state: state_tx };
    supervisor.enter(ConnectionState::Connecting);
    tokio::spawn(async move {
        tokio::select! {
            // First, or the end of a connection that we close ourselves would be taken for a loss.
            biased;
            () = stop.cancelled() => {}
            () = supervisor.run(first) => {}
        }
        supervisor.slot.send_replace(Slot::Closed);
        supervisor.enter(ConnectionState::Closed);
    });
    Side { slot, state }
}

struct Supervisor {
    plan: Arc<Plan>,
    purpose: &'static str,
    instruments: ConnectionInstruments,
    slot: watch::Sender<Slot>,
    state: watch::Sender<ConnectionState>,
}

impl Supervisor {
    fn enter(&self, state: ConnectionState) {
        self.instruments.show(&state);
        self.state.send_replace(state);
    }

    async fn run(&self, mut first: Option<Arc<Link>>) {
        let backoff = Backoff { min: self.plan.settings.backoff_min, max: self.plan.settings.backoff_max };
        let mut attempt = 0;
        let mut lost = None;
        loop {
            let made = match first.take() {
                Some(link) => Ok(link),
                None => self.plan.dial(self.purpose).await.map_err(|error| error.to_string()),
            };
            let cause = match made {
                Ok(link) => {
                    self.instruments.opened.inc();
                    let cause = self.hold(&link, lost).await;
                    self.instruments.lost.inc();
                    lost = Some(Instant::now());
                    if link.opened().elapsed() >= STABLE {
                        attempt = 0;
                    }
                    cause
                }
                Err(cause) => {
                    self.instruments.failures.inc();
                    cause
                }
            };
            attempt += 1;
            let pause = backoff.pause(attempt);
            warn!(connection = self.purpose, attempt, ?pause, cause, "no connection to RabbitMQ");
            self.enter(ConnectionState::Reconnecting { attempt, cause: cause.into() });
            sleep(pause).await;
        }
    }

    /// Puts `link`, whose predecessor was `lost` at that time, to use until it is lost itself, and says why it was.
    async fn hold(&self, link: &Arc<Link>, lost: Option<Instant>) -> String {
        match timeout(REPLAY, self.plan.registry.replay(link, lost)).await {
            Ok(Ok(())) => {}
            Ok(Err(cause)) => {
                link.cut();
                return cause;
            }
            Err(_) => {
                link.cut();
                return format!("the topology could not be declared within {REPLAY:?}");
            }
        }
        info!(connection = self.purpose, "connected to RabbitMQ");
        self.slot.send_replace(Slot::Open(Arc::clone(link)));
        self.enter(ConnectionState::Connected);
        let mut blocked = link.blocked();
        let cause = loop {
            tokio::select! {
                cause = link.lost() => break cause,
                Ok(()) = blocked.changed() => {
                    let reason = blocked.borrow_and_update().clone();
                    warn!(connection = self.purpose, ?reason, "RabbitMQ blocks or unblocks publishers");
                    self.enter(match reason {
                        Some(reason) => ConnectionState::Blocked(reason),
                        None => ConnectionState::Connected,
                    });
                }
            }
        };
        self.slot.send_replace(Slot::Vacant);
        link.cut();
        cause.to_string()
    }
}
