//! The task that tells the broker what became of the deliveries of one channel.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use lapin::Channel;
use lapin::options::{BasicAckOptions, BasicNackOptions, BasicRejectOptions};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::ledger::Ledger;
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

/// What gathers while other tasks run is told at once.
async fn run(channel: Channel, mut inbox: mpsc::UnboundedReceiver<Settled>) {
    let mut ledger = Ledger::default();
    let mut batch = Vec::with_capacity(BATCH);
    while inbox.recv_many(&mut batch, BATCH).await > 0 {
        let told = tell(&channel, &mut ledger, &batch);
        for settled in batch.drain(..) {
            if let Some(done) = settled.done {
                // Nobody has to wait for it.
                let _ = done.send(told);
            }
        }
    }
    if let Ok(text) = lapin::types::ShortString::try_new("done") {
        // A channel that is gone already needs no closing. What was told is written before.
        let _ = timeout(CLOSE, channel.close(200, text)).await;
    }
}

/// Hands the frames over, in order. Whether they were written before the connection was lost cannot be known either way, as
/// the broker answers none of them.
fn tell(channel: &Channel, ledger: &mut Ledger, batch: &[Settled]) -> Result<(), SettleError> {
    let mut told = Ok(());
    let mut acked = Vec::with_capacity(batch.len());
    for settled in batch {
        let tag = settled.tag;
        let handed = match settled.outcome {
            Outcome::Ack => {
                acked.push(tag);
                continue;
            }
            // From RabbitMQ 4.3 on only a reject counts towards the delivery limit; before, both do.
            Outcome::Requeue => hand_over(channel.basic_reject(tag, BasicRejectOptions { requeue: true })),
            Outcome::Reject => hand_over(channel.basic_reject(tag, BasicRejectOptions { requeue: false })),
            Outcome::Return => hand_over(channel.basic_nack(tag, BasicNackOptions { requeue: true, multiple: false })),
        };
        told = told.and(handed);
        ledger.note(tag);
    }
    // After the rejects, as an acknowledgement of several tags would include theirs.
    let acks = ledger.acknowledge(&acked);
    if let Some(tag) = acks.up_to {
        told = told.and(hand_over(channel.basic_ack(tag, BasicAckOptions { multiple: true })));
    }
    for tag in acks.single {
        told = told.and(hand_over(channel.basic_ack(tag, BasicAckOptions::default())));
    }
    told
}

/// Hands one frame over, which is what the first poll does; it fails on a channel that is gone.
fn hand_over(frame: impl Future<Output = lapin::Result<()>>) -> Result<(), SettleError> {
    match pin!(frame).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Err(_)) => Err(SettleError),
        Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
    }
}
