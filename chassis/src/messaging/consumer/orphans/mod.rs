//! Queues that no handler of the service reads any more.
//!
//! A handler that is renamed or removed leaves its queue behind, bound as before: it fills, and nobody learns of it. A broker does
//! not know whose a queue is, so the service's database remembers (`known`) which queues its handlers read, when they last did,
//! and what leads to them. What was not read for an hour, by this version or another that runs beside it, and is still there,
//! is an orphan.
//!
//! Nothing is deleted by itself: what waits in an orphan may be the only copy. An operator [retires](Orphans::retire) it. A queue
//! is forgotten once it is gone and none of its dead letters are left; until then its dead letters are shown with the others.

mod known;
mod retire;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

use self::known::Known;
use crate::data::Database;
use crate::messaging::dead_letters::DeadLetters;
use crate::messaging::driver::{Binding, BrowseError, Driver};
use crate::messaging::names;
use crate::telemetry::metrics::{self, Gauge};
use crate::{Context, Result, ResultExt};

pub use retire::{Rest, RetireError, Retired};

/// How often a service says that it reads its queues, and looks for others.
const EVERY: Duration = Duration::from_secs(10 * 60);
/// How soon it looks again when the broker could not be asked, as at start.
const AGAIN: Duration = Duration::from_secs(10);
/// For how long nobody may have read a queue before it counts as an orphan.
const UNREAD: Duration = Duration::from_secs(60 * 60);

/// A queue that a handler reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadQueue {
    /// Such as `stock.order-placed`.
    pub queue: String,
    /// What leads to it.
    pub bindings: Vec<Binding>,
}

/// A queue that no handler of the service reads any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// Such as `stock.order-placed`.
    pub queue: String,
    /// How many messages wait in it.
    pub waiting: u64,
    /// For how long nobody has read it.
    pub unread_for: Duration,
}

/// The orphans of one service. Clones are for the same service.
#[derive(Clone)]
pub struct Orphans {
    known: Known,
    driver: Arc<dyn Driver>,
    read: Arc<[ReadQueue]>,
    unread: Duration,
    letters: DeadLetters,
    found: watch::Sender<Vec<Orphan>>,
    count: Gauge,
    /// One looks or retires at a time.
    turn: Arc<Mutex<()>>,
}

/// Looks for orphans from time to time. Dropped, it ends.
#[derive(Debug)]
pub struct OrphanWatch {
    task: JoinHandle<()>,
}

impl Drop for OrphanWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Orphans {
    /// Those of the service that `database` belongs to, whose handlers `read` these queues and whose dead letters are
    /// `letters`.
    pub fn new(database: Database, driver: Arc<dyn Driver>, read: Vec<ReadQueue>, letters: DeadLetters) -> Self {
        let labels = [("service", database.service())];
        let count = metrics::gauge("chassis.consumer.orphaned_queues", "Queues that nobody reads any more.", &labels);
        Self {
            known: Known::new(database),
            driver,
            read: read.into(),
            unread: UNREAD,
            letters,
            found: watch::Sender::default(),
            count,
            turn: Arc::default(),
        }
    }

    /// The same, where a queue is an orphan as soon as nobody has read it for `unread`.
    #[must_use]
    pub fn unread_for(self, unread: Duration) -> Self {
        Self { unread, ..self }
    }

    /// Starts to look for them, at once and then every ten minutes.
    pub fn watch(&self) -> OrphanWatch {
        let context = Context { service: Some(self.known.service()), ..Context::default() };
        OrphanWatch { task: tokio::spawn(context.scope(self.clone().run())) }
    }

    /// What the last look has found.
    pub fn found(&self) -> Vec<Orphan> {
        self.found.borrow().clone()
    }

    /// What is found, as it changes.
    pub fn changes(&self) -> watch::Receiver<Vec<Orphan>> {
        self.found.subscribe()
    }

    /// Notes that the service's handlers read their queues, and looks for those that nobody reads.
    ///
    /// # Errors
    /// The database or the broker cannot be asked; what was found before stays.
    pub async fn look(&self) -> Result<Vec<Orphan>> {
        let _turn = self.turn.lock().await;
        self.known.note(&self.read).await?;
        let (mut orphans, mut former) = (Vec::new(), Vec::new());
        for (queue, unread_for) in self.known.all().await? {
            // What this version reads itself was read just now, whatever the clock says.
            if self.reads(&queue) {
                continue;
            }
            match self.driver.depth(&queue).await {
                Ok(waiting) if unread_for >= self.unread => {
                    orphans.push(Orphan { queue: queue.clone(), waiting, unread_for });
                }
                Err(BrowseError::NoQueue(_)) if self.letters_left(&queue).await? == 0 => {
                    self.known.forget(&queue).await?;
                    continue;
                }
                // A transport that cannot tell has none, as far as anybody knows.
                Ok(_) | Err(BrowseError::NoQueue(_) | BrowseError::Unsupported) => {}
                Err(error) => return Err(error).context(format!("asking the broker about queue `{queue}`")),
            }
            former.push(queue);
        }
        self.letters.show_former(former);
        self.tell(&orphans);
        Ok(orphans)
    }

    fn tell(&self, orphans: &[Orphan]) {
        self.count.set(orphans.len() as u64);
        let before = self.found.send_replace(orphans.to_owned());
        for Orphan { queue, waiting, .. } in orphans {
            if !before.iter().any(|known| known.queue == *queue) {
                tracing::warn!(
                    queue,
                    waiting,
                    "no handler reads this queue any more, but it still receives messages: retire it by \
                     `POST /admin/consumers/{queue}/retire`, or give it a handler again"
                );
            }
        }
    }

    fn reads(&self, queue: &str) -> bool {
        self.read.iter().any(|read| read.queue == queue)
    }

    /// How many messages of `queue` are parked.
    async fn letters_left(&self, queue: &str) -> Result<u64> {
        let mut left = 0;
        for pile in [names::parking_queue(queue), names::unmatched_queue(queue)] {
            left += match self.driver.depth(&pile).await {
                Ok(letters) => letters,
                Err(BrowseError::NoQueue(_)) => 0,
                Err(error) => return Err(error).context(format!("asking the broker about queue `{pile}`")),
            };
        }
        Ok(left)
    }

    async fn run(self) {
        loop {
            let pause = match self.look().await {
                Ok(_) => EVERY,
                Err(error) => {
                    tracing::debug!(error = format!("{error:#}"), "orphaned queues could not be looked for");
                    AGAIN
                }
            };
            tokio::time::sleep(pause).await;
        }
    }
}
