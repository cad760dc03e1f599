//! Taking an orphan out of use, without losing what is in it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::Orphans;
use crate::Error;
use crate::messaging::Message;
use crate::messaging::consumer::copy;
use crate::messaging::driver::{
    BrowseError, DeclareError, DeleteError, PublishError, Queue, QueueRole, Seen, Topology,
};
use crate::messaging::names;

/// How many messages are moved in one look.
const LOOK: usize = 10_000;
/// After this time no further look is begun; another call goes on.
const RUN: Duration = Duration::from_secs(60);

/// What is to become of the messages that wait in a queue which is retired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rest {
    /// They are moved to the queue's dead letters, where they can be looked at, and replayed should it ever get a handler again.
    Park,
    /// They are removed for good.
    Discard,
}

/// What became of a queue that was retired.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Retired {
    /// How many messages were moved to its dead letters.
    pub parked: u64,
    /// How many messages were removed for good.
    pub discarded: u64,
    /// How many dead letters are left. With none, the queues that they would be in are deleted too.
    pub letters: u64,
}

/// Why a queue was not retired.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RetireError {
    /// The service never read such a queue.
    #[error("`{service}` has never read a queue `{queue}`")]
    Unknown {
        /// The service that was asked.
        service: &'static str,
        /// The queue that it was asked for.
        queue: String,
    },
    /// A handler of this very version reads it.
    #[error("a handler of this version reads `{0}`: remove the handler first")]
    HasHandler(String),
    /// Another version may still read it.
    #[error(
        "`{queue}` was still read {} ago, perhaps by another version of the service that runs beside this one: retire it once \
         nobody has read it for {}",
        shown(.unread_for), shown(.least)
    )]
    ReadLately {
        /// The queue.
        queue: String,
        /// For how long nobody has read it.
        unread_for: Duration,
        /// For how long nobody must have read it.
        least: Duration,
    },
    /// Somebody reads it at this moment.
    #[error("{consumers} consumers read `{queue}` at this moment: stop them first")]
    InUse {
        /// The queue.
        queue: String,
        /// How many read it.
        consumers: u64,
    },
    /// Messages wait in it, and nobody has said what is to become of them, or not all could be moved yet.
    #[error(
        "{messages} messages wait in `{queue}`: say what is to become of them, `\"messages\": \"park\"` to move them to its dead \
         letters or `\"messages\": \"discard\"` to remove them for good (done so far: {} parked, {} discarded)", .done.parked, .done.discarded
    )]
    NotEmpty {
        /// The queue.
        queue: String,
        /// How many wait.
        messages: u64,
        /// What was done before.
        done: Retired,
    },
    /// The broker can't be asked, or does not allow it.
    #[error(transparent)]
    Broker(#[from] BrowseError),
    /// Where dead letters were could not be declared again for one that came while it was deleted.
    #[error("a dead letter could not be kept: {0}")]
    Declare(#[from] DeclareError),
    /// A message could not be moved to the dead letters; it is where it was.
    #[error("a message could not be moved to the dead letters: {0}")]
    Publish(#[from] PublishError),
    /// The database can't be asked.
    #[error("the database can't be asked: {0:#}")]
    Database(Error),
}

impl Orphans {
    /// Takes a queue that nobody reads any more out of use: nothing is routed to it from now on, what waits in it becomes what
    /// `rest` says, and it is deleted. Dead letters stay, and are shown as long as there are any.
    ///
    /// Called again it goes on where it ended. Nothing is lost on the way: a message is parked with a confirmation before it is
    /// removed, the queue is only deleted when it is empty, and what it takes until it is gone is parked too.
    ///
    /// # Errors
    /// The service never read the queue, somebody reads it still, messages wait in it and `rest` does not say what is to become
    /// of them, or broker or database can't be asked.
    pub async fn retire(&self, queue: &str, rest: Option<Rest>) -> Result<Retired, RetireError> {
        let _turn = self.turn.lock().await;
        self.is_orphan(queue).await?;
        let mut done = Retired::default();
        if let Some(waiting) = known(self.driver.depth(queue).await)? {
            let consumers = known(self.driver.consumers(queue).await)?.unwrap_or_default();
            if consumers > 0 {
                return Err(RetireError::InUse { queue: queue.to_owned(), consumers });
            }
            if waiting > 0 && rest.is_none() {
                return Err(RetireError::NotEmpty { queue: queue.to_owned(), messages: waiting, done });
            }
            let bindings = self.known.bindings(queue).await.map_err(RetireError::Database)?;
            self.driver.unbind(bindings).await?;
            self.empty_and_delete(queue, rest, &mut done).await?;
            tracing::info!(queue, parked = done.parked, discarded = done.discarded, "a queue was retired");
        }
        for pile in [names::parking_queue(queue), names::unmatched_queue(queue)] {
            done.letters += self.delete_pile(&pile).await?;
        }
        if done.letters == 0 {
            self.known.forget(queue).await.map_err(RetireError::Database)?;
            self.letters.forget_former(queue);
        }
        let left: Vec<_> = self.found().into_iter().filter(|orphan| orphan.queue != queue).collect();
        self.tell(&left);
        Ok(done)
    }

    /// Deletes where dead letters would be, if there are none; gives how many there are.
    async fn delete_pile(&self, pile: &str) -> Result<u64, RetireError> {
        let mut rescued = Vec::new();
        let deleted = self.driver.delete(pile, &mut rescued).await;
        let parked_meanwhile = rescued.len() as u64;
        if parked_meanwhile > 0 {
            let queues = vec![Queue { name: pile.to_owned(), role: QueueRole::Parking }];
            self.driver.declare(Topology { queues, ..Topology::default() }).await?;
        }
        for letter in rescued {
            self.put(pile.to_owned(), letter).await?;
        }
        match deleted {
            Ok(()) => Ok(parked_meanwhile),
            Err(DeleteError::NotEmpty { messages }) => Ok(messages),
            // Somebody looks at them.
            Err(DeleteError::InUse { .. }) => Ok(known(self.driver.depth(pile).await)?.unwrap_or_default()),
            Err(DeleteError::Broker(error)) => Err(error.into()),
        }
    }

    /// Whether it may be retired as far as the service itself knows.
    async fn is_orphan(&self, queue: &str) -> Result<(), RetireError> {
        let (service, queue) = (self.known.service(), queue.to_owned());
        if self.reads(&queue) {
            return Err(RetireError::HasHandler(queue));
        }
        let all = self.known.all().await.map_err(RetireError::Database)?;
        match all.into_iter().find(|(known, _)| *known == queue) {
            None => Err(RetireError::Unknown { service, queue }),
            Some((_, unread_for)) if unread_for < self.unread => {
                Err(RetireError::ReadLately { queue, unread_for, least: self.unread })
            }
            Some(_) => Ok(()),
        }
    }

    async fn empty_and_delete(&self, queue: &str, rest: Option<Rest>, done: &mut Retired) -> Result<(), RetireError> {
        let until = Instant::now() + RUN;
        let mut moved = true;
        loop {
            let mut rescued = Vec::new();
            let deleted = self.driver.delete(queue, &mut rescued).await;
            for message in rescued {
                // Where nobody has said what is to become of it, it is kept.
                match rest {
                    Some(Rest::Discard) => done.discarded += 1,
                    Some(Rest::Park) | None => {
                        self.park(queue, message).await?;
                        done.parked += 1;
                    }
                }
            }
            let messages = match deleted {
                Ok(()) => return Ok(()),
                Err(DeleteError::NotEmpty { messages }) => messages,
                Err(DeleteError::InUse { consumers }) => {
                    return Err(RetireError::InUse { queue: queue.to_owned(), consumers });
                }
                Err(DeleteError::Broker(error)) => return Err(error.into()),
            };
            moved = match rest {
                Some(rest) if moved && Instant::now() < until => self.empty(queue, rest, done).await?,
                // Nobody has said, or they come faster than they are moved, or wait where no look finds them.
                _ => return Err(RetireError::NotEmpty { queue: queue.to_owned(), messages, done: done.clone() }),
            };
        }
    }

    /// Moves what waits; says whether that was anything.
    async fn empty(&self, queue: &str, rest: Rest, done: &mut Retired) -> Result<bool, RetireError> {
        let mut look = self.driver.browse(queue, LOOK).await?;
        let mut moved = false;
        // Dropped on an error, the look gives back what it has not removed.
        while let Some(Seen { place, message }) = look.next().await? {
            match rest {
                Rest::Park => {
                    self.park(queue, message).await?;
                    look.remove(place).await?;
                    done.parked += 1;
                }
                Rest::Discard => {
                    look.remove(place).await?;
                    done.discarded += 1;
                }
            }
            moved = true;
        }
        look.finish().await?;
        Ok(moved)
    }

    async fn park(&self, queue: &str, mut message: Message) -> Result<(), PublishError> {
        let cause = "its queue was retired, as no handler read it any more";
        copy::forget_deaths(&mut message);
        copy::say_why(&mut message, queue, "retired", cause);
        self.put(names::parking_queue(queue), message).await
    }

    async fn put(&self, queue: String, message: Message) -> Result<(), PublishError> {
        let id = message.id.clone();
        let put = copy::publish(&*self.driver, String::new(), queue.clone(), message).await;
        put.inspect_err(
            |error| tracing::error!(queue, id, %error, "a message of a queue that is retired could not be moved"),
        )
    }
}

fn shown(duration: &Duration) -> humantime::FormattedDuration {
    humantime::format_duration(Duration::from_secs(duration.as_secs()))
}

/// `None` where there is no such queue.
fn known(asked: Result<u64, BrowseError>) -> Result<Option<u64>, BrowseError> {
    match asked {
        Ok(number) => Ok(Some(number)),
        Err(BrowseError::NoQueue(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
