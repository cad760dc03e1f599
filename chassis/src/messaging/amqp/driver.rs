//! The driver: two kept connections, a publisher, and as many consumers as one likes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::warn;

use super::consumer::{Ackers, AmqpConsumer};
use super::error::ConnectError;
use super::inspect;
use super::instruments::Instruments;
use super::probe;
use super::publisher::Publisher;
use super::registry::Registry;
use super::remove;
use super::settings::AmqpSettings;
use super::side::{Side, Slot, worse};
use super::supervisor::{self, Plan};
use super::uri::Endpoint;
use crate::BoxFuture;
use crate::messaging::Message;
use crate::messaging::driver::{
    Binding, BrowseError, Browser, ConnectionState, Consume, Consumer, DeclareError, DeleteError, Driver, Outgoing,
    PublishError, Topology,
};

/// For how long a connection may take to close once everything is flushed.
const CLOSE: Duration = Duration::from_secs(2);

/// A connection to RabbitMQ, made again for as long as it lives.
pub struct Amqp {
    plan: Arc<Plan>,
    publishing: Side,
    consuming: Side,
    state: watch::Receiver<ConnectionState>,
    publisher: Publisher,
    publisher_task: Mutex<Option<JoinHandle<()>>>,
    finish: CancellationToken,
    stop: CancellationToken,
    _end_on_drop: [DropGuard; 2],
}

/// Connects to RabbitMQ.
///
/// A broker that can't be reached is no error: it is tried again for ever, and [`Driver::state`] shows it.
///
/// # Errors
///
/// Whatever waiting would not put right: a URI that can't be read, credentials that are rejected, a virtual host that is
/// missing, certificates that don't fit. After the first connection those are tried again too.
pub async fn connect(settings: &AmqpSettings) -> Result<Amqp, ConnectError> {
    let instruments = Instruments::new(&settings.name);
    let plan = Arc::new(Plan {
        endpoints: endpoints(&settings.uris)?,
        settings: settings.clone(),
        registry: Registry::new(instruments.clone()),
        instruments,
        ackers: Ackers::default(),
    });
    let first = match plan.dial("consumer").await {
        Ok(link) => Some(link),
        Err(error) if error.is_permanent() => return Err(error),
        Err(error) => {
            warn!(%error, "no connection to RabbitMQ yet");
            None
        }
    };
    let reachable = first.is_some();
    let (finish, stop) = (CancellationToken::new(), CancellationToken::new());
    let consuming = supervisor::start(Arc::clone(&plan), "consumer", first, stop.child_token());
    let publishing = supervisor::start(Arc::clone(&plan), "publisher", None, stop.child_token());
    probe::start(Arc::clone(&plan), consuming.clone(), stop.child_token());
    let state = merged(publishing.state.clone(), consuming.state.clone());
    let (publisher, task) = Publisher::start(publishing.clone(), &plan, finish.clone());
    let amqp = Amqp {
        plan,
        publishing,
        consuming,
        state,
        publisher,
        publisher_task: Mutex::new(Some(task)),
        _end_on_drop: [finish.clone().drop_guard(), stop.clone().drop_guard()],
        finish,
        stop,
    };
    if reachable {
        let mut state = amqp.state.clone();
        let settled = state.wait_for(|state| *state != ConnectionState::Connecting);
        // Late is no error: what is used before it waits by itself.
        let _ = timeout(settings.connect_timeout, settled).await;
    }
    Ok(amqp)
}

fn endpoints(uris: &[String]) -> Result<Vec<Endpoint>, ConnectError> {
    if uris.is_empty() {
        return Err(ConnectError::NoUri);
    }
    let parse = |(index, uri): (usize, &String)| {
        Endpoint::parse(uri).map_err(|reason| ConnectError::InvalidUri { position: index + 1, reason })
    };
    uris.iter().enumerate().map(parse).collect()
}

/// The state of the whole, kept up to date until both connections are closed for good.
fn merged(
    mut publish: watch::Receiver<ConnectionState>,
    mut consume: watch::Receiver<ConnectionState>,
) -> watch::Receiver<ConnectionState> {
    let (sender, state) = watch::channel(worse(&publish.borrow(), &consume.borrow()));
    tokio::spawn(async move {
        loop {
            let whole = worse(&publish.borrow_and_update(), &consume.borrow_and_update());
            sender.send_if_modified(|state| {
                let changed = *state != whole;
                *state = whole;
                changed
            });
            tokio::select! {
                Ok(()) = publish.changed() => {}
                Ok(()) = consume.changed() => {}
                else => return,
            }
        }
    });
    state
}

impl Amqp {
    fn patience(&self) -> Instant {
        Instant::now() + self.plan.settings.connect_timeout
    }

    async fn shut(&self, grace: Duration) {
        let deadline = Instant::now() + grace;
        self.finish.cancel();
        let task = self.publisher_task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut task) = task
            && timeout_at(deadline, &mut task).await.is_err()
        {
            warn!(?grace, "messages were left unsent at closing");
            task.abort();
        }
        // What was settled is told before the connection closes, or it would all be delivered again.
        if timeout_at(deadline.min(Instant::now() + CLOSE), self.plan.ackers.finish()).await.is_err() {
            warn!("the broker could not be told what became of deliveries, and will deliver them again");
        }
        let links: Vec<_> = [&self.publishing, &self.consuming]
            .into_iter()
            .filter_map(|side| match &*side.slot.borrow() {
                Slot::Open(link) => Some(Arc::clone(link)),
                Slot::Vacant | Slot::Closed => None,
            })
            .collect();
        // First the supervisors, or they would take the end of a connection for a loss.
        self.stop.cancel();
        let left = deadline.saturating_duration_since(Instant::now()).clamp(CLOSE / 10, CLOSE);
        futures_util::future::join_all(links.iter().map(|link| link.close(left))).await;
    }
}

impl Driver for Amqp {
    fn system(&self) -> &'static str {
        "rabbitmq"
    }

    fn declare(&self, topology: Topology) -> BoxFuture<'_, Result<(), DeclareError>> {
        Box::pin(async move {
            // First, so that a reconnection under way already knows it.
            self.plan.registry.remember(&topology);
            let link = self.consuming.clone().link_until(self.patience()).await;
            let link = link.map_err(DeclareError::NotConnected)?;
            self.plan.registry.declare_new(&link, &topology).await
        })
    }

    fn publish(&self, outgoing: Outgoing) -> BoxFuture<'_, Result<(), PublishError>> {
        Box::pin(self.publisher.publish(outgoing))
    }

    fn consume(&self, spec: Consume) -> BoxFuture<'_, Result<Box<dyn Consumer>, DeclareError>> {
        Box::pin(async move {
            let (plan, side) = (Arc::clone(&self.plan), self.consuming.clone());
            let consumer = AmqpConsumer::start(plan, side, spec, self.patience()).await?;
            Ok(Box::new(consumer) as Box<dyn Consumer>)
        })
    }

    fn browse<'a>(&'a self, queue: &'a str, most: usize) -> BoxFuture<'a, Result<Box<dyn Browser>, BrowseError>> {
        Box::pin(async move {
            let look = inspect::Look::open(&self.consuming, queue, most).await?;
            Ok(Box::new(look) as Box<dyn Browser>)
        })
    }

    fn depth<'a>(&'a self, queue: &'a str) -> BoxFuture<'a, Result<u64, BrowseError>> {
        Box::pin(async move { Ok(inspect::counts(&self.consuming, queue).await?.0) })
    }

    fn consumers<'a>(&'a self, queue: &'a str) -> BoxFuture<'a, Result<u64, BrowseError>> {
        Box::pin(async move { Ok(inspect::counts(&self.consuming, queue).await?.1) })
    }

    fn unbind(&self, bindings: Vec<Binding>) -> BoxFuture<'_, Result<(), BrowseError>> {
        Box::pin(async move {
            // First, lest a reconnection under way brings them back.
            self.plan.registry.forget_bindings(&bindings);
            for binding in &bindings {
                remove::unbind(&self.consuming, binding).await?;
            }
            Ok(())
        })
    }

    fn delete<'a>(&'a self, queue: &'a str, rescued: &'a mut Vec<Message>) -> BoxFuture<'a, Result<(), DeleteError>> {
        Box::pin(remove::delete(&self.consuming, queue, rescued, || self.plan.registry.forget_queue(queue)))
    }

    fn known_queues(&self) -> Vec<String> {
        self.plan.registry.work_queues()
    }

    fn state(&self) -> watch::Receiver<ConnectionState> {
        self.state.clone()
    }

    fn publishing(&self) -> watch::Receiver<ConnectionState> {
        self.publishing.state.clone()
    }

    fn consuming(&self) -> watch::Receiver<ConnectionState> {
        self.consuming.state.clone()
    }

    fn close(&self, grace: Duration) -> BoxFuture<'_, ()> {
        Box::pin(self.shut(grace))
    }
}
