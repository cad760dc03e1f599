//! Which partitions are ours, and until when.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::PARTITIONS;
use super::store::{Held, Store};
use crate::Result;
use crate::data::Engine;

fn share(relays: usize) -> usize {
    usize::from(PARTITIONS).div_ceil(relays.max(1))
}

/// Takes and renews the leases of partitions, and tells the workers until when they may rely on them.
pub(super) struct Leases {
    ttl: Duration,
    until: watch::Sender<Instant>,
}

impl Leases {
    pub(super) fn new(ttl: Duration) -> Self {
        Self { ttl, until: watch::Sender::new(Instant::now()) }
    }

    /// Until when what is held is surely ours, by our own clock.
    pub(super) fn until(&self) -> watch::Receiver<Instant> {
        self.until.subscribe()
    }

    /// Takes what can be had at start.
    ///
    /// An SQLite file belongs to one machine and mostly to one process. There a relay that starts takes everything over,
    /// so that the leases of a process that was killed don't hold up the one that follows it. Should the other be alive
    /// after all, it finds its epochs outdated and retires; the newest wins.
    pub(super) async fn start(&self, store: &Store) -> Result<Vec<Held>> {
        let begun = Instant::now();
        let held = match store.db().engine() {
            Engine::Sqlite => store.take_over(self.ttl).await?,
            Engine::Postgres => {
                let share = share(store.relays(self.ttl).await?);
                self.acquire_free(store, share).await?
            }
        };
        self.until.send_replace(begun + self.ttl);
        Ok(held)
    }

    /// Takes what nobody holds, up to `most`, one partition at a time, so that several relays that start together share.
    pub(super) async fn acquire_free(&self, store: &Store, most: usize) -> Result<Vec<Held>> {
        let mut taken = Vec::new();
        while taken.len() < most
            && let Some(held) = store.acquire(self.ttl).await?
        {
            taken.push(held);
        }
        Ok(taken)
    }

    /// How many partitions one of the relays that live should have at most.
    pub(super) async fn share(&self, store: &Store) -> Result<usize> {
        Ok(share(store.relays(self.ttl).await?))
    }

    /// Holds what is held; gives what that is.
    pub(super) async fn renew(&self, store: &Store) -> Result<Vec<Held>> {
        // Counted from before the question: the database's clock starts later than ours.
        let begun = Instant::now();
        let held = store.renew(self.ttl).await?;
        self.until.send_replace(begun + self.ttl);
        Ok(held)
    }
}
