//! One connection to the broker.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};

use super::consumer::EngineConsumer;
use super::look::Look;
use super::queue::{QueueDepth, Subscriber};
use super::store::Recorded;
use super::{Engine, Fault};
use crate::BoxFuture;
use crate::messaging::driver::{
    Binding, BrowseError, Browser, ConnectionState, Consume, Consumer, DeclareError, DeleteError, Driver, Outgoing,
    PublishError, Topology,
};
use crate::messaging::{Message, limits, measures};
use crate::telemetry::metrics::Counter;

pub(super) struct Session {
    engine: Arc<Engine>,
    id: u64,
    state: watch::Sender<ConnectionState>,
    /// Whose it is, if it is measured.
    service: Option<String>,
    /// Messages that need no queue, and found none.
    unroutable: Counter,
}

impl Session {
    pub(super) fn new(
        engine: Arc<Engine>,
        id: u64,
        state: watch::Sender<ConnectionState>,
        service: Option<&str>,
    ) -> Self {
        let unroutable = service.map(measures::unroutable).unwrap_or_default();
        Self { engine, id, state, service: service.map(str::to_owned), unroutable }
    }

    async fn publish(&self, outgoing: Outgoing) -> Result<(), PublishError> {
        limits::check_outgoing(&outgoing)?;
        self.wait_until_open(outgoing.deadline).await?;
        let fault = self.engine.lock().faults.pop_front();
        if let Some(fault @ (Fault::Nack | Fault::LoseMessage)) = fault {
            return self.fail(fault, outgoing.deadline).await;
        }
        let (accepted, recorded) = self.engine.change(|state| state.publish(&outgoing, Instant::now()));
        let routed = accepted?;
        match recorded {
            // The confirm is an answer that comes later, over every transport.
            Recorded::Now => tokio::task::yield_now().await,
            Recorded::Soon(safe) => match timeout_at(outgoing.deadline, safe).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(PublishError::ConnectionLost { maybe_stored: true }),
                Err(_) => return Err(PublishError::Timeout { maybe_stored: true }),
            },
        }
        match fault {
            Some(fault) => self.fail(fault, outgoing.deadline).await,
            None => {
                self.unroutable.add((!routed).into());
                Ok(())
            }
        }
    }

    /// Publishers wait while the connection is down or blocked, until their deadline.
    async fn wait_until_open(&self, deadline: Instant) -> Result<(), PublishError> {
        let mut state = self.state.subscribe();
        loop {
            let why_not = match &*state.borrow_and_update() {
                ConnectionState::Connected => return Ok(()),
                ConnectionState::Blocked(reason) => PublishError::Blocked(reason.to_string()),
                ConnectionState::Connecting => PublishError::NotConnected("connecting".to_owned()),
                ConnectionState::Reconnecting { cause, .. } => PublishError::NotConnected(cause.to_string()),
                ConnectionState::Closed => return Err(PublishError::NotConnected("it was closed".to_owned())),
            };
            if !matches!(timeout_at(deadline, state.changed()).await, Ok(Ok(()))) {
                return Err(why_not);
            }
        }
    }

    async fn fail(&self, fault: Fault, deadline: Instant) -> Result<(), PublishError> {
        if fault == Fault::Nack {
            tokio::task::yield_now().await;
            return Err(PublishError::Nacked);
        }
        tokio::time::sleep_until(deadline).await;
        // The publisher cannot tell a lost message from a lost confirm.
        Err(PublishError::Timeout { maybe_stored: true })
    }

    /// Who looks has a person waiting, so a connection that is down is an answer.
    fn open_for_looks(&self) -> Result<(), BrowseError> {
        match &*self.state.borrow() {
            ConnectionState::Connected | ConnectionState::Blocked(_) => Ok(()),
            ConnectionState::Connecting => Err(BrowseError::NotConnected("connecting".to_owned())),
            ConnectionState::Reconnecting { cause, .. } => Err(BrowseError::NotConnected(cause.to_string())),
            ConnectionState::Closed => Err(BrowseError::NotConnected("it was closed".to_owned())),
        }
    }

    fn depth_of(&self, queue: &str) -> Result<QueueDepth, BrowseError> {
        self.open_for_looks()?;
        self.engine.depth(queue).ok_or_else(|| BrowseError::NoQueue(queue.to_owned()))
    }

    async fn until_connected(&self) -> Result<(), DeclareError> {
        let mut state = self.state.subscribe();
        let up = |state: &ConnectionState| {
            matches!(state, ConnectionState::Connected | ConnectionState::Blocked(_) | ConnectionState::Closed)
        };
        let closed = || DeclareError::NotConnected("it was closed".to_owned());
        let state = state.wait_for(up).await.map_err(|_| closed())?;
        if *state == ConnectionState::Closed { Err(closed()) } else { Ok(()) }
    }
}

impl Driver for Session {
    fn system(&self) -> &'static str {
        self.engine.system
    }

    fn declare(&self, topology: Topology) -> BoxFuture<'_, Result<(), DeclareError>> {
        Box::pin(async move {
            self.until_connected().await?;
            let (declared, recorded) = self.engine.change(|state| state.declare(&topology));
            if let Recorded::Soon(safe) = recorded {
                safe.await.map_err(|_| DeclareError::NotConnected("the store is gone".to_owned()))?;
            }
            declared
        })
    }

    fn publish(&self, outgoing: Outgoing) -> BoxFuture<'_, Result<(), PublishError>> {
        Box::pin(self.publish(outgoing))
    }

    fn consume(&self, spec: Consume) -> BoxFuture<'_, Result<Box<dyn Consumer>, DeclareError>> {
        Box::pin(async move {
            self.until_connected().await?;
            let (sender, deliveries) = mpsc::unbounded_channel();
            let (session, prefetch) = (self.id, usize::from(spec.prefetch.max(1)));
            let (counted, _) = self.engine.change(|state| state.count_restored(&spec.queue, prefetch, Instant::now()));
            if counted {
                // Before anything is handed out, which may be the end of this process.
                self.engine.store.flush().await;
            }
            let waiting = self.service.as_deref().map(|service| measures::ready(service, &spec.queue));
            let subscriber =
                |consumer| Subscriber { consumer, session, prefetch, outstanding: 0, sender: Some(sender) };
            let (consumer, _) = self.engine.change(|state| {
                if let (Some(queue), Some(waiting)) = (state.queues.get_mut(&*spec.queue), waiting) {
                    queue.measure(waiting);
                }
                state.subscribe(&spec.queue, subscriber)
            });
            let consumer = EngineConsumer::new(self.engine.clone(), spec.queue.into(), consumer?, deliveries);
            Ok(Box::new(consumer) as Box<dyn Consumer>)
        })
    }

    fn browse<'a>(&'a self, queue: &'a str, most: usize) -> BoxFuture<'a, Result<Box<dyn Browser>, BrowseError>> {
        Box::pin(async move {
            self.open_for_looks()?;
            let look = Look::open(self.engine.clone(), queue, most);
            look.map(|look| Box::new(look) as Box<dyn Browser>)
        })
    }

    fn depth<'a>(&'a self, queue: &'a str) -> BoxFuture<'a, Result<u64, BrowseError>> {
        Box::pin(async move { Ok(self.depth_of(queue)?.ready as u64) })
    }

    fn consumers<'a>(&'a self, queue: &'a str) -> BoxFuture<'a, Result<u64, BrowseError>> {
        Box::pin(async move { Ok(self.depth_of(queue)?.consumers as u64) })
    }

    fn unbind(&self, bindings: Vec<Binding>) -> BoxFuture<'_, Result<(), BrowseError>> {
        Box::pin(async move {
            self.open_for_looks()?;
            self.engine.change(|state| bindings.iter().for_each(|binding| state.unbind(binding))).1.safe().await
        })
    }

    fn delete<'a>(&'a self, queue: &'a str, _rescued: &'a mut Vec<Message>) -> BoxFuture<'a, Result<(), DeleteError>> {
        Box::pin(async move {
            self.open_for_looks()?;
            let (deleted, recorded) = self.engine.change(|state| state.delete_if_unused(queue));
            deleted?;
            Ok(recorded.safe().await?)
        })
    }

    fn known_queues(&self) -> Vec<String> {
        self.engine.work_queues()
    }

    fn state(&self) -> watch::Receiver<ConnectionState> {
        self.state.subscribe()
    }

    fn close(&self, grace: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // What is still unsettled goes back, as when any connection ends.
            self.engine.change(|state| state.forget_session(self.id));
            self.engine.lock().sessions.remove(&self.id);
            self.state.send_replace(ConnectionState::Closed);
            if tokio::time::timeout(grace, self.engine.store.flush()).await.is_err() {
                tracing::warn!(?grace, "the broker's store was not flushed in time");
            }
        })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.engine.lock().sessions.remove(&self.id);
    }
}
