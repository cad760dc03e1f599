//! The one task that writes: it takes whatever has come since it last wrote, and commits that at once.

use std::sync::Arc;
use std::time::Duration;

use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::{mpsc, oneshot, watch};

use super::batch::Batch;
use crate::BoxFuture;
use crate::messaging::engine::store::{Change, Recorded, Store};

/// More would make the first of them wait for the last.
const LARGEST_BATCH: usize = 1000;
/// How long to wait before a write that failed is tried again.
const PAUSE: Duration = Duration::from_millis(500);

pub(super) struct Journal {
    entries: mpsc::UnboundedSender<Entry>,
}

/// Changes that belong together, and who waits for them.
struct Entry {
    changes: Vec<Change>,
    safe: Option<oneshot::Sender<()>>,
}

impl Journal {
    /// Starts to write into `file`. While that fails, `trouble` says why.
    pub(super) fn start(file: SqliteConnection, trouble: watch::Sender<Option<Arc<str>>>) -> Self {
        // Bounded by those who wait for their confirm; acks wait for nobody, and are bounded by what is delivered.
        let (entries, incoming) = mpsc::unbounded_channel();
        tokio::spawn(write(file, incoming, trouble));
        Self { entries }
    }

    fn push(&self, changes: Vec<Change>) -> oneshot::Receiver<()> {
        let (safe, when_safe) = oneshot::channel();
        // Without a writer the sender is dropped, which tells the waiter.
        let _ = self.entries.send(Entry { changes, safe: Some(safe) });
        when_safe
    }
}

impl Store for Journal {
    fn record(&self, changes: Vec<Change>) -> Recorded {
        if changes.is_empty() {
            return Recorded::Now;
        }
        // Nobody waits for what would merely be delivered again.
        if changes.iter().all(|change| matches!(change, Change::Remove { .. } | Change::Count { .. })) {
            let _ = self.entries.send(Entry { changes, safe: None });
            return Recorded::Now;
        }
        Recorded::Soon(self.push(changes))
    }

    fn flush(&self) -> BoxFuture<'_, ()> {
        let safe = self.push(Vec::new());
        Box::pin(async move {
            let _ = safe.await;
        })
    }
}

async fn write(
    mut file: SqliteConnection,
    mut incoming: mpsc::UnboundedReceiver<Entry>,
    trouble: watch::Sender<Option<Arc<str>>>,
) {
    let mut entries = Vec::new();
    while incoming.recv_many(&mut entries, LARGEST_BATCH).await > 0 {
        let (changes, waiting): (Vec<_>, Vec<_>) = entries.drain(..).map(|entry| (entry.changes, entry.safe)).unzip();
        let batch = Batch::of(changes.into_iter().flatten());
        while let Err(error) = batch.commit(&mut file).await {
            // What is in memory is ahead of the file now; the two meet again when the same batch is written after all.
            tracing::error!(%error, "the local broker's file cannot be written; publishers are blocked");
            trouble.send_replace(Some(error.to_string().into()));
            tokio::time::sleep(PAUSE).await;
        }
        trouble.send_if_modified(|trouble| trouble.take().is_some());
        for safe in waiting.into_iter().flatten() {
            // Who gave up waiting does not want to know.
            let _ = safe.send(());
        }
    }
    if let Err(error) = file.close().await {
        tracing::warn!(%error, "the local broker's file was not closed cleanly; it is recovered when it is next opened");
    }
}
