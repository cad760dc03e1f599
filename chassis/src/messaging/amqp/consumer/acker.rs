//! The task that tells the broker what became of the deliveries of one channel.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use lapin::Channel;
use lapin::options::{BasicAckOptions, BasicNackOptions, BasicRejectOptions};
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ledger::Ledger;
use super::tray::{Inbox, Settled, Tray};
use crate::messaging::driver::Outcome;

/// How many are told at once at most.
const BATCH: usize = 256;
/// For how long what was settled is held back at most, so that more is told at once.
const HOLD: Duration = Duration::from_millis(1);
/// For how long a channel that is done with may take to close.
const CLOSE: Duration = Duration::from_secs(5);

/// The ackers of all channels.
#[derive(Default)]
pub(in crate::messaging::amqp) struct Ackers {
    running: TaskTracker,
    finish: CancellationToken,
}

impl Ackers {
    /// Starts the acker of `channel`. It ends, and closes the channel, when no one is left who could settle anything.
    pub(super) fn start(&self, channel: Channel, spare: usize) -> Arc<Tray> {
        let finish = self.finish.child_token();
        let (tray, inbox) = Tray::new(spare.clamp(1, BATCH), finish.clone());
        self.running.spawn(run(channel, inbox, finish));
        Arc::new(tray)
    }

    /// Waits until the broker was told of all that is settled by now. Nothing can be settled after.
    pub(in crate::messaging::amqp) async fn finish(&self) {
        self.finish.cancel();
        self.running.close();
        self.running.wait().await;
    }
}

/// What gathers while other tasks run is told at once; so is what gathers for a moment more, where nobody waits for that.
async fn run(channel: Channel, mut inbox: Inbox, finish: CancellationToken) {
    let mut ledger = Ledger::default();
    let mut batch = Vec::with_capacity(BATCH);
    let mut finished = pin!(finish.cancelled());
    loop {
        let first = tokio::select! {
            first = inbox.first() => first,
            () = &mut finished, if !inbox.is_closed() => {
                inbox.close();
                continue;
            }
        };
        let Some(first) = first else { break };
        batch.push(first);
        // A task that was just woken is the next to run, and would tell of each delivery by itself: whatever else can run goes
        // first.
        yield_now().await;
        tokio::select! {
            biased;
            () = inbox.enough() => {}
            () = finish.cancelled() => {}
            () = sleep(HOLD) => {}
        }
        inbox.drain(&mut batch, BATCH);
        tell(&channel, &mut ledger, &batch);
        batch.clear();
    }
    if let Ok(text) = lapin::types::ShortString::try_new("done") {
        // A channel that is gone already needs no closing. What was told is written before.
        let _ = timeout(CLOSE, channel.close(200, text)).await;
    }
}

/// Hands the frames over, in order. Whether they were written before the connection was lost cannot be known either way, as
/// the broker answers none of them.
fn tell(channel: &Channel, ledger: &mut Ledger, batch: &[Settled]) {
    let mut acked = Vec::with_capacity(batch.len());
    for settled in batch {
        let tag = settled.tag;
        match settled.outcome {
            Outcome::Ack => {
                acked.push(tag);
                continue;
            }
            // From RabbitMQ 4.3 on only a reject counts towards the delivery limit; before, both do.
            Outcome::Requeue => hand_over(channel.basic_reject(tag, BasicRejectOptions { requeue: true })),
            Outcome::Reject => hand_over(channel.basic_reject(tag, BasicRejectOptions { requeue: false })),
            Outcome::Return => hand_over(channel.basic_nack(tag, BasicNackOptions { requeue: true, multiple: false })),
        }
        ledger.note(tag);
    }
    // After the rejects, as an acknowledgement of several tags would include theirs.
    let acks = ledger.acknowledge(&acked);
    if let Some(tag) = acks.up_to {
        hand_over(channel.basic_ack(tag, BasicAckOptions { multiple: true }));
    }
    for tag in acks.single {
        hand_over(channel.basic_ack(tag, BasicAckOptions::default()));
    }
}

/// Hands one frame over, which is what the first poll does. Where the channel is gone the broker returns all by itself.
fn hand_over(frame: impl Future<Output = lapin::Result<()>>) {
    let _ = pin!(frame).poll(&mut Context::from_waker(Waker::noop()));
}
