//! A broker that does what a test wants, and tells what it was sent.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use chassis::BoxFuture;
use chassis::messaging::driver::*;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

pub(crate) struct Broker {
    state: watch::Sender<ConnectionState>,
    /// Messages that were confirmed, in the order in which they came.
    confirmed: watch::Sender<Vec<Outgoing>>,
    /// How often a publish was tried.
    tried: watch::Sender<usize>,
    /// What the next publishes with a routing key answer.
    failures: Mutex<Vec<(String, VecDeque<PublishError>)>>,
    /// Confirmations wait here.
    gate: Semaphore,
}

impl Broker {
    pub(crate) fn new() -> Self {
        Self {
            state: watch::Sender::new(ConnectionState::Connected),
            confirmed: watch::Sender::default(),
            tried: watch::Sender::default(),
            failures: Mutex::default(),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
        }
    }

    /// A broker that confirms nothing until it is [opened](Self::open).
    pub(crate) fn closed() -> Self {
        Self { gate: Semaphore::new(0), ..Self::new() }
    }

    pub(crate) fn open(&self) {
        self.gate.add_permits(Semaphore::MAX_PERMITS);
    }

    pub(crate) fn set(&self, state: ConnectionState) {
        self.state.send_replace(state);
    }

    pub(crate) fn fail(&self, routing_key: &str, failures: impl IntoIterator<Item = PublishError>) {
        self.failures.lock().unwrap().push((routing_key.to_owned(), failures.into_iter().collect()));
    }

    /// Fails it no more.
    pub(crate) fn heal(&self, routing_key: &str) {
        self.failures.lock().unwrap().retain(|(key, _)| key != routing_key);
    }

    pub(crate) fn confirmed(&self) -> Vec<Outgoing> {
        self.confirmed.borrow().clone()
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.confirmed.borrow().iter().map(|outgoing| outgoing.routing_key.to_string()).collect()
    }

    pub(crate) async fn until_confirmed(&self, enough: impl FnMut(&Vec<Outgoing>) -> bool) {
        self.wait(self.confirmed.subscribe(), enough).await;
    }

    pub(crate) async fn until_tried(&self, times: usize) {
        self.wait(self.tried.subscribe(), |tried| *tried >= times).await;
    }

    async fn wait<T>(&self, mut seen: watch::Receiver<T>, enough: impl FnMut(&T) -> bool) {
        if timeout(Duration::from_secs(20), seen.wait_for(enough)).await.is_err() {
            panic!("tried {} times, and confirmed {:?}", *self.tried.borrow(), self.keys());
        }
    }

    fn next_failure(&self, routing_key: &str) -> Option<PublishError> {
        let mut failures = self.failures.lock().unwrap();
        failures.iter_mut().find(|(key, _)| key == routing_key)?.1.pop_front()
    }
}

impl Driver for Broker {
    fn system(&self) -> &'static str {
        "test"
    }

    fn declare(&self, _: Topology) -> BoxFuture<'_, Result<(), DeclareError>> {
        Box::pin(async { Ok(()) })
    }

    fn publish(&self, outgoing: Outgoing) -> BoxFuture<'_, Result<(), PublishError>> {
        Box::pin(async move {
            self.tried.send_modify(|tried| *tried += 1);
            self.gate.acquire().await.unwrap().forget();
            // Somebody else has a turn between the sending and the confirmation, as with a real broker.
            tokio::task::yield_now().await;
            if let Some(error) = self.next_failure(&outgoing.routing_key) {
                return Err(error);
            }
            self.confirmed.send_modify(|confirmed| confirmed.push(outgoing));
            Ok(())
        })
    }

    fn consume(&self, _: Consume) -> BoxFuture<'_, Result<Box<dyn Consumer>, DeclareError>> {
        Box::pin(async { Err(DeclareError::Refused("nothing to consume here".into())) })
    }

    fn state(&self) -> watch::Receiver<ConnectionState> {
        self.state.subscribe()
    }

    fn close(&self, _: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}
