//! Deliveries in lanes: those of one ordering key one after the other, those of different keys side by side.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::pin;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::supervisor::{Ended, LONGEST_WAIT, Signals, Supervisor, broker_ended, give_back, next_if};
use crate::messaging::driver::{Consumer, Incoming};
use crate::messaging::{Message, envelope};

/// What has arrived and is not finished. Whatever shares a key shares a lane, and a lane works on one delivery at a time.
struct Lanes {
    lanes: Vec<Lane>,
    /// How many deliveries there are in all.
    held: usize,
    arrived: u64,
}

#[derive(Default)]
struct Lane {
    busy: bool,
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    /// Counts from the first delivery.
    arrival: u64,
    since: Instant,
    incoming: Incoming,
}

/// Tells that a lane is free again, however its work ended.
struct Finished {
    lane: usize,
    tell: mpsc::Sender<usize>,
}

impl Drop for Finished {
    fn drop(&mut self) {
        // There is room for one word of each lane. Nobody listens any more where the consumer is gone.
        let _ = self.tell.try_send(self.lane);
    }
}

impl Supervisor {
    /// Hands deliveries to lanes by their keys, and holds at most the prefetch.
    pub(super) async fn by_lanes(&self, consumer: &mut dyn Consumer, signals: &mut Signals) -> Ended {
        let mut interrupted = pin!(self.interrupted(signals));
        let count = usize::from(self.concurrency());
        let (tell, mut finished) = mpsc::channel(count);
        let mut lanes = Lanes::new(count);
        let ended = loop {
            tokio::select! {
                biased;
                ended = &mut interrupted => break ended,
                Some(lane) = finished.recv() => {
                    match lanes.finished(lane) {
                        // It comes again with time for all its attempts, as does what came after it.
                        Some(waiting) if waiting.since.elapsed() > LONGEST_WAIT => {
                            lanes.put_back(lane, waiting);
                            break Ended::Turned;
                        }
                        Some(waiting) => self.start(lane, waiting.incoming, &tell),
                        None => {}
                    }
                }
                next = next_if(lanes.held < self.prefetch(), consumer) => {
                    let Some(incoming) = next else { break broker_ended() };
                    if let Some((lane, incoming)) = lanes.arrived(incoming) {
                        self.start(lane, incoming, &tell);
                    }
                }
            }
        };
        // What runs may fail and go back, with all that came after it: nobody may get that before.
        while lanes.is_busy() {
            match finished.recv().await {
                Some(lane) => lanes.stopped(lane),
                None => break,
            }
        }
        consumer.cancel().await;
        for incoming in lanes.into_waiting() {
            give_back(incoming).await;
        }
        ended
    }

    fn start(&self, lane: usize, incoming: Incoming, tell: &mpsc::Sender<usize>) {
        let finished = Finished { lane, tell: tell.clone() };
        let work = self.handle(incoming, None);
        self.running.spawn(async move {
            let _finished = finished;
            work.await;
        });
    }
}

impl Lanes {
    fn new(count: usize) -> Self {
        Self { lanes: (0..count).map(|_| Lane::default()).collect(), held: 0, arrived: 0 }
    }

    /// Takes in a delivery; gives it back with its lane if that is free.
    fn arrived(&mut self, incoming: Incoming) -> Option<(usize, Incoming)> {
        let index = lane_of(&incoming.message, self.lanes.len());
        self.held += 1;
        self.arrived += 1;
        let lane = &mut self.lanes[index];
        if lane.busy {
            lane.waiting.push_back(Waiting { arrival: self.arrived, since: Instant::now(), incoming });
            return None;
        }
        lane.busy = true;
        Some((index, incoming))
    }

    /// A lane has done its work; gives the next of it.
    fn finished(&mut self, lane: usize) -> Option<Waiting> {
        self.held -= 1;
        let lane = &mut self.lanes[lane];
        let next = lane.waiting.pop_front();
        lane.busy = next.is_some();
        next
    }

    /// The next of a lane is not begun after all.
    fn put_back(&mut self, lane: usize, next: Waiting) {
        let lane = &mut self.lanes[lane];
        lane.busy = false;
        lane.waiting.push_front(next);
    }

    /// A lane has done its work and shall do no more.
    fn stopped(&mut self, lane: usize) {
        self.held -= 1;
        self.lanes[lane].busy = false;
    }

    fn is_busy(&self) -> bool {
        self.lanes.iter().any(|lane| lane.busy)
    }

    /// What was not begun, in the order of its arrival.
    fn into_waiting(self) -> impl Iterator<Item = Incoming> {
        let mut waiting: Vec<Waiting> = self.lanes.into_iter().flat_map(|lane| lane.waiting).collect();
        waiting.sort_unstable_by_key(|waiting| waiting.arrival);
        waiting.into_iter().map(|waiting| waiting.incoming)
    }
}

/// The lane of a message; what has no key goes by its id, and so to any.
fn lane_of(message: &Message, lanes: usize) -> usize {
    let key = envelope::ordering_key(message).unwrap_or_else(|| envelope::identity(message));
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    let lanes = u64::try_from(lanes.max(1)).unwrap_or(u64::MAX);
    usize::try_from(hasher.finish() % lanes).unwrap_or_default()
}
