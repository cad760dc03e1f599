//! The relay of an outbox, from a backlog to nothing.

use std::time::Duration;

use chassis::data::{Database, DatabaseSettings};
use chassis::messaging::Publisher;
use chassis::messaging::outbox::{OutboxSettings, Relay};
use chassis::{Error, Result, ResultExt, sqlx};

use crate::message;
use crate::plan::{Plan, SERVICE, Span};

/// How many rows one transaction stores.
const CHUNK: u64 = 500;

async fn database() -> Result<Database> {
    let url = std::env::var("BENCH_DATABASE").context("BENCH_DATABASE is not set")?;
    let database = Database::connect(&DatabaseSettings::at(url), SERVICE).await?;
    database.migrate_library().await?;
    Ok(database)
}

/// Stores the backlog.
pub async fn preload(plan: &Plan) -> Result<()> {
    let database = database().await?;
    let publisher = Publisher::new(plan.connect().await?, SERVICE);
    for first in (0..plan.messages).step_by(CHUNK as usize) {
        let mut tx = database.begin().await?;
        for number in first..(first + CHUNK).min(plan.messages) {
            publisher.publish(&mut tx, message::stored(number)).await?;
        }
        tx.commit().await?;
    }
    database.close().await;
    Ok(())
}

/// Sends the backlog: from the start of the relay until the last row is deleted.
pub async fn run(plan: &Plan) -> Result<()> {
    let (database, driver) = (database().await?, plan.connect().await?);
    if rows(&database).await? != i64::try_from(plan.messages)? {
        return Err(Error::msg("the backlog is not what it should be"));
    }
    let span = Span::begin();
    let relay = Relay::start(database.clone(), driver, OutboxSettings::default());
    while !is_empty(&database).await? {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    span.end(plan.messages);
    relay.stop(Duration::from_secs(10)).await;
    Ok(())
}

async fn rows(database: &Database) -> Result<i64> {
    Ok(sqlx::query_scalar("SELECT count(*) FROM chassis_outbox").fetch_one(database.pool()).await?)
}

/// Asked often, so it looks at one row at most.
async fn is_empty(database: &Database) -> Result<bool> {
    let sql = "SELECT count(*) FROM (SELECT 1 FROM chassis_outbox LIMIT 1) AS one";
    let found: i64 = sqlx::query_scalar(sql).fetch_one(database.pool()).await?;
    Ok(found == 0)
}
