//! The instances of one service.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use serde::Serialize;
use tokio::time::{Duration, Instant};

use super::BalanceSettings;
use super::choice::Choice;
use super::node::Node;
use crate::client::instruments::Balancing;
use crate::discovery::Endpoint;

/// Chooses an instance for each call and remembers how the calls went.
pub(in crate::client) struct Balancer {
    settings: BalanceSettings,
    /// What a failure costs: as much as an attempt that timed out.
    penalty: Duration,
    start: Instant,
    nodes: ArcSwap<Vec<Arc<Node>>>,
    /// Held while `nodes` changes, and while one is ejected, so that not too many are.
    changing: Mutex<()>,
    turn: AtomicUsize,
    instruments: Balancing,
}

/// What is known of an instance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EndpointState {
    /// Host and port.
    pub address: String,
    /// Where it runs.
    pub zone: Option<String>,
    /// Whether it gets calls.
    pub status: EndpointStatus,
    /// Its latency as a moving average in milliseconds; failures cost as much as an attempt that timed out.
    pub latency_ms: Option<f64>,
    /// How many calls are under way.
    pub under_way: u32,
    /// Failures since the last success.
    pub consecutive_failures: u32,
}

/// Whether an instance gets calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointStatus {
    /// It does.
    Active,
    /// It kept failing and is left out for a while.
    Ejected,
}

/// A call to an instance. Dropped without [`end`](Self::end) it was given up.
pub(in crate::client) struct Pick<'a> {
    balancer: &'a Balancer,
    node: Arc<Node>,
    began: Duration,
    ended: bool,
}

impl Balancer {
    pub(in crate::client) fn new(settings: BalanceSettings, penalty: Duration, instruments: Balancing) -> Self {
        Self {
            settings,
            penalty,
            start: Instant::now(),
            nodes: ArcSwap::default(),
            changing: Mutex::default(),
            turn: AtomicUsize::new(0),
            instruments,
        }
    }

    /// These are the instances from now on. What is known of those that stay is kept.
    pub(in crate::client) fn update(&self, endpoints: &[Endpoint]) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let (before, now) = (self.nodes.load_full(), self.now());
        // Where nobody was before, all start alike.
        let since = (!before.is_empty()).then_some(now);
        let node = |endpoint: &Endpoint| {
            let found = before.iter().find(|node| node.endpoint == *endpoint).map(Arc::clone);
            found.unwrap_or_else(|| Arc::new(Node::new(endpoint.clone(), since)))
        };
        self.instruments.endpoints.set(i64::try_from(endpoints.len()).unwrap_or(i64::MAX));
        self.nodes.store(Arc::new(endpoints.iter().map(node).collect()));
    }

    /// Chooses an instance; `None` when there is none. `tried` are left out as long as there are others.
    pub(in crate::client) fn pick(&self, tried: &[Arc<str>]) -> Option<Pick<'_>> {
        let now = self.now();
        let choice = Choice { settings: &self.settings, unknown: self.penalty.as_secs_f64(), now };
        let node = choice.of(&self.nodes.load(), tried, self.turn.fetch_add(1, Ordering::Relaxed))?;
        node.begin();
        Some(Pick { balancer: self, node, began: now, ended: false })
    }

    /// What is known of each instance.
    pub(in crate::client) fn states(&self) -> Vec<EndpointState> {
        let now = self.now();
        let state = |node: &Arc<Node>| {
            let known = node.known();
            let ejected = known.outlier.is_ejected(now);
            EndpointState {
                address: node.endpoint.address.to_string(),
                zone: node.endpoint.zone.as_deref().map(str::to_owned),
                status: if ejected { EndpointStatus::Ejected } else { EndpointStatus::Active },
                latency_ms: known.load.average(now).map(|average| average * 1e3),
                under_way: node.under_way(),
                consecutive_failures: known.outlier.failures(),
            }
        };
        self.nodes.load().iter().map(state).collect()
    }

    fn ended(&self, node: &Node, took: Duration, failed: bool) {
        let now = self.now();
        let too_many = {
            let mut known = node.known();
            known.load.observe(if failed { took.max(self.penalty) } else { took }, now);
            if failed {
                known.outlier.failed(&self.settings.outlier, now)
            } else {
                known.outlier.succeeded(now);
                false
            }
        };
        if too_many {
            self.eject(node, now);
        }
    }

    /// The call's time was over, which is a failure; or nobody wanted the answer any more, which says no more than that it
    /// took so long at least.
    fn given_up(&self, node: &Node, took: Duration) {
        // An attempt begins a little before its call does.
        if took.as_secs_f64() >= self.penalty.as_secs_f64() * 0.9 {
            return self.ended(node, took, true);
        }
        let now = self.now();
        let load = &mut node.known().load;
        if load.average(now).is_some_and(|average| took.as_secs_f64() > average) {
            load.observe(took, now);
        }
    }

    fn eject(&self, node: &Node, now: Duration) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let nodes = self.nodes.load();
        let ejected = nodes.iter().filter(|node| node.is_ejected(now)).count();
        #[allow(clippy::cast_precision_loss, reason = "nobody has so many instances")]
        let share = (ejected + 1) as f64 / nodes.len().max(1) as f64;
        if share <= self.settings.outlier.max_ejected {
            node.known().outlier.eject(&self.settings.outlier, now);
            self.instruments.ejections.inc();
            tracing::warn!(endpoint = %node.endpoint.address, "an instance keeps failing and is left out for a while");
        }
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

/// An answer that is still being read: until it is dropped, the call that it is of is under way.
pub(in crate::client) struct Following {
    balancer: Arc<Balancer>,
    node: Arc<Node>,
}

impl Following {
    /// All of it has come.
    pub(in crate::client) fn ended(self) {
        self.node.known().outlier.succeeded(self.balancer.now());
    }

    /// The instance broke it off.
    pub(in crate::client) fn broke_off(self) {
        self.balancer.ended(&self.node, self.balancer.penalty, true);
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.node.end();
    }
}

impl Pick<'_> {
    pub(in crate::client) fn address(&self) -> &Arc<str> {
        &self.node.endpoint.address
    }

    pub(in crate::client) fn end(mut self, failed: bool) {
        self.ended = true;
        self.balancer.ended(&self.node, self.took(), failed);
    }

    /// The head of an answer is there, whose time counts; whether the instance works shows at its end.
    pub(in crate::client) fn goes_on(mut self, balancer: &Arc<Balancer>) -> Following {
        self.ended = true;
        self.node.begin();
        self.node.known().load.observe(self.took(), self.balancer.now());
        Following { balancer: Arc::clone(balancer), node: Arc::clone(&self.node) }
    }

    fn took(&self) -> Duration {
        self.balancer.now().saturating_sub(self.began)
    }
}

impl Drop for Pick<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.balancer.given_up(&self.node, self.took());
        }
        self.node.end();
    }
}
