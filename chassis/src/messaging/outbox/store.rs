//! The relay's side of the outbox tables.

use std::sync::Arc;
use std::time::Duration;

use sqlx::Row as _;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::lanes::Wanted;
use super::row::Row;
use super::sql::{self, Sql};
use super::withheld::Route;
use crate::data::{Database, Engine};
use crate::{Error, ErrorKind, Result, ResultExt};

/// A partition that is ours as long as nobody has a higher epoch of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) part: u8,
    pub(super) epoch: i64,
}

/// What a look over all partitions shows of one.
pub(super) struct Seen {
    pub(super) part: u8,
    pub(super) free: bool,
    pub(super) waiting: bool,
}

pub(super) struct Survey {
    pub(super) depth: i64,
    pub(super) oldest: Duration,
    pub(super) parked: i64,
}

#[derive(Clone)]
pub(super) struct Store {
    db: Database,
    sql: &'static Sql,
    owner: Arc<str>,
    /// The connections that the relay may use at once; the rest of the pool is the handlers'.
    connections: Arc<Semaphore>,
}

impl Store {
    pub(super) fn new(db: Database, owner: String, connections: u32) -> Self {
        let sql = sql::of(db.engine());
        Self { db, sql, owner: owner.into(), connections: Arc::new(Semaphore::new(connections.max(1) as usize)) }
    }

    pub(super) fn db(&self) -> &Database {
        &self.db
    }

    /// Reads what may be sent; no row that failed rests for longer than `longest`. Nothing of the routes that nobody hears, and
    /// nothing of those that are stalled, nor of a key behind what is stalled.
    pub(super) async fn fetch(
        &self,
        part: u8,
        wanted: &Wanted,
        unheard: &[Route],
        stalled: &[Route],
        longest: Duration,
    ) -> Result<Vec<Row>> {
        let _connection = self.connection().await?;
        let sql = if stalled.is_empty() { self.sql.fetch } else { self.sql.fetch_beside };
        let query = sqlx::query(sql)
            .bind(i16::from(part))
            .bind(i64::try_from(wanted.limit).unwrap_or(i64::MAX))
            .bind(serde_json::to_string(&wanted.held)?)
            .bind(serde_json::to_string(&wanted.blocked)?)
            .bind(serde_json::to_string(&[unheard, stalled].concat())?)
            .bind(millis(longest));
        let query = if stalled.is_empty() { query } else { query.bind(serde_json::to_string(stalled)?) };
        let rows = query.fetch_all(self.db.pool()).await.context("reading the outbox")?;
        rows.iter().map(Row::read).collect::<Result<_, _>>().context("reading the outbox")
    }

    /// Deletes rows that are done with. `false` when the partition is no longer ours.
    pub(super) async fn delete(&self, held: Held, rows: &[i64]) -> Result<bool> {
        let _connection = self.connection().await?;
        let query = sqlx::query(self.sql.delete).bind(i16::from(held.part)).bind(serde_json::to_string(rows)?);
        let deleted = self.db.write(query.bind(self.owner.to_string()).bind(held.epoch)).await;
        Ok(deleted.context("deleting from the outbox")? > 0)
    }

    /// Notes that a row failed and is to rest for `pause`.
    pub(super) async fn defer(&self, held: Held, row: i64, error: &str, pause: Duration) -> Result<()> {
        let _connection = self.connection().await?;
        let query = sqlx::query(self.sql.defer).bind(i16::from(held.part)).bind(row);
        let query = query.bind(self.owner.to_string()).bind(held.epoch).bind(error.to_owned()).bind(millis(pause));
        self.db.write(query).await.context("noting a failure in the outbox")?;
        Ok(())
    }

    /// Moves a row to where people look after it.
    pub(super) async fn park(&self, held: Held, row: i64, error: &str) -> Result<()> {
        let _connection = self.connection().await?;
        let query = sqlx::query(self.sql.park).bind(i16::from(held.part)).bind(row);
        let query = query.bind(self.owner.to_string()).bind(held.epoch).bind(error.to_owned());
        match self.db.engine() {
            Engine::Postgres => {
                self.db.write(query).await.context("parking a message")?;
            }
            Engine::Sqlite => {
                let mut tx = self.db.begin().await?;
                query.execute(&mut tx).await.context("parking a message")?;
                let delete = sqlx::query(self.sql.delete).bind(i16::from(held.part)).bind(format!("[{row}]"));
                delete
                    .bind(self.owner.to_string())
                    .bind(held.epoch)
                    .execute(&mut tx)
                    .await
                    .context("parking a message")?;
                tx.commit().await?;
            }
        }
        Ok(())
    }

    /// Takes one partition that nobody holds.
    pub(super) async fn acquire(&self, ttl: Duration) -> Result<Option<Held>> {
        Ok(self.leases(self.sql.acquire, ttl).await?.pop())
    }

    /// Takes all partitions, whoever holds them. SQLite only.
    pub(super) async fn take_over(&self, ttl: Duration) -> Result<Vec<Held>> {
        self.leases(sql::SQLITE_TAKE_OVER, ttl).await
    }

    /// Holds what is held for another while; gives what that is.
    pub(super) async fn renew(&self, ttl: Duration) -> Result<Vec<Held>> {
        self.leases(self.sql.renew, ttl).await
    }

    async fn leases(&self, sql: &'static str, ttl: Duration) -> Result<Vec<Held>> {
        let query = sqlx::query(sql).bind(self.owner.to_string()).bind(millis(ttl));
        let rows = self.db.write_returning(query).await.context("leasing partitions of the outbox")?;
        let held = |row: &sqlx::any::AnyRow| Ok(Held { part: part(row)?, epoch: row.try_get("epoch")? });
        rows.iter().map(held).collect()
    }

    pub(super) async fn release(&self) -> Result<()> {
        let query = sqlx::query(self.sql.release).bind(self.owner.to_string());
        self.db.write(query).await.context("releasing the outbox")?;
        if self.db.engine() == Engine::Postgres {
            let query = sqlx::query(sql::POSTGRES_ABSENT).bind(self.owner.to_string());
            self.db.write(query).await.context("taking leave of other relays")?;
        }
        Ok(())
    }

    /// Gives one partition back, for another relay to take.
    pub(super) async fn yield_one(&self, held: Held) -> Result<()> {
        let query = sqlx::query(self.sql.yield_one).bind(i16::from(held.part));
        let query = query.bind(self.owner.to_string()).bind(held.epoch);
        self.db.write(query).await.context("yielding a partition of the outbox")?;
        Ok(())
    }

    /// Says that this relay lives, and gives how many do. On SQLite there is one, since the newest takes everything over.
    pub(super) async fn relays(&self, ttl: Duration) -> Result<usize> {
        if self.db.engine() == Engine::Sqlite {
            return Ok(1);
        }
        let query = sqlx::query(sql::POSTGRES_PRESENT).bind(self.owner.to_string()).bind(millis(ttl));
        let row = query.fetch_one(self.db.pool()).await.context("counting the outbox's relays")?;
        Ok(usize::try_from(row.try_get::<i64, _>("others")?).unwrap_or_default() + 1)
    }

    /// How many rows of these routes wait, counted up to 100,000.
    pub(super) async fn of_routes(&self, routes: &[Route]) -> Result<i64> {
        let query = sqlx::query(self.sql.of_routes).bind(serde_json::to_string(routes)?);
        Ok(query.fetch_one(self.db.pool()).await.context("looking at the outbox")?.try_get("kept")?)
    }

    /// Deletes what was parked more than `age` ago. Gives how much that was.
    pub(super) async fn forget_parked(&self, age: Duration) -> Result<u64> {
        let query = sqlx::query(self.sql.forget_parked).bind(millis(age));
        self.db.write(query).await.context("forgetting parked messages")
    }

    pub(super) async fn scout(&self) -> Result<Vec<Seen>> {
        let rows = sqlx::query(self.sql.scout).fetch_all(self.db.pool()).await.context("looking at the outbox")?;
        let flag = |row: &sqlx::any::AnyRow, name| row.try_get::<i64, _>(name).map(|flag| flag != 0);
        let seen = |row| Ok(Seen { part: part(row)?, free: flag(row, "free")?, waiting: flag(row, "waiting")? });
        rows.iter().map(seen).collect()
    }

    pub(super) async fn survey(&self, unheard: &[Route]) -> Result<Survey> {
        let query = sqlx::query(self.sql.survey).bind(serde_json::to_string(unheard)?);
        let row = query.fetch_one(self.db.pool()).await.context("looking at the outbox")?;
        let oldest: Option<i64> = row.try_get("oldest")?;
        Ok(Survey {
            depth: row.try_get("depth")?,
            oldest: Duration::from_millis(oldest.unwrap_or_default().try_into().unwrap_or_default()),
            parked: row.try_get("parked")?,
        })
    }

    async fn connection(&self) -> Result<SemaphorePermit<'_>> {
        self.connections.acquire().await.map_err(|_| Error::new(ErrorKind::Closed, "the relay is closed"))
    }
}

fn part(row: &sqlx::any::AnyRow) -> Result<u8> {
    Ok(u8::try_from(row.try_get::<i64, _>("part")?)?)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 2)
}
