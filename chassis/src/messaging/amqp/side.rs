//! What the parts of the driver see of a connection that comes and goes.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::link::Link;
use crate::messaging::driver::ConnectionState;

/// One of the two connections, seen from those who use it.
#[derive(Clone)]
pub(super) struct Side {
    pub(super) slot: watch::Receiver<Slot>,
    pub(super) state: watch::Receiver<ConnectionState>,
}

/// The place of a connection.
#[derive(Clone)]
pub(super) enum Slot {
    /// There is none yet, or none any more.
    Vacant,
    /// It is open, and the topology was declared.
    Open(Arc<Link>),
    /// There will be none again.
    Closed,
}

impl Side {
    /// Waits for an open connection; `None` once there will be none again.
    pub(super) async fn link(&mut self) -> Option<Arc<Link>> {
        let slot = self.slot.wait_for(|slot| !matches!(slot, Slot::Vacant)).await.ok()?;
        match &*slot {
            Slot::Open(link) => Some(Arc::clone(link)),
            Slot::Vacant | Slot::Closed => None,
        }
    }

    /// Waits for an open connection until `deadline`; the error says why there is none.
    pub(super) async fn link_until(&mut self, deadline: Instant) -> Result<Arc<Link>, String> {
        match timeout_at(deadline, self.link()).await {
            Ok(Some(link)) => Ok(link),
            Ok(None) | Err(_) => Err(self.absence()),
        }
    }

    /// Why there is no connection.
    pub(super) fn absence(&self) -> String {
        match &*self.state.borrow() {
            ConnectionState::Connecting => "still connecting".to_owned(),
            ConnectionState::Reconnecting { attempt, cause } => format!("reconnecting, attempt {attempt}: {cause}"),
            ConnectionState::Closed => "closed".to_owned(),
            ConnectionState::Connected | ConnectionState::Blocked(_) => "the connection is gone".to_owned(),
        }
    }

    /// Why the broker takes no messages, while it does not.
    pub(super) fn blocked(&self) -> Option<Arc<str>> {
        match &*self.state.borrow() {
            ConnectionState::Blocked(reason) => Some(Arc::clone(reason)),
            _ => None,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(&*self.slot.borrow(), Slot::Open(_))
    }
}

/// The state of the whole, given those of the connections to publish and to consume: the worse one.
pub(super) fn worse(publish: &ConnectionState, consume: &ConnectionState) -> ConnectionState {
    let rank = |state: &ConnectionState| match state {
        ConnectionState::Connected => 0,
        ConnectionState::Blocked(_) => 1,
        ConnectionState::Connecting => 2,
        ConnectionState::Reconnecting { .. } => 3,
        ConnectionState::Closed => 4,
    };
    if rank(consume) > rank(publish) { consume.clone() } else { publish.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_is_as_well_as_its_worse_half() {
        let down = ConnectionState::Reconnecting { attempt: 2, cause: "reset".into() };
        let blocked = ConnectionState::Blocked("low on memory".into());
        assert_eq!(worse(&ConnectionState::Connected, &down), down);
        assert_eq!(worse(&down, &blocked), down);
        assert_eq!(worse(&blocked, &ConnectionState::Connected), blocked);
        assert_eq!(worse(&down, &ConnectionState::Closed), ConnectionState::Closed);
    }
}
