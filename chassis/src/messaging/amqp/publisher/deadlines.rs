//! When messages are no longer waited for.
//!
//! A timer of the runtime for each message was a twentieth of what publishing costs: with a thousand on their way they lie scattered
//! in memory. So one timer serves all messages of a publisher, for the one whose deadline comes first.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::request::Awaited;

/// The messages that are waited for, by their deadlines.
#[derive(Default)]
pub(super) struct Deadlines {
    waiting: Mutex<Waiting>,
    /// The first deadline is not the one any more that the timer runs for.
    sooner: Notify,
}

#[derive(Default)]
struct Waiting {
    messages: BTreeMap<Key, Arc<Awaited>>,
    added: u64,
}

/// What a message was added under: its deadline, and a number that no other message has.
pub(super) type Key = (Instant, u64);

impl Deadlines {
    pub(super) fn add(&self, awaited: Arc<Awaited>) -> Key {
        let mut waiting = self.lock();
        waiting.added += 1;
        let key = (awaited.outgoing.deadline, waiting.added);
        let first = waiting.messages.first_key_value().is_none_or(|(first, _)| key < *first);
        waiting.messages.insert(key, awaited);
        drop(waiting);
        if first {
            self.sooner.notify_one();
        }
        key
    }

    pub(super) fn remove(&self, key: Key) {
        // What it was added with is dropped after the lock.
        let _awaited = self.lock().messages.remove(&key);
    }

    /// Tells those who wait that their time is over, for as long as it is polled.
    pub(super) async fn watch(&self) {
        loop {
            let next = self.tell_the_late();
            let over = async {
                match next {
                    Some(next) => sleep_until(next).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = over => {}
                () = self.sooner.notified() => {}
            }
        }
    }

    /// The next deadline, which is still to come.
    fn tell_the_late(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut waiting = self.lock();
        let mut late = Vec::new();
        while let Some(first) = waiting.messages.first_entry().filter(|first| first.key().0 <= now) {
            // They remove themselves too, and find nothing then.
            late.push(first.remove());
        }
        let next = waiting.messages.first_key_value().map(|((deadline, _), _)| *deadline);
        drop(waiting);
        late.iter().for_each(|awaited| awaited.be_late());
        next
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::fate::Unanswered;
    use super::super::request::{Request, Waiter};
    use super::*;
    use crate::messaging::Message;
    use crate::messaging::driver::Outgoing;

    fn until(deadline: Instant) -> Request {
        let (exchange, routing_key) = ("orders.events".into(), "order.placed.v1".into());
        let outgoing = Outgoing { exchange, routing_key, mandatory: false, message: Message::default(), deadline };
        Request::new(outgoing, 0)
    }

    #[tokio::test(start_paused = true)]
    async fn each_is_told_in_its_time_whenever_it_came() {
        let deadlines = Arc::<Deadlines>::default();
        let watched = Arc::clone(&deadlines);
        let watch = tokio::spawn(async move { watched.watch().await });
        let start = Instant::now();
        let waiting = [30, 10, 20, 10].map(|seconds| {
            let deadlines = Arc::clone(&deadlines);
            tokio::spawn(async move {
                let request = until(start + Duration::from_secs(seconds));
                let answer = Waiter::new(&request, &deadlines).answer().await;
                (answer, start.elapsed().as_secs())
            })
        });
        let mut told = Vec::new();
        for waiting in waiting {
            let (answer, seconds) = waiting.await.unwrap();
            assert!(matches!(answer, Err(Unanswered::Late)));
            told.push(seconds);
        }
        assert_eq!(told, [30, 10, 20, 10]);
        watch.abort();
    }

    #[tokio::test]
    async fn who_goes_is_not_kept() {
        let deadlines = Deadlines::default();
        let request = until(Instant::now() + Duration::from_secs(30));
        drop(Waiter::new(&request, &deadlines));
        assert!(request.is_abandoned() && deadlines.lock().messages.is_empty());
    }
}
