//! Who is chosen among the instances.

use std::sync::Arc;

use tokio::time::Duration;

use super::node::Node;
use super::{Balance, BalanceSettings};

/// What a choice goes by.
pub(super) struct Choice<'a> {
    pub(super) settings: &'a BalanceSettings,
    /// The latency of an instance that has not answered yet, in seconds.
    pub(super) unknown: f64,
    pub(super) now: Duration,
}

impl Choice<'_> {
    /// Of `nodes` the one to call; `tried` are left out as long as there are others. `turn` counts the choices.
    pub(super) fn of(&self, nodes: &[Arc<Node>], tried: &[Arc<str>], turn: usize) -> Option<Arc<Node>> {
        let fresh = |node: &&Arc<Node>| !tried.contains(&node.endpoint.address);
        let well = |node: &&Arc<Node>| !node.is_ejected(self.now);
        // One that was tried already is better than one that keeps failing, and that is better than none.
        let mut candidates: Vec<&Arc<Node>> = nodes.iter().filter(well).filter(fresh).collect();
        if candidates.is_empty() {
            candidates = nodes.iter().filter(well).collect();
        }
        if candidates.is_empty() {
            candidates = nodes.iter().collect();
        }
        self.nearest(&mut candidates);
        match self.settings.policy {
            Balance::RoundRobin => candidates.get(turn.checked_rem(candidates.len())?).map(|node| Arc::clone(node)),
            Balance::P2c => self.lower_of_two(&candidates),
        }
    }

    /// Keeps those of the best priority, and of those the ones in our zone where there are any.
    fn nearest(&self, candidates: &mut Vec<&Arc<Node>>) {
        if let Some(best) = candidates.iter().map(|node| node.endpoint.priority).min() {
            candidates.retain(|node| node.endpoint.priority == best);
        }
        let Some(zone) = self.settings.zone.as_deref() else { return };
        let near = |node: &&Arc<Node>| node.endpoint.zone.as_deref() == Some(zone);
        if candidates.iter().any(near) {
            candidates.retain(near);
        }
    }

    fn lower_of_two(&self, candidates: &[&Arc<Node>]) -> Option<Arc<Node>> {
        let count = candidates.len();
        let one = *candidates.get(fastrand::usize(..count.max(1)))?;
        if count == 1 {
            return Some(Arc::clone(one));
        }
        // Any of the others.
        let mut index = fastrand::usize(..count - 1);
        if Arc::ptr_eq(candidates[index], one) {
            index = count - 1;
        }
        let other = candidates[index];
        let cost = |node: &Arc<Node>| node.cost(self.settings.slow_start, self.unknown, self.now);
        Some(Arc::clone(if cost(other) < cost(one) { other } else { one }))
    }
}
