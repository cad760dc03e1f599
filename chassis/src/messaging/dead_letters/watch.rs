use std::time::{Duration, SystemTime};

use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::desk::Pile;
use super::list::age;
use super::{DeadLetterError, DeadLetterSettings, DeadLetters};
use crate::Context;
use crate::telemetry::metrics::Gauge;

/// How soon it is tried again what could not be measured, as at start, before the queues are there.
const AGAIN: Duration = Duration::from_secs(5);
/// Every so many times the first letter is looked at even where the number is the same: one may have gone and another come.
const LOOK_EVERY: u32 = 20;

/// Measures depth and age of the dead letters from time to time. Dropped, it ends.
#[derive(Debug)]
pub struct Watch {
    task: JoinHandle<()>,
}

/// What is known of one queue.
struct Measured {
    queue: String,
    depth: Gauge,
    oldest: Gauge,
    last: Option<(u64, Option<SystemTime>)>,
}

impl Watch {
    /// Starts, with a first measurement at once.
    pub fn start(letters: DeadLetters, settings: &DeadLetterSettings) -> Self {
        let context = Context { service: Some(letters.service()), ..Context::default() };
        Self { task: tokio::spawn(context.scope(run(letters, settings.measure))) }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(letters: DeadLetters, every: Duration) {
    let mut queues: Vec<Measured> = Vec::new();
    for round in 0_u32.. {
        let mut complete = true;
        let piles = letters.piles();
        queues.retain(|known| {
            let stays = piles.contains(&known.queue);
            if !stays {
                known.show(0, None);
            }
            stays
        });
        for pile in piles {
            if !queues.iter().any(|known| known.queue == pile) {
                queues.push(Measured::new(&letters, pile));
            }
        }
        for queue in &mut queues {
            if round % LOOK_EVERY == 0 {
                queue.last = None;
            }
            // Of a queue that is not read any more there may be nothing to measure, now or later.
            complete &= queue.measure(&letters).await.is_ok() || !letters.reads(&queue.queue);
        }
        sleep(if complete { every } else { every.min(AGAIN) }).await;
    }
}

impl Measured {
    fn new(letters: &DeadLetters, queue: String) -> Self {
        let (depth, oldest) = letters.shared.metrics.gauges(&queue);
        Self { queue, depth, oldest, last: None }
    }

    /// Asks for the number alone, and for the first letter only when the number has changed: a look, though it changes
    /// nothing, is work for the broker.
    async fn measure(&mut self, letters: &DeadLetters) -> Result<(), DeadLetterError> {
        let depth = letters.shared.driver.depth(&Pile::named(&self.queue).parking()).await?;
        let parked_at = match self.last {
            _ if depth == 0 => None,
            Some((last, parked_at)) if last == depth => parked_at,
            _ => letters.head(&self.queue).await?.1,
        };
        self.last = Some((depth, parked_at));
        self.show(depth, parked_at);
        Ok(())
    }

    fn show(&self, depth: u64, parked_at: Option<SystemTime>) {
        self.depth.set(depth);
        self.oldest.set(parked_at.map(age).unwrap_or_default().as_secs_f64());
    }
}
