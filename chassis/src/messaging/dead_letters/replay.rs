use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::desk::{Pile, SCAN, Turn};
use super::{DeadLetterError, DeadLetters, Letter, Selection};
use crate::messaging::Message;
use crate::messaging::driver::{Outgoing, PublishError, Seen};
use crate::messaging::envelope::rfc3339;
use crate::messaging::names::{self, headers};

/// For how long one message may wait for its confirmation.
const PATIENCE: Duration = Duration::from_secs(30);
/// After this time a run ends; another one goes on.
const RUN: Duration = Duration::from_secs(60);
/// What parking and the broker wrote, which a message that begins anew does not have.
const OF_ITS_DEATH: [&str; 7] = [
    headers::ATTEMPT,
    headers::LEFT_TO_OTHERS,
    headers::QUEUE,
    headers::REASON,
    headers::ERROR,
    headers::PARKED_AT,
    headers::FIRST_FAILED_AT,
];

/// An order to send dead letters back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// Which.
    pub selection: Selection,
    /// How many at most.
    pub most: u64,
    /// How many in a second at most, so that the handlers keep up with them and with what else comes.
    pub per_second: u32,
}

/// What became of an order to replay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// How many letters are in their queue again.
    pub replayed: u64,
    /// How many were left where they are since their time is over.
    pub expired: u64,
    /// How many were looked at.
    pub seen: u64,
    /// Whether there are some that were not looked at, since enough were replayed, the time was over or there are too many.
    pub more: bool,
    /// What ended it early; everything from there on is where it was.
    pub stopped: Option<String>,
}

impl DeadLetters {
    /// Sends letters back to the queue that they came from, one after the other, in their order: each is published, confirmed
    /// and only then removed.
    ///
    /// They keep their ids, begin anew with their first attempt, and carry the headers `x-chassis-replayed-at` and
    /// `x-chassis-replays`. Letters whose time is over stay, since their handler would drop them. A run ends after a minute.
    ///
    /// # Errors
    /// The queue is not the service's, or the broker can't be asked. A failure after the first letter was sent is no error,
    /// but is said in [`Replayed::stopped`].
    pub async fn replay(&self, queue: &str, order: &Replay) -> Result<Replayed, DeadLetterError> {
        let mut turn = self.look(queue, SCAN).await?;
        let mut done = Replayed::default();
        done.stopped = self.run(&mut turn, Pile::named(queue).queue, order, &mut done).await.err();
        let Turn { look, depth, .. } = turn;
        if let Err(error) = look.finish().await {
            // What was sent stays sent; what could not be removed is found again, and absorbed by the inbox when it is replayed.
            done.stopped.get_or_insert_with(|| error.to_string());
        }
        self.shared.metrics.replayed(queue, done.replayed);
        done.more = done.seen < depth;
        Ok(done)
    }

    async fn run(&self, turn: &mut Turn, queue: &str, order: &Replay, done: &mut Replayed) -> Result<(), String> {
        let until = Instant::now() + RUN;
        let mut pace = interval(Duration::from_secs(1) / order.per_second.max(1));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let text = |error: &dyn std::fmt::Display| error.to_string();
        while done.replayed < order.most && Instant::now() < until {
            let Some(Seen { place, message }) = turn.look.next().await.map_err(|error| text(&error))? else { break };
            let letter = Letter::of(&message);
            if order.selection.fits(&letter) && letter.expired {
                done.expired += 1;
            } else if order.selection.fits(&letter) {
                pace.tick().await;
                self.send_back(queue, message).await.map_err(|error| text(&error))?;
                crate::failpoint!("dead_letters.after-republish-before-ack");
                done.replayed += 1;
                turn.look.remove(place).await.map_err(|error| text(&error))?;
            }
            done.seen += 1;
        }
        Ok(())
    }

    async fn send_back(&self, queue: &str, message: Message) -> Result<(), PublishError> {
        let outgoing = Outgoing {
            exchange: Cow::Borrowed(""),
            routing_key: queue.to_owned().into(),
            mandatory: true,
            message: renewed(message),
            deadline: Instant::now() + PATIENCE,
        };
        self.shared.driver.publish(outgoing).await
    }
}

/// The message as it was before it was ever tried, but for the note that it was replayed.
fn renewed(mut message: Message) -> Message {
    let replays: u32 = message.headers.get(headers::REPLAYS).and_then(|text| text.parse().ok()).unwrap_or(0);
    message.headers.retain(|name, _| !OF_ITS_DEATH.contains(&name) && !names::is_brokers(name));
    message.headers.insert(headers::REPLAYS, replays.saturating_add(1).to_string());
    message.headers.insert(headers::REPLAYED_AT, rfc3339(SystemTime::now()).unwrap_or_default());
    message
}
