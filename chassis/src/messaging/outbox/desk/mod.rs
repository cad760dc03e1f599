//! What an operator sees of an outbox, and what he does about rows that could not be sent.

mod sql;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::row::Letter;
use super::store::Store;
use crate::data::{Database, Engine};
use crate::messaging::dead_letters::{Body, Filter, Selection};
use crate::messaging::{Headers, envelope};
use crate::{Result, ResultExt};

/// The outbox of one service, for operators. Cloning is cheap.
#[derive(Clone)]
pub struct Desk {
    db: Database,
    store: Store,
}

/// An outbox in figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutboxSummary {
    /// How many messages wait, counted up to 100,000.
    pub depth: i64,
    /// For how long the oldest has been waiting, in whole seconds.
    pub oldest_seconds: u64,
    /// How many could not be sent and were parked.
    pub parked: i64,
    /// Who sends which partition.
    pub partitions: Vec<Partition>,
}

/// Who sends a partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Partition {
    /// Its number.
    pub partition: u8,
    /// The relay that has leased it; `None` when nobody has.
    pub owner: Option<String>,
    /// How often it has changed hands.
    pub epoch: i64,
}

/// A message that could not be sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParkedRow {
    /// The message's id.
    pub id: String,
    /// Name and version of the event.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it was to be sent.
    pub exchange: String,
    /// The key it was to be sent with.
    pub routing_key: String,
    /// What it was sent in order with.
    pub ordering_key: Option<String>,
    /// How often it was tried.
    pub attempts: i64,
    /// Why it could not be sent.
    pub error: Option<String>,
    /// When it was published.
    #[serde(serialize_with = "rfc3339")]
    pub created_at: SystemTime,
    /// When it was parked.
    #[serde(serialize_with = "rfc3339")]
    pub parked_at: SystemTime,
    /// The length of its body in bytes.
    pub size: i64,
}

/// A message that could not be sent, opened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OpenedRow {
    /// What lists show.
    #[serde(flatten)]
    pub row: ParkedRow,
    /// The headers as they are; `None` when the row itself is damaged.
    pub headers: Option<Headers>,
    /// What it carries.
    pub body: Option<Body>,
}

impl Desk {
    /// The outbox in `db`.
    pub fn new(db: Database) -> Self {
        Self { store: Store::new(db.clone(), "an operator".to_owned(), 1), db }
    }

    /// How the outbox stands.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn summary(&self) -> Result<OutboxSummary> {
        let survey = self.store.survey(&[]).await?;
        let rows =
            sqlx::query(self.sql().partitions).fetch_all(self.db.pool()).await.context("looking at the outbox")?;
        let partition = |row: &AnyRow| -> Result<Partition> {
            Ok(Partition {
                partition: u8::try_from(row.try_get::<i64, _>("part")?)?,
                owner: row.try_get("owner")?,
                epoch: row.try_get("epoch")?,
            })
        };
        let partitions = rows.iter().map(partition).collect::<Result<_>>()?;
        Ok(OutboxSummary {
            depth: survey.depth,
            oldest_seconds: survey.oldest.as_secs(),
            parked: survey.parked,
            partitions,
        })
    }

    /// The first `most` parked messages that fit, without their bodies. A filter's `reason` is not looked at.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(&self, filter: &Filter, most: usize) -> Result<Vec<ParkedRow>> {
        let query = filtered(sqlx::query(self.sql().list), filter).bind(i64::try_from(most).unwrap_or(i64::MAX));
        let rows = query.fetch_all(self.db.pool()).await.context("reading parked messages")?;
        rows.iter().map(ParkedRow::read).collect()
    }

    /// The parked message of that id with everything in it; `None` when there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open(&self, id: &str) -> Result<Option<OpenedRow>> {
        let query = sqlx::query(self.sql().open).bind(id.to_owned());
        let Some(row) = query.fetch_optional(self.db.pool()).await.context("reading a parked message")? else {
            return Ok(None);
        };
        let letter = Letter::read(&row).ok();
        let (headers, body) = letter.map(|letter| (letter.message.headers, Body::of(&letter.message.body))).unzip();
        Ok(Some(OpenedRow { row: ParkedRow::read(&row)?, headers, body }))
    }

    /// Puts the first `most` parked messages that are selected back into the outbox, at the places that they had, and with all
    /// their attempts before them. Gives how many.
    ///
    /// # Errors
    /// When the database fails; then nothing has changed.
    pub async fn retry(&self, selection: &Selection, most: u64) -> Result<u64> {
        self.take(selection, most, true).await
    }

    /// Removes the first `most` parked messages that are selected, for good. Gives how many.
    ///
    /// # Errors
    /// When the database fails; then nothing has changed.
    pub async fn discard(&self, selection: &Selection, most: u64) -> Result<u64> {
        self.take(selection, most, false).await
    }

    async fn take(&self, selection: &Selection, most: u64, put_back: bool) -> Result<u64> {
        let filter = match selection {
            Selection::Id(id) => Filter { id: Some(id.clone()), ..Filter::default() },
            Selection::Matching(filter) => filter.clone(),
            Selection::All => Filter::default(),
        };
        let mut tx = self.db.begin().await?;
        let query = filtered(sqlx::query(self.sql().select), &filter).bind(i64::try_from(most).unwrap_or(i64::MAX));
        let rows = query.fetch_all(&mut tx).await.context("reading parked messages")?;
        let numbers = rows.iter().map(|row| row.try_get::<i64, _>("seq")).collect::<Result<Vec<_>, _>>()?;
        let list = serde_json::to_string(&numbers)?;
        if put_back {
            let put = sqlx::query(self.sql().put_back).bind(list.clone());
            put.execute(&mut tx).await.context("putting parked messages back")?;
            for row in &rows {
                tx.wake_after_commit(usize::try_from(row.try_get::<i64, _>("part")?).unwrap_or_default());
            }
        }
        let gone = sqlx::query(self.sql().remove).bind(list).execute(&mut tx).await;
        gone.context("removing parked messages")?;
        tx.commit().await?;
        Ok(numbers.len() as u64)
    }

    fn sql(&self) -> &'static sql::Sql {
        match self.db.engine() {
            Engine::Sqlite => &sql::SQLITE,
            Engine::Postgres => &sql::POSTGRES,
        }
    }
}

impl ParkedRow {
    fn read(row: &AnyRow) -> Result<Self> {
        let time = |name: &str| -> Result<SystemTime> {
            let millis = row.try_get::<i64, _>(name)?;
            Ok(UNIX_EPOCH + Duration::from_millis(millis.try_into().unwrap_or_default()))
        };
        Ok(Self {
            id: row.try_get("id")?,
            kind: row.try_get::<Option<String>, _>("kind")?.unwrap_or_default(),
            exchange: row.try_get("exchange")?,
            routing_key: row.try_get("routing_key")?,
            ordering_key: row.try_get("ordering_key")?,
            attempts: row.try_get("attempts")?,
            error: row.try_get("last_error")?,
            created_at: time("created")?,
            parked_at: time("parked")?,
            size: row.try_get("size")?,
        })
    }
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Any, sqlx::any::AnyArguments>;

/// Binds the first five parameters.
fn filtered<'q>(query: Query<'q>, filter: &Filter) -> Query<'q> {
    let millis = |time: Option<SystemTime>| {
        time.and_then(|time| i64::try_from(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).ok())
    };
    let Filter { id, kind, error, since, until, .. } = filter.clone();
    query.bind(id).bind(kind).bind(error).bind(millis(since)).bind(millis(until))
}

fn rfc3339<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    envelope::rfc3339(*time).serialize(serializer)
}
