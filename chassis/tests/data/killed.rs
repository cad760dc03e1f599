//! A process that is killed between commit and publish, or between publish and delete, loses nothing.
//!
//! The process is this test program, started again for the one test `the_process`, which does nothing by itself.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::time::Duration;

use chassis::BoxFuture;
use chassis::data::{Database, DatabaseSettings};
use chassis::messaging::driver::*;
use chassis::messaging::outbox::{OutboxSettings, Relay};
use tokio::sync::watch;

use crate::outbox::{GRACE, pending, quick, store};
use crate::support::{Scratch, count, on_each_engine};

on_each_engine! {
    between_commit_and_publish,
    between_publish_and_delete,
}

async fn between_commit_and_publish(scratch: Scratch) {
    let published = after_a_kill(scratch, "outbox.after-commit-before-publish=3").await;
    assert!(published.len() >= 5);
}

async fn between_publish_and_delete(scratch: Scratch) {
    let published = after_a_kill(scratch, "outbox.after-publish-before-delete").await;
    // What was confirmed was not deleted any more: it is published again, under the same id.
    assert!(published.len() > 5, "{published:?}");
}

/// Five messages, a process that dies on them, and one that follows it. Gives the ids that were published.
async fn after_a_kill(scratch: Scratch, failpoint: &str) -> Vec<String> {
    let db = scratch.database().await;
    let rows: Vec<_> = (0..5).map(|n| pending(format!("{n}"), Some("key"))).collect();
    store(&db, &rows).await;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("published");

    let killed = run(&scratch, &log, Some(failpoint)).await;
    assert_eq!(killed.signal(), Some(9), "{killed}");
    let remaining = count(&db, "chassis_outbox").await;
    assert!(remaining > 0);
    assert!(run(&scratch, &log, None).await.success());
    assert_eq!(count(&db, "chassis_outbox").await, 0);

    let published: Vec<String> = std::fs::read_to_string(&log).unwrap().lines().map(Into::into).collect();
    let mut first_seen = Vec::new();
    for id in &published {
        if !first_seen.contains(id) {
            first_seen.push(id.clone());
        }
    }
    let expected: Vec<_> = rows.into_iter().map(|row| row.message.id).collect();
    assert_eq!(first_seen, expected);
    published
}

async fn run(scratch: &Scratch, log: &Path, failpoint: Option<&str>) -> ExitStatus {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "killed::the_process", "--nocapture"]);
    command.env("KILLED_URL", scratch.settings.url.as_deref().unwrap()).env("KILLED_LOG", log);
    if let Some(failpoint) = failpoint {
        command.env("CHASSIS_FAILPOINT", failpoint);
    }
    tokio::task::spawn_blocking(move || command.output().unwrap().status).await.unwrap()
}

#[tokio::test]
async fn the_process() {
    let (Ok(url), Ok(log)) = (std::env::var("KILLED_URL"), std::env::var("KILLED_LOG")) else { return };
    let db = Database::connect(&DatabaseSettings::at(url), "test").await.unwrap();
    let (state, _) = watch::channel(ConnectionState::Connected);
    let driver = Arc::new(Log { path: log.into(), state });
    // The lease is short, so that the process that follows needn't wait for long on PostgreSQL.
    let settings = OutboxSettings { lease: Duration::from_millis(500), ..quick() };
    let relay = Relay::start(db.clone(), driver, settings);
    while count(&db, "chassis_outbox").await > 0 {
        tokio::task::yield_now().await;
    }
    relay.stop(GRACE).await;
}

/// A broker that writes down the ids of what it is sent.
struct Log {
    path: PathBuf,
    state: watch::Sender<ConnectionState>,
}

impl Driver for Log {
    fn system(&self) -> &'static str {
        "log"
    }

    fn declare(&self, _: Topology) -> BoxFuture<'_, Result<(), DeclareError>> {
        Box::pin(async { Ok(()) })
    }

    fn publish(&self, outgoing: Outgoing) -> BoxFuture<'_, Result<(), PublishError>> {
        use std::io::Write as _;
        let mut file = std::fs::File::options().append(true).create(true).open(&self.path).unwrap();
        writeln!(file, "{}", outgoing.message.id).unwrap();
        Box::pin(async { Ok(()) })
    }

    fn consume(&self, _: Consume) -> BoxFuture<'_, Result<Box<dyn Consumer>, DeclareError>> {
        Box::pin(async { Err(DeclareError::Refused("nothing to consume here".into())) })
    }

    fn state(&self) -> watch::Receiver<ConnectionState> {
        self.state.subscribe()
    }

    fn close(&self, _: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}
