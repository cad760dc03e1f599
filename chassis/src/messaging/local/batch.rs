//! Many changes as one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sqlx::sqlite::{Sqlite, SqliteConnection};
use sqlx::{Connection, QueryBuilder};
use tokio::time::Instant;

use super::file::{millis, write_kind, write_role};
use crate::messaging::engine::store::{Change, Letter};

/// How many rows one statement writes.
const ROWS: usize = 100;

/// Changes of any number, each message written at most once.
#[derive(Default)]
pub(super) struct Batch {
    topology: Vec<Change>,
    inserts: BTreeMap<u64, Insert>,
    counts: BTreeMap<u64, u32>,
    removes: BTreeSet<u64>,
}

struct Insert {
    queue: Arc<str>,
    letter: Arc<Letter>,
    deliveries: u32,
    due: Option<Instant>,
}

impl Batch {
    /// What is left of `changes` when those are left out that later ones undo: a message that is acked before it was
    /// written never reaches the file.
    pub(super) fn of(changes: impl Iterator<Item = Change>) -> Self {
        let mut batch = Self::default();
        for change in changes {
            match change {
                Change::Insert { position, queue, letter, deliveries, due } => {
                    batch.inserts.insert(position, Insert { queue, letter, deliveries, due });
                }
                Change::Count { position, deliveries } => match batch.inserts.get_mut(&position) {
                    Some(insert) => insert.deliveries = deliveries,
                    None => drop(batch.counts.insert(position, deliveries)),
                },
                Change::Remove { position } => {
                    batch.counts.remove(&position);
                    if batch.inserts.remove(&position).is_none() {
                        batch.removes.insert(position);
                    }
                }
                topology => batch.topology.push(topology),
            }
        }
        batch
    }

    /// Writes it all, or nothing.
    pub(super) async fn commit(&self, file: &mut SqliteConnection) -> sqlx::Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        let mut transaction = file.begin().await?;
        for change in &self.topology {
            write_topology(change, &mut transaction).await?;
        }
        self.write_inserts(&mut transaction).await?;
        for (position, deliveries) in &self.counts {
            let update = sqlx::query("UPDATE message SET deliveries = ? WHERE position = ?");
            update.bind(deliveries).bind(column(*position)).execute(&mut *transaction).await?;
        }
        if !self.removes.is_empty() {
            let positions = serde_json::to_string(&self.removes).unwrap_or_default();
            let delete = sqlx::query("DELETE FROM message WHERE position IN (SELECT value FROM json_each(?))");
            delete.bind(positions).execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }

    fn is_empty(&self) -> bool {
        self.topology.is_empty() && self.inserts.is_empty() && self.counts.is_empty() && self.removes.is_empty()
    }

    async fn write_inserts(&self, file: &mut SqliteConnection) -> sqlx::Result<()> {
        let inserts: Vec<_> = self.inserts.iter().collect();
        for rows in inserts.chunks(ROWS) {
            let mut insert = QueryBuilder::<Sqlite>::new(
                "INSERT INTO message(position, queue, exchange, routing_key, head, body, deliveries, due_ms) ",
            );
            insert.push_values(rows, |mut row, (position, insert)| {
                let Insert { queue, letter, deliveries, due } = insert;
                row.push_bind(column(**position))
                    .push_bind(&**queue)
                    .push_bind(letter.exchange.as_str())
                    .push_bind(letter.routing_key.as_str())
                    .push_bind(&*letter.head)
                    .push_bind(&*letter.body)
                    .push_bind(*deliveries)
                    .push_bind(due.map(millis));
            });
            // Full chunks are one statement, worth keeping; the rest differs each time.
            insert.build().persistent(rows.len() == ROWS || rows.len() == 1).execute(&mut *file).await?;
        }
        Ok(())
    }
}

async fn write_topology(change: &Change, file: &mut SqliteConnection) -> sqlx::Result<()> {
    match change {
        Change::Exchange(exchange) => {
            let insert = sqlx::query("INSERT OR REPLACE INTO exchange(name, kind) VALUES (?, ?)");
            insert.bind(&exchange.name).bind(write_kind(exchange.kind)).execute(file).await?;
        }
        Change::Queue(queue) => {
            let (role, delay_ms) = write_role(queue.role);
            let insert = sqlx::query("INSERT OR REPLACE INTO queue(name, role, delay_ms) VALUES (?, ?, ?)");
            insert.bind(&queue.name).bind(role).bind(delay_ms).execute(file).await?;
        }
        Change::Binding(binding) => {
            let insert = sqlx::query("INSERT OR REPLACE INTO binding(exchange, routing_key, queue) VALUES (?, ?, ?)");
            insert.bind(&binding.exchange).bind(&binding.routing_key).bind(&binding.queue).execute(file).await?;
        }
        Change::Unbind(binding) => {
            let delete = sqlx::query("DELETE FROM binding WHERE exchange = ? AND routing_key = ? AND queue = ?");
            delete.bind(&binding.exchange).bind(&binding.routing_key).bind(&binding.queue).execute(file).await?;
        }
        Change::DeleteQueue(queue) => {
            sqlx::query("DELETE FROM queue WHERE name = ?").bind(&**queue).execute(&mut *file).await?;
            sqlx::query("DELETE FROM binding WHERE queue = ?").bind(&**queue).execute(file).await?;
        }
        // Messages are written in bulk.
        Change::Insert { .. } | Change::Remove { .. } | Change::Count { .. } => {}
    }
    Ok(())
}

/// SQLite's integers are signed; a broker does not live to see the difference.
fn column(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}
