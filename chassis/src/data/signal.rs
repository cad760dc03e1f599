//! Wakes whoever waits for work that a transaction left behind.

use tokio::sync::Notify;

/// How many kinds of work can be waited for.
pub(crate) const LANES: usize = 8;

/// Raised by [`Tx::commit`](super::Tx::commit), after the commit has succeeded, for the lanes that the transaction marked.
///
/// A lane that is raised while nobody waits is remembered, so that no wake-up is lost.
#[derive(Debug, Default)]
pub(crate) struct CommitSignal {
    lanes: [Notify; LANES],
}

impl CommitSignal {
    /// Wakes one waiter of each lane whose bit is set.
    pub(crate) fn raise(&self, lanes: u8) {
        for (index, lane) in self.lanes.iter().enumerate() {
            if lanes & (1 << index) != 0 {
                lane.notify_one();
            }
        }
    }

    /// Waits until `lane` is raised. Lanes beyond the last wrap around.
    #[cfg_attr(not(feature = "messaging"), expect(dead_code, reason = "the outbox's relay waits for it"))]
    pub(crate) async fn raised(&self, lane: usize) {
        self.lanes[lane % LANES].notified().await;
    }
}
