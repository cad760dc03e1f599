//! One message at a time, to see whether it works again.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::supervisor::{Ended, Signals, Supervisor, broker_ended, give_back};
use crate::messaging::driver::{Consumer, Incoming};

/// How long a probe waits for a message that has not failed before.
const PATIENCE: Duration = Duration::from_secs(1);

impl Supervisor {
    /// Handles one delivery at a time until the stage changes: by a success, or by one more failure.
    ///
    /// A message that failed before is passed over as long as there are others, lest a few that are bad themselves keep the
    /// listener from ever finding out that it works.
    pub(super) async fn probe(&self, consumer: &mut dyn Consumer, signals: &mut Signals) -> Ended {
        let mut interrupted = pin!(self.interrupted(signals));
        let mut patience = pin!(sleep(PATIENCE));
        // Whoever still runs ends first.
        let _places = tokio::select! {
            biased;
            ended = &mut interrupted => return ended,
            Ok(all) = self.places.clone().acquire_many_owned(self.concurrency().into()) => all,
            () = consumer.keep() => return broker_ended(),
        };
        let suspects = self.flow.suspects();
        let mut passed_over = VecDeque::new();
        let ended = loop {
            let probed = tokio::select! {
                biased;
                ended = &mut interrupted => break ended,
                next = consumer.next() => match next {
                    None => break broker_ended(),
                    Some(suspect) if self.is_one_of(&suspects, &suspect) => {
                        patience.as_mut().reset(Instant::now() + PATIENCE);
                        passed_over.push_back(suspect);
                        if passed_over.len() <= suspects.len() {
                            continue;
                        }
                        // There is no room for others, and of those that share a key the first comes first.
                        match passed_over.pop_front() {
                            Some(oldest) => oldest,
                            None => continue,
                        }
                    }
                    Some(fresh) => fresh,
                },
                () = &mut patience, if !passed_over.is_empty() => match passed_over.pop_front() {
                    Some(oldest) => oldest,
                    None => continue,
                },
            };
            let mut probing = self.running.spawn(self.handle(probed, None));
            let ended = tokio::select! {
                biased;
                ended = &mut interrupted => Some(ended),
                _ = &mut probing => None,
                () = consumer.keep() => Some(broker_ended()),
            };
            if let Some(ended) = ended {
                // What it was given goes back before what was passed over for it. It ends by itself, or is abandoned.
                let _ = probing.await;
                break ended;
            }
            patience.as_mut().reset(Instant::now() + PATIENCE);
        };
        for incoming in passed_over {
            give_back(incoming).await;
        }
        ended
    }

    fn is_one_of(&self, suspects: &[Arc<str>], incoming: &Incoming) -> bool {
        let this = self.worker.suspect(&incoming.message);
        suspects.iter().any(|suspect| **suspect == *this)
    }
}
