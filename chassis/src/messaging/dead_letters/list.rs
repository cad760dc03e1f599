use std::time::SystemTime;

use serde::Serialize;

use super::desk::{Pile, SCAN};
use super::{DeadLetterError, DeadLetters, Filter, Letter, Opened};
use crate::messaging::driver::Seen;

/// The dead letters of one queue, in figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QueueSummary {
    /// The queue that they came from; with `.unmatched` behind it where they are of a type that its handler is not for.
    pub queue: String,
    /// How many there are.
    pub letters: u64,
    /// For how long the first of them has been parked, in whole seconds.
    pub oldest_seconds: Option<u64>,
    /// Why the figures can't be had, if they can't.
    pub fault: Option<String>,
}

/// Dead letters of one queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// As in [`QueueSummary::queue`].
    pub queue: String,
    /// How many there are in all.
    pub depth: u64,
    /// How many were looked at.
    pub seen: u64,
    /// Those that fit, in the order of the queue.
    pub letters: Vec<Letter>,
    /// Whether there are some that were not looked at, since enough were found or there are too many.
    pub more: bool,
}

impl DeadLetters {
    /// What there is, queue by queue.
    pub async fn summary(&self) -> Vec<QueueSummary> {
        let mut summaries = Vec::new();
        for queue in self.piles() {
            let (letters, oldest_seconds, fault) = match self.head(&queue).await {
                Ok((letters, parked_at)) => (letters, parked_at.map(|at| age(at).as_secs()), None),
                // Nothing was ever parked.
                Err(DeadLetterError::NeverDeclared(_)) => (0, None, None),
                Err(error) => (0, None, Some(error.to_string())),
            };
            summaries.push(QueueSummary { queue, letters, oldest_seconds, fault });
        }
        summaries
    }

    /// How many letters of `queue` there are, and when the first was parked.
    pub(super) async fn head(&self, queue: &str) -> Result<(u64, Option<SystemTime>), DeadLetterError> {
        let mut turn = self.look(queue, 1).await?;
        let parked_at = turn.look.next().await?.and_then(|seen| Letter::of(&seen.message).parked_at);
        turn.look.finish().await?;
        Ok((turn.depth, parked_at))
    }

    /// The first `most` letters of `queue` that fit. Their bodies are not shown.
    ///
    /// # Errors
    /// The queue is not the service's, or the broker can't be asked.
    pub async fn list(&self, queue: &str, filter: &Filter, most: usize) -> Result<Listing, DeadLetterError> {
        let mut turn = self.look(queue, SCAN).await?;
        let (mut letters, mut seen) = (Vec::new(), 0);
        while letters.len() < most
            && let Some(Seen { message, .. }) = turn.look.next().await?
        {
            seen += 1;
            let letter = Letter::of(&message);
            if filter.fits(&letter) {
                letters.push(letter);
            }
        }
        turn.look.finish().await?;
        let (queue, depth) = (Pile::named(queue).name(), turn.depth);
        Ok(Listing { queue, depth, seen, letters, more: seen < depth })
    }

    /// The letter of that id with everything in it; `None` when there is none.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub async fn open(&self, queue: &str, id: &str) -> Result<Option<Opened>, DeadLetterError> {
        let mut turn = self.look(queue, SCAN).await?;
        let mut found = None;
        while found.is_none()
            && let Some(Seen { message, .. }) = turn.look.next().await?
        {
            // Most have their id in plain sight.
            if message.id == id || (message.id.is_empty() && Letter::of(&message).id == id) {
                found = Some(message);
            }
        }
        turn.look.finish().await?;
        Ok(found.map(Opened::of))
    }
}

/// Clocks of two machines may differ a little; nothing is parked in the future.
pub(super) fn age(parked_at: SystemTime) -> std::time::Duration {
    SystemTime::now().duration_since(parked_at).unwrap_or_default()
}
