//! Which entries were acknowledged to those who published them.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;
use tokio::time::{Duration, timeout};

/// How long it may take until the next message is acknowledged: longer than a broker takes to start.
const PATIENCE: Duration = Duration::from_secs(150);

/// Which entries were acknowledged.
#[derive(Debug, Default)]
pub(super) struct Book {
    next: AtomicI64,
    acknowledged: Mutex<Vec<bool>>,
    count: watch::Sender<u64>,
    unanswered: AtomicU64,
}

impl Book {
    /// The first of `count` numbers that nobody else gets.
    pub(super) fn issue(&self, count: i64) -> i64 {
        self.next.fetch_add(count, Ordering::Relaxed)
    }

    /// Takes note that the entries from `first` on were acknowledged.
    pub(super) fn acknowledge(&self, first: i64, count: i64) {
        let mut acknowledged = self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        for number in first..first + count {
            let index = usize::try_from(number).expect("numbers begin at zero");
            if acknowledged.len() <= index {
                acknowledged.resize(index + 1, false);
            }
            acknowledged[index] = true;
        }
        self.count.send_modify(|total| *total += u64::try_from(count).unwrap_or_default());
    }

    /// Takes note that nobody knows what became of so many entries.
    pub(super) fn leave(&self, count: i64) {
        self.unanswered.fetch_add(u64::try_from(count).unwrap_or_default(), Ordering::Relaxed);
    }

    /// How many were acknowledged.
    pub(super) fn acknowledged(&self) -> u64 {
        *self.count.borrow()
    }

    /// Of how many nobody knows what became of them.
    pub(super) fn unanswered(&self) -> u64 {
        self.unanswered.load(Ordering::Relaxed)
    }

    /// How many are to be booked yet, where so many are: those of which nobody knows may be among them or not.
    pub(super) fn behind(&self, booked: u64) -> u64 {
        let issued = u64::try_from(self.next.load(Ordering::Relaxed)).unwrap_or_default();
        issued.saturating_sub(self.unanswered()).saturating_sub(booked)
    }

    /// Waits until so many were acknowledged.
    pub(super) async fn until(&self, count: u64) {
        let mut counted = self.count.subscribe();
        loop {
            let now = *counted.borrow_and_update();
            if now >= count {
                return;
            }
            let changed = timeout(PATIENCE, counted.changed()).await;
            assert!(changed.is_ok(), "after {now} messages none was acknowledged for {PATIENCE:?}");
        }
    }

    /// The numbers that were acknowledged.
    pub(super) fn numbers(&self) -> Vec<i64> {
        let acknowledged = self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        (0..).zip(acknowledged.iter()).filter(|(_, acknowledged)| **acknowledged).map(|(number, _)| number).collect()
    }
}
