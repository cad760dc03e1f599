use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::{CHUNK, InboxSettings, forget};
use crate::data::Database;
use crate::{Context, Result, ResultExt};

/// Forgets what `db`'s consumers handled more than `age` ago. Gives how much that was.
///
/// # Errors
/// When the database fails; what was forgotten by then stays so.
pub async fn forget_older_than(db: &Database, age: Duration) -> Result<u64> {
    let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX / 2);
    let mut forgotten = 0;
    loop {
        let query = sqlx::query(forget(db.engine())).bind(age).bind(CHUNK);
        let rows = db.write(query).await.context("forgetting what is old in the inbox")?;
        forgotten += rows;
        if rows < CHUNK as u64 {
            return Ok(forgotten);
        }
    }
}

/// Forgets from time to time. Dropped, it ends.
///
/// It needs no lease: several instances that do it at once only have less to do each.
#[derive(Debug)]
pub struct Retention {
    task: JoinHandle<()>,
}

impl Retention {
    /// Starts, with a first run at once. The library's tables must be there already.
    pub fn start(db: Database, settings: InboxSettings) -> Self {
        let context = Context { service: Some(db.service()), ..Context::default() };
        Self { task: tokio::spawn(context.scope(run(db, settings))) }
    }
}

impl Drop for Retention {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(db: Database, settings: InboxSettings) {
    let mut ticks = interval(settings.sweep.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match forget_older_than(&db, settings.keep).await {
            Ok(0) => {}
            Ok(forgotten) => tracing::info!(forgotten, "old entries of the inbox were deleted"),
            // The next tick tries again; only room on the disk is at stake.
            Err(error) => tracing::warn!(error = format!("{error:#}"), "old entries of the inbox could not be deleted"),
        }
    }
}
