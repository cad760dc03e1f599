//! The broker of a service, its consumers and the relay of its outbox.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::app::{Needs, Part, Parts};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use crate::data::Database;
use crate::health::{Health, Impact, Registry, Reporter};
use crate::messaging::consumer::{
    self, ConsumerControl, ConsumerHandle, ConsumerHealth, Handler, Subscription, SubscriptionSpec,
};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use crate::messaging::consumer::{Mode, Orphan, OrphanWatch, Orphans, ReadQueue};
use crate::messaging::dead_letters::{DeadLetterSettings, DeadLetters, Watch};
use crate::messaging::driver::{ConnectionState, Driver};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use crate::messaging::inbox::{InboxSettings, Retention};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use crate::messaging::outbox::{OutboxSettings, Relay, RelayHandle, RelayState};
use crate::messaging::{self, MessagingSettings, Publisher};
use crate::{BoxFuture, Error, ErrorKind, Result};

/// A connection to the broker, and what works on it.
pub(super) struct Broker {
    driver: Arc<dyn Driver>,
    settings: MessagingSettings,
    consumers: Vec<ConsumerHandle>,
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    relay: Option<RelayHandle>,
    /// Forgets what the inbox need not know any more, as long as it lives.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    _retention: Option<Retention>,
    /// The queues that nobody reads any more, and what looks for them as long as it lives.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    orphans: Option<(Orphans, OrphanWatch)>,
    /// The dead letters, and what measures them as long as it lives.
    dead_letters: Option<(DeadLetters, Watch)>,
}

impl Broker {
    /// Connects. The service goes on while the broker is away, so that its loss degrades only.
    pub(super) async fn connect(parts: &Parts, health: &Registry, watches: &mut Vec<JoinHandle<()>>) -> Result<Self> {
        let settings: MessagingSettings = parts.config().read()?;
        let driver = messaging::connect(&settings, parts.service()).await?;
        let reporter = health.register(format!("{}/broker", parts.service()), Impact::Degrading);
        watches.push(follow(driver.state(), reporter, connection));
        parts.share(Publisher::new(Arc::clone(&driver), parts.service()));
        Ok(Self {
            driver,
            settings,
            consumers: Vec::new(),
            #[cfg(any(feature = "sqlite", feature = "postgres"))]
            relay: None,
            #[cfg(any(feature = "sqlite", feature = "postgres"))]
            _retention: None,
            #[cfg(any(feature = "sqlite", feature = "postgres"))]
            orphans: None,
            dead_letters: None,
        })
    }

    /// Starts the consumers and the relay.
    pub(super) fn start(
        &mut self,
        parts: &Parts,
        subscriptions: Vec<(SubscriptionSpec, Handler)>,
        health: &Registry,
        watches: &mut Vec<JoinHandle<()>>,
    ) -> Result<()> {
        let service = parts.service();
        #[cfg(any(feature = "sqlite", feature = "postgres"))]
        let database = parts.shared::<Database>();
        if let Some(publisher) = parts.shared::<Publisher>() {
            // The driver remembers what it was asked to declare, so that a broker that is away now has it when it comes.
            watches.push(tokio::spawn(async move {
                if let Err(error) = publisher.declare().await {
                    tracing::warn!("the exchange of the service's events is not declared yet: {error:#}");
                }
            }));
        }
        #[cfg(any(feature = "sqlite", feature = "postgres"))]
        if let Some(database) = &database {
            let settings: OutboxSettings = parts.config().read()?;
            let relay = Relay::start(database.clone(), Arc::clone(&self.driver), settings);
            let reporter = health.register(format!("{service}/outbox"), Impact::Degrading);
            watches.push(follow(relay.state(), reporter, relaying));
            self.relay = Some(relay);
            self._retention = Some(Retention::start(database.clone(), parts.config().read::<InboxSettings>()?));
        }
        #[cfg(not(any(feature = "sqlite", feature = "postgres")))]
        let database = None;
        let queues = subscriptions.iter().map(|(spec, _)| spec.queue_name(service));
        let letters = DeadLetters::new(Arc::clone(&self.driver), service, queues);
        let watch = Watch::start(letters.clone(), &parts.config().read::<DeadLetterSettings>()?);
        self.dead_letters = Some((letters.clone(), watch));
        #[cfg(any(feature = "sqlite", feature = "postgres"))]
        if let Some(database) = &database {
            warn_of_waiting(subscriptions.iter().map(|(spec, _)| spec), database);
            let read = subscriptions.iter().map(|(spec, _)| {
                let queue = spec.queue_name(service);
                ReadQueue { bindings: spec.bindings(&queue), queue }
            });
            let orphans = Orphans::new(database.clone(), Arc::clone(&self.driver), read.collect(), letters);
            let reporter = health.register(format!("{service}/orphaned-queues"), Impact::Degrading);
            watches.push(follow(orphans.changes(), reporter, |orphans| Some(orphaned(orphans))));
            let watch = orphans.watch();
            self.orphans = Some((orphans, watch));
        }
        for (spec, handler) in subscriptions {
            #[cfg(any(feature = "sqlite", feature = "postgres"))]
            if let Some(database) = database.as_ref().filter(|_| spec.mode == Mode::Transactional) {
                fits_the_pool(&spec, database)?;
            }
            let policy = self.settings.retry_policy(spec.retry)?;
            let subscription = Subscription { service, spec, handler, database: database.clone() };
            let consumer = consumer::start(Arc::clone(&self.driver), subscription, policy)?;
            let reporter = health.register(format!("{service}/consumer/{}", spec.name), Impact::Degrading);
            watches.push(follow(consumer.health(), reporter, consuming));
            self.consumers.push(consumer);
        }
        Ok(())
    }

    /// Waits until every consumer consumes, or has ended.
    #[cfg(feature = "testing")]
    pub(super) async fn consuming(&self) {
        for consumer in &self.consumers {
            // An error is a consumer that is gone, for which nobody need wait.
            let _ = consumer.health().wait_for(|health| *health == ConsumerHealth::Consuming).await;
        }
    }

    /// What an operator can do to the consumers.
    pub(super) fn consumers(&self) -> Vec<ConsumerControl> {
        self.consumers.iter().map(ConsumerHandle::control).collect()
    }

    /// The queues that nobody reads any more.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(super) fn orphans(&self) -> Option<Orphans> {
        self.orphans.as_ref().map(|(orphans, _)| orphans.clone())
    }

    /// What the service's handlers have given up on.
    pub(super) fn dead_letters(&self) -> Option<DeadLetters> {
        self.dead_letters.as_ref().map(|(letters, _)| letters.clone())
    }

    pub(super) fn stop_taking(&self) {
        self.consumers.iter().for_each(ConsumerHandle::cancel);
    }

    pub(super) async fn drain(&mut self, until: Instant) {
        let drains = std::mem::take(&mut self.consumers).into_iter().map(async |consumer| {
            let queue = consumer.queue().to_owned();
            let drained = consumer.drain(until.saturating_duration_since(Instant::now())).await;
            if drained.abandoned > 0 {
                let deliveries = drained.abandoned;
                tracing::warn!(queue, deliveries, "deliveries were abandoned at the drain deadline; they come again");
            }
        });
        futures_util::future::join_all(drains).await;
    }

    pub(super) async fn close(mut self, until: Instant) {
        // They would go on asking the broker while it is left.
        self.dead_letters = None;
        #[cfg(any(feature = "sqlite", feature = "postgres"))]
        {
            self.orphans = None;
        }
        // Even a drain that used up its time leaves a moment for what is confirmed in milliseconds.
        let left = || until.saturating_duration_since(Instant::now()).max(std::time::Duration::from_secs(1));
        #[cfg(any(feature = "sqlite", feature = "postgres"))]
        if let Some(relay) = self.relay {
            relay.stop(left()).await;
        }
        self.driver.close(left()).await;
    }
}

/// A handler in a transaction needs a connection for each delivery at hand.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
fn fits_the_pool(spec: &SubscriptionSpec, database: &Database) -> Result<()> {
    let (wanted, pool) = (u32::from(spec.concurrency), database.max_connections());
    if wanted <= pool {
        return Ok(());
    }
    let name = spec.name;
    let message = format!(
        "subscription `{name}` handles {wanted} deliveries at once, but `database.max_connections` is {pool}: raise the \
         latter or lower `concurrency`"
    );
    Err(Error::new(ErrorKind::Config, message))
}

/// Each handler alone fits, but together they may want more connections than there are. On SQLite writers take turns anyway.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
fn warn_of_waiting<'a>(specs: impl Iterator<Item = &'a SubscriptionSpec>, database: &Database) {
    let transactional = specs.filter(|spec| spec.mode == Mode::Transactional);
    let handlers: u32 = transactional.map(|spec| u32::from(spec.concurrency)).sum();
    let max_connections = database.max_connections();
    if handlers > max_connections && database.engine() == crate::data::Engine::Postgres {
        tracing::warn!(
            handlers,
            max_connections,
            "the handlers of `{}` together want more connections than `database.max_connections`, so that they may wait for \
             each other and for requests",
            database.service()
        );
    }
}

/// Passes every change of a state on to health; a state that only says that it has not begun says nothing.
fn follow<T: Send + Sync + 'static>(
    mut states: watch::Receiver<T>,
    reporter: Reporter,
    health: fn(&T) -> Option<Health>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            let health = health(&states.borrow_and_update());
            if let Some(health) = health {
                reporter.set(health);
            }
            if states.changed().await.is_err() {
                return;
            }
        }
    })
}

fn connection(state: &ConnectionState) -> Option<Health> {
    Some(match state {
        ConnectionState::Connected => Health::Up,
        ConnectionState::Connecting => return None,
        ConnectionState::Blocked(reason) => Health::Degraded(format!("the broker takes no messages: {reason}")),
        ConnectionState::Reconnecting { attempt, cause } => {
            Health::Down(format!("reconnecting, attempt {attempt}: {cause}"))
        }
        ConnectionState::Closed => Health::Down("closed".into()),
    })
}

fn consuming(state: &ConsumerHealth) -> Option<Health> {
    Some(match state {
        ConsumerHealth::Consuming | ConsumerHealth::Draining | ConsumerHealth::Stopped => Health::Up,
        ConsumerHealth::Starting => return None,
        ConsumerHealth::HalfOpen { cause } => {
            Health::Degraded(format!("its handler keeps failing, so that it takes one message at a time: {cause}"))
        }
        ConsumerHealth::Paused { cause, by_operator: true } => {
            Health::Degraded(format!("paused by an operator: {cause}"))
        }
        ConsumerHealth::Paused { cause, by_operator: false } => {
            Health::Degraded(format!("paused, since its handler keeps failing: {cause}"))
        }
        ConsumerHealth::Disconnected { cause } => Health::Down(format!("disconnected: {cause}")),
        ConsumerHealth::Restarting { attempt, cause } => {
            Health::Down(format!("restarting, attempt {attempt}: {cause}"))
        }
    })
}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
fn orphaned(orphans: &[Orphan]) -> Health {
    if orphans.is_empty() {
        return Health::Up;
    }
    let named = orphans.iter().map(|Orphan { queue, waiting, .. }| format!("`{queue}` with {waiting} messages"));
    let named: Vec<_> = named.collect();
    Health::Degraded(format!("queues that no handler reads any more: {}", named.join(", ")))
}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
fn relaying(state: &RelayState) -> Option<Health> {
    Some(match state {
        RelayState::Ok => Health::Up,
        degraded @ (RelayState::Degraded { .. } | RelayState::Awaiting(_)) => Health::Degraded(degraded.to_string()),
        stopped @ RelayState::Stopped => Health::Down(stopped.to_string()),
    })
}

impl Part for Publisher {
    fn provide(parts: &Parts) -> BoxFuture<'_, Result<Self>> {
        Box::pin(async move {
            let missing = || Error::new(ErrorKind::Config, "the service is not connected to a broker");
            let publisher: Self = parts.shared().ok_or_else(missing)?;
            Ok(publisher)
        })
    }

    fn needs(needs: &mut Needs) {
        needs.messaging = true;
    }
}
