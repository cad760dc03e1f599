//! Queues that no handler of the service reads any more.
//!
//! A handler that is renamed or removed leaves its queue behind, bound as before: it fills, and nobody learns of it. A broker does
//! not know whose a queue is, so the service's database remembers which queues its handlers read, and when they last did. What
//! was not read for an hour, by this version or another that runs beside it, and is still there, is an orphan.
//!
//! Nothing is deleted: what waits in an orphan may be the only copy. Once an operator has deleted the queue, it is forgotten.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::{Executor, Row};
use tokio::task::JoinHandle;

use crate::data::{Database, Engine};
use crate::messaging::driver::{BrowseError, Driver};
use crate::telemetry::metrics::{self, Gauge};
use crate::{Context, Result, ResultExt};

/// How often a service says that it reads its queues, and looks for others.
const EVERY: Duration = Duration::from_secs(10 * 60);
/// How soon it looks again when the broker could not be asked, as at start.
const AGAIN: Duration = Duration::from_secs(10);
/// For how long nobody may have read a queue before it counts as an orphan.
const UNREAD: Duration = Duration::from_secs(60 * 60);

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
    shared: Arc<Shared>,
}

struct Shared {
    database: Database,
    driver: Arc<dyn Driver>,
    read: Vec<String>,
    unread: Duration,
    found: Mutex<Vec<Orphan>>,
    count: Gauge,
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
    /// Those of the service that `database` belongs to, whose handlers `read` these queues.
    pub fn new(database: Database, driver: Arc<dyn Driver>, read: Vec<String>) -> Self {
        let labels = [("service", database.service())];
        let count = metrics::gauge("chassis.consumer.orphaned_queues", "Queues that nobody reads any more.", &labels);
        Self { shared: Arc::new(Shared { database, driver, read, unread: UNREAD, found: Mutex::default(), count }) }
    }

    /// The same, where a queue is an orphan as soon as nobody has read it for `unread`.
    #[must_use]
    pub fn unread_for(self, unread: Duration) -> Self {
        let Shared { database, driver, read, .. } = &*self.shared;
        let (found, count) = (Mutex::default(), self.shared.count.clone());
        let shared =
            Shared { database: database.clone(), driver: driver.clone(), read: read.clone(), unread, found, count };
        Self { shared: Arc::new(shared) }
    }

    /// Starts to look for them, at once and then every ten minutes.
    pub fn watch(&self) -> OrphanWatch {
        let (orphans, service) = (self.clone(), self.shared.database.service());
        let context = Context { service: Some(service), ..Context::default() };
        OrphanWatch { task: tokio::spawn(context.scope(orphans.run())) }
    }

    /// What the last look has found.
    pub fn found(&self) -> Vec<Orphan> {
        self.lock().clone()
    }

    /// Notes that the service's handlers read their queues, and looks for those that nobody reads.
    ///
    /// # Errors
    /// The database or the broker cannot be asked; what was found before stays.
    pub async fn look(&self) -> Result<Vec<Orphan>> {
        let mut orphans = Vec::new();
        self.note().await?;
        for (queue, unread_for) in self.unread().await? {
            match self.shared.driver.depth(&queue).await {
                Ok(waiting) => orphans.push(Orphan { queue, waiting, unread_for }),
                Err(BrowseError::NoQueue(_)) => self.forget(&queue).await?,
                // A transport that cannot tell has none, as far as anybody knows.
                Err(BrowseError::Unsupported) => {}
                Err(error) => return Err(error).context(format!("asking the broker about queue `{queue}`")),
            }
        }
        self.shared.count.set(orphans.len() as u64);
        let before = std::mem::replace(&mut *self.lock(), orphans.clone());
        for Orphan { queue, waiting, .. } in &orphans {
            if !before.iter().any(|known| known.queue == *queue) {
                tracing::warn!(
                    queue,
                    waiting,
                    "no handler reads this queue any more, but it still receives messages: move them and delete it, or give it \
                     a handler again"
                );
            }
        }
        Ok(orphans)
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

    async fn note(&self) -> Result<()> {
        let database = &self.shared.database;
        let sql = match database.engine() {
            Engine::Sqlite => {
                "INSERT INTO chassis_queue (service, queue) VALUES ($1, $2) \
                 ON CONFLICT (service, queue) DO UPDATE SET read_at = CAST(unixepoch('subsec') * 1000 AS INTEGER)"
            }
            Engine::Postgres => {
                "INSERT INTO chassis_queue (service, queue) VALUES ($1, $2) \
                 ON CONFLICT (service, queue) DO UPDATE SET read_at = now()"
            }
        };
        for queue in &self.shared.read {
            let query = sqlx::query(sql).bind(database.service()).bind(queue.clone());
            database.write(query).await.context("noting which queues are read")?;
        }
        Ok(())
    }

    async fn unread(&self) -> Result<Vec<(String, Duration)>> {
        let database = &self.shared.database;
        let sql = match database.engine() {
            Engine::Sqlite => {
                "SELECT queue, age FROM (SELECT queue, CAST(unixepoch('subsec') * 1000 AS INTEGER) - read_at AS age \
                 FROM chassis_queue WHERE service = $1) AS aged WHERE age >= $2 ORDER BY queue"
            }
            Engine::Postgres => {
                "SELECT queue, age FROM (SELECT queue, CAST(extract(epoch FROM now() - read_at) * 1000 AS bigint) AS age \
                 FROM chassis_queue WHERE service = $1) AS aged WHERE age >= $2 ORDER BY queue"
            }
        };
        let least = i64::try_from(self.shared.unread.as_millis()).unwrap_or(i64::MAX);
        let query = sqlx::query(sql).bind(database.service()).bind(least);
        let rows = database.pool().fetch_all(query).await.context("reading which queues were read")?;
        let mut unread = Vec::new();
        for row in rows {
            let (queue, age) = (row.try_get::<String, _>(0)?, row.try_get::<i64, _>(1)?);
            // What this version reads itself was read just now, whatever the clock says.
            if !self.shared.read.contains(&queue) {
                unread.push((queue, Duration::from_millis(u64::try_from(age).unwrap_or_default())));
            }
        }
        Ok(unread)
    }

    async fn forget(&self, queue: &str) -> Result<()> {
        let database = &self.shared.database;
        let query = sqlx::query("DELETE FROM chassis_queue WHERE service = $1 AND queue = $2");
        let query = query.bind(database.service()).bind(queue.to_owned());
        database.write(query).await.context("forgetting a queue that is gone")?;
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Orphan>> {
        self.shared.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
