//! Where settled deliveries gather until the broker is told of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::messaging::driver::Outcome;

/// What became of a delivery.
pub(super) struct Settled {
    pub(super) tag: u64,
    pub(super) outcome: Outcome,
}

/// Takes in what is settled.
pub(super) struct Tray {
    sender: mpsc::UnboundedSender<Settled>,
    gathered: Arc<Gathered>,
    finish: CancellationToken,
    /// Its inbox is gone.
    ended: CancellationToken,
}

/// Gives it out again.
pub(super) struct Inbox {
    receiver: mpsc::UnboundedReceiver<Settled>,
    gathered: Arc<Gathered>,
    _ended: DropGuard,
}

struct Gathered {
    count: AtomicUsize,
    /// How many are not held back any longer.
    enough: usize,
    reached: Notify,
}

impl Tray {
    /// One that wakes its inbox when `enough` have gathered. Not bounded by itself: the prefetch of the channel is the bound.
    /// To cancel `finish` is to say that nothing more will be put in.
    pub(super) fn new(enough: usize, finish: CancellationToken) -> (Self, Inbox) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let gathered = Arc::new(Gathered { count: AtomicUsize::new(0), enough, reached: Notify::new() });
        let ended = CancellationToken::new();
        let inbox = Inbox { receiver, gathered: Arc::clone(&gathered), _ended: ended.clone().drop_guard() };
        (Self { sender, gathered, finish, ended }, inbox)
    }

    /// Puts one in; `false` when the channel is gone.
    pub(super) fn put(&self, settled: Settled) -> bool {
        let Gathered { count, enough, reached } = &*self.gathered;
        // Counted before it can be taken out.
        let now = count.fetch_add(1, Ordering::Relaxed) + 1;
        let sent = self.sender.send(settled).is_ok();
        if now == *enough {
            reached.notify_one();
        }
        sent
    }

    /// Has the broker told of all that is in, and the channel closed; done when that is.
    pub(super) async fn finish(&self) {
        self.finish.cancel();
        self.ended.cancelled().await;
    }
}

impl Inbox {
    /// Waits for one; `None` when nobody is left who could settle anything.
    pub(super) async fn first(&mut self) -> Option<Settled> {
        self.receiver.recv().await
    }

    /// Waits, after the first, until there are enough with it; those between wake nobody.
    pub(super) async fn enough(&self) {
        let Gathered { count, enough, reached } = &*self.gathered;
        while count.load(Ordering::Relaxed) < *enough {
            reached.notified().await;
        }
    }

    /// Takes out what has gathered, until `batch`, which has the first, has `most`.
    pub(super) fn drain(&mut self, batch: &mut Vec<Settled>, most: usize) {
        while batch.len() < most
            && let Ok(settled) = self.receiver.try_recv()
        {
            batch.push(settled);
        }
        self.gathered.count.fetch_sub(batch.len(), Ordering::Relaxed);
    }

    /// Takes in no more.
    pub(super) fn close(&mut self) {
        self.receiver.close();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.receiver.is_closed()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn settled(tag: u64) -> Settled {
        Settled { tag, outcome: Outcome::Ack }
    }

    #[tokio::test]
    async fn enough_is_noticed_and_no_sooner() {
        let (tray, mut inbox) = Tray::new(3, CancellationToken::new());
        let mut batch = Vec::new();
        // More than once: what was told before must not count again.
        for round in 0..3 {
            for tag in 1..=2 {
                assert!(tray.put(settled(round * 10 + tag)));
            }
            batch.extend(inbox.first().await);
            assert_eq!(inbox.enough().now_or_never(), None, "two are not enough");
            tokio::join!(inbox.enough(), async { assert!(tray.put(settled(round * 10 + 3))) });
            inbox.drain(&mut batch, 256);
            assert_eq!(batch.drain(..).map(|settled| settled.tag % 10).collect::<Vec<_>>(), [1, 2, 3]);
        }
    }

    #[tokio::test]
    async fn what_a_batch_has_no_room_for_counts_for_the_next() {
        let (tray, mut inbox) = Tray::new(2, CancellationToken::new());
        (1..=5).for_each(|tag| assert!(tray.put(settled(tag))));
        let mut batch: Vec<Settled> = inbox.first().await.into_iter().collect();
        inbox.drain(&mut batch, 3);
        assert_eq!(batch.len(), 3);
        assert_eq!(inbox.first().await.map(|settled| settled.tag), Some(4));
        inbox.enough().await;
    }

    #[tokio::test]
    async fn a_closed_one_takes_no_more_but_gives_what_it_has() {
        let (tray, mut inbox) = Tray::new(1, CancellationToken::new());
        assert!(tray.put(settled(1)));
        inbox.close();
        assert!(!tray.put(settled(2)));
        assert_eq!(inbox.first().await.map(|settled| settled.tag), Some(1));
        assert!(inbox.first().await.is_none());
    }
}
