//! The task that tells the broker what became of the deliveries of one channel.

use std::time::Duration;

use futures_util::future::join_all;
use lapin::Channel;
use lapin::options::{BasicAckOptions, BasicNackOptions, BasicRejectOptions};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::ledger::Ledger;
use crate::BoxFuture;
use crate::messaging::driver::{Outcome, SettleError};

/// How many are told at once at most.
const BATCH: usize = 256;
/// For how long a channel that is done with may take to close.
const CLOSE: Duration = Duration::from_secs(5);

/// What became of a delivery, and who waits until the broker knows.
pub(super) struct Settled {
    pub(super) tag: u64,
    pub(super) outcome: Outcome,
    pub(super) done: Option<oneshot::Sender<Result<(), SettleError>>>,
}

/// Starts the acker of `channel`. It ends, and closes the channel, when no one is left who could settle anything.
pub(super) fn start(channel: Channel) -> mpsc::UnboundedSender<Settled> {
    // Not bounded by itself: the prefetch of the channel is the bound.
    let (sender, inbox) = mpsc::unbounded_channel();
    tokio::spawn(run(channel, inbox));
    sender
}

/// While one batch is written to the socket the next one gathers.
async fn run(channel: Channel, mut inbox: mpsc::UnboundedReceiver<Settled>) {
    let mut ledger = Ledger::default();
    let mut batch = Vec::with_capacity(BATCH);
    while inbox.recv_many(&mut batch, BATCH).await > 0 {
        let told = tell(&channel, &mut ledger, &batch).await;
        for settled in batch.drain(..) {
            if let Some(done) = settled.done {
                // Nobody has to wait for it.
                let _ = done.send(told);
            }
        }
    }
    if let Ok(text) = lapin::types::ShortString::try_new("done") {
        // A channel that is gone already needs no closing.
        let _ = timeout(CLOSE, channel.close(200, text)).await;
    }
}

async fn tell(channel: &Channel, ledger: &mut Ledger, batch: &[Settled]) -> Result<(), SettleError> {
    let mut frames: Vec<BoxFuture<'_, lapin::Result<()>>> = Vec::new();
    let mut acked = Vec::with_capacity(batch.len());
    for settled in batch {
        let tag = settled.tag;
        match settled.outcome {
            Outcome::Ack => {
                acked.push(tag);
                continue;
            }
            // From RabbitMQ 4.3 on only a reject counts towards the delivery limit; before, both do.
            Outcome::Requeue => frames.push(Box::pin(channel.basic_reject(tag, BasicRejectOptions { requeue: true }))),
            Outcome::Reject => frames.push(Box::pin(channel.basic_reject(tag, BasicRejectOptions { requeue: false }))),
            Outcome::Return => {
                let options = BasicNackOptions { requeue: true, multiple: false };
                frames.push(Box::pin(channel.basic_nack(tag, options)));
            }
        }
        ledger.note(tag);
    }
    // After the rejects, as an acknowledgement of several tags would include theirs.
    let acks = ledger.acknowledge(&acked);
    if let Some(tag) = acks.up_to {
        frames.push(Box::pin(channel.basic_ack(tag, BasicAckOptions { multiple: true })));
    }
    for tag in acks.single {
        frames.push(Box::pin(channel.basic_ack(tag, BasicAckOptions::default())));
    }
    // Polled in order, and the first poll hands a frame over.
    let results = join_all(frames).await;
    if results.iter().any(Result::is_err) { Err(SettleError) } else { Ok(()) }
}
