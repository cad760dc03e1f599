//! What the database remembers of queues: that they were read, when they last were, and what leads to them.

use std::time::Duration;

use sqlx::{Executor, Row};

use super::ReadQueue;
use crate::data::{Database, Engine};
use crate::messaging::driver::Binding;
use crate::{Result, ResultExt};

/// The queues of the service that the database belongs to.
#[derive(Clone)]
pub(super) struct Known {
    database: Database,
}

impl Known {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }

    pub(super) fn service(&self) -> &'static str {
        self.database.service()
    }

    /// Notes that these are read now. What once led to a queue is kept, since it may still.
    pub(super) async fn note(&self, read: &[ReadQueue]) -> Result<()> {
        // What was read in the future was read before the clock was set back.
        let now = match self.database.engine() {
            Engine::Sqlite => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
            Engine::Postgres => "now()",
        };
        let sql = format!("UPDATE chassis_queue SET read_at = {now} WHERE service = $1 AND read_at > {now}");
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(self.service());
        self.database.write(query).await.context("noting which queues are read")?;
        let sql = format!(
            "INSERT INTO chassis_queue (service, queue) VALUES ($1, $2) \
             ON CONFLICT (service, queue) DO UPDATE SET read_at = {now}"
        );
        let bound = "INSERT INTO chassis_queue_binding (service, queue, exchange, routing_key) VALUES ($1, $2, $3, $4) \
                     ON CONFLICT DO NOTHING";
        for ReadQueue { queue, bindings } in read {
            let query = sqlx::query(sqlx::AssertSqlSafe(sql.clone())).bind(self.service()).bind(queue.clone());
            self.database.write(query).await.context("noting which queues are read")?;
            for Binding { queue, exchange, routing_key } in bindings {
                let query = sqlx::query(bound).bind(self.service()).bind(queue.clone());
                let query = query.bind(exchange.clone()).bind(routing_key.clone());
                self.database.write(query).await.context("noting what leads to a queue")?;
            }
        }
        Ok(())
    }

    /// All queues, each with the time since it was last read.
    pub(super) async fn all(&self) -> Result<Vec<(String, Duration)>> {
        let sql = match self.database.engine() {
            Engine::Sqlite => {
                "SELECT queue, CAST(unixepoch('subsec') * 1000 AS INTEGER) - read_at AS age FROM chassis_queue \
                 WHERE service = $1 ORDER BY queue"
            }
            Engine::Postgres => {
                "SELECT queue, CAST(extract(epoch FROM now() - read_at) * 1000 AS bigint) AS age FROM chassis_queue \
                 WHERE service = $1 ORDER BY queue"
            }
        };
        let rows = self.database.pool().fetch_all(sqlx::query(sql).bind(self.service())).await;
        let rows = rows.context("reading which queues were read")?;
        let aged = |row: &sqlx::any::AnyRow| {
            let (queue, age) = (row.try_get::<String, _>(0)?, row.try_get::<i64, _>(1)?);
            Ok((queue, Duration::from_millis(u64::try_from(age).unwrap_or_default())))
        };
        rows.iter().map(aged).collect()
    }

    /// All that ever led to `queue`.
    pub(super) async fn bindings(&self, queue: &str) -> Result<Vec<Binding>> {
        let sql = "SELECT exchange, routing_key FROM chassis_queue_binding WHERE service = $1 AND queue = $2";
        let query = sqlx::query(sql).bind(self.service()).bind(queue.to_owned());
        let rows = self.database.pool().fetch_all(query).await.context("reading what leads to a queue")?;
        let binding = |row: &sqlx::any::AnyRow| {
            Ok(Binding { queue: queue.to_owned(), exchange: row.try_get(0)?, routing_key: row.try_get(1)? })
        };
        rows.iter().map(binding).collect()
    }

    /// Forgets a queue that is gone.
    pub(super) async fn forget(&self, queue: &str) -> Result<()> {
        for sql in [
            "DELETE FROM chassis_queue_binding WHERE service = $1 AND queue = $2",
            "DELETE FROM chassis_queue WHERE service = $1 AND queue = $2",
        ] {
            let query = sqlx::query(sql).bind(self.service()).bind(queue.to_owned());
            self.database.write(query).await.context("forgetting a queue that is gone")?;
        }
        Ok(())
    }
}
