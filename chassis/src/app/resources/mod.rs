//! What a service stands on: its database and its broker.

#[cfg(feature = "messaging")]
mod broker;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod database;
#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
mod no_database;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::erased::Provider;
use super::part::Parts;
use crate::Result;
use crate::config::Config;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use crate::data::Database;
use crate::health::Registry;
#[cfg(all(feature = "messaging", any(feature = "sqlite", feature = "postgres")))]
use crate::messaging::consumer::Orphans;
#[cfg(feature = "messaging")]
use crate::messaging::consumer::{ConsumerControl, Handler, SubscriptionSpec};
#[cfg(feature = "messaging")]
use crate::messaging::dead_letters::DeadLetters;
#[cfg(all(feature = "messaging", any(feature = "sqlite", feature = "postgres")))]
use crate::messaging::outbox::Desk;

/// The database and the broker of one service, and what runs on them.
pub(crate) struct Resources {
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    database: Option<Database>,
    #[cfg(feature = "messaging")]
    broker: Option<broker::Broker>,
    /// What passes the health of all this on.
    watches: Vec<JoinHandle<()>>,
}

impl Resources {
    /// Connects to what the service needs and brings it up to date.
    pub(crate) async fn open(parts: &Parts, provider: &dyn Provider, health: &Registry) -> Result<Self> {
        #[allow(unused_mut, reason = "without databases and messaging there is nothing to add")]
        let mut resources = Self {
            #[cfg(any(feature = "sqlite", feature = "postgres"))]
            database: None,
            #[cfg(feature = "messaging")]
            broker: None,
            watches: Vec::new(),
        };
        #[cfg(any(feature = "sqlite", feature = "postgres"))]
        if let Some(database) = database::open(parts.config(), provider).await? {
            resources.watches.push(database::watch(&database, health));
            resources.database = Some(parts.share(database));
        }
        #[cfg(not(any(feature = "sqlite", feature = "postgres")))]
        if provider.needs().database {
            let message = "it needs a database: build chassis with the feature `sqlite` or `postgres`";
            return Err(crate::Error::new(crate::ErrorKind::Config, message));
        }
        #[cfg(feature = "messaging")]
        if provider.needs().messaging {
            resources.broker = Some(broker::Broker::connect(parts, health, &mut resources.watches).await?);
        }
        let _ = (parts, provider, health);
        Ok(resources)
    }

    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn database(&self) -> Option<&Database> {
        self.database.as_ref()
    }

    /// The consumers of the service, once it has been started.
    #[cfg(feature = "messaging")]
    pub(crate) fn consumers(&self) -> Vec<ConsumerControl> {
        self.broker.as_ref().map(broker::Broker::consumers).unwrap_or_default()
    }

    /// The queues of the service that nobody reads any more, if it has a database to remember them.
    #[cfg(all(feature = "messaging", any(feature = "sqlite", feature = "postgres")))]
    pub(crate) fn orphans(&self) -> Option<Orphans> {
        self.broker.as_ref()?.orphans()
    }

    /// The dead letters of the service, once it has been started.
    #[cfg(feature = "messaging")]
    pub(crate) fn dead_letters(&self) -> Option<DeadLetters> {
        self.broker.as_ref()?.dead_letters()
    }

    /// The outbox of the service, if it has one.
    #[cfg(all(feature = "messaging", any(feature = "sqlite", feature = "postgres")))]
    pub(crate) fn outbox(&self) -> Option<Desk> {
        self.broker.as_ref()?;
        self.database.clone().map(Desk::new)
    }

    /// Starts what works on its own: consumers and the outbox relay.
    pub(crate) fn start(
        &mut self,
        parts: &Parts,
        #[cfg(feature = "messaging")] subscriptions: Vec<(SubscriptionSpec, Handler)>,
        health: &Registry,
    ) -> Result<()> {
        #[cfg(feature = "messaging")]
        if let Some(broker) = &mut self.broker {
            broker.start(parts, subscriptions, health, &mut self.watches)?;
        }
        let _ = (parts, health);
        Ok(())
    }

    /// Waits until every consumer consumes.
    #[cfg(feature = "testing")]
    pub(crate) async fn consuming(&self) {
        #[cfg(feature = "messaging")]
        if let Some(broker) = &self.broker {
            broker.consuming().await;
        }
    }

    /// Takes no new deliveries.
    pub(crate) fn stop_taking(&self) {
        #[cfg(feature = "messaging")]
        if let Some(broker) = &self.broker {
            broker.stop_taking();
        }
    }

    /// Waits for the deliveries in flight.
    pub(crate) async fn drain(&mut self, until: Instant) {
        #[cfg(feature = "messaging")]
        if let Some(broker) = &mut self.broker {
            broker.drain(until).await;
        }
        let _ = until;
    }

    /// Flushes the outbox and closes connections.
    pub(crate) async fn close(self, until: Instant) {
        for watch in &self.watches {
            watch.abort();
        }
        #[cfg(feature = "messaging")]
        if let Some(broker) = self.broker {
            broker.close(until).await;
        }
        #[cfg(any(feature = "sqlite", feature = "postgres"))]
        if let Some(database) = self.database {
            let _ = tokio::time::timeout_at(until, database.close()).await;
        }
        let _ = until;
    }
}

/// Brings the databases of all services up to date.
pub(crate) async fn migrate(services: &[Box<dyn Provider>], config: &Config) -> Result<()> {
    for service in services {
        #[cfg(any(feature = "sqlite", feature = "postgres"))]
        if let Some(database) = database::open(&config.service(service.name()), &**service).await? {
            super::output::line(format_args!("{}: up to date", service.name()))?;
            database.close().await;
            continue;
        }
        let _ = config;
        super::output::line(format_args!("{}: has no database", service.name()))?;
    }
    Ok(())
}
