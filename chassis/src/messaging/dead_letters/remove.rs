use serde::Serialize;

use super::desk::SCAN;
use super::{DeadLetterError, DeadLetters, Letter, Selection};
use crate::messaging::driver::Seen;

/// What became of an order to discard.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Discarded {
    /// How many letters are gone.
    pub discarded: u64,
    /// How many were looked at.
    pub seen: u64,
    /// Whether there are some that were not looked at.
    pub more: bool,
}

impl DeadLetters {
    /// Removes the first `most` letters that are selected, for good.
    ///
    /// # Errors
    /// The queue is not the service's, or the broker can't be asked; when the connection is lost on the way some may be gone.
    pub async fn discard(&self, queue: &str, selection: &Selection, most: u64) -> Result<Discarded, DeadLetterError> {
        let mut turn = self.look(queue, SCAN).await?;
        let mut done = Discarded::default();
        while done.discarded < most
            && let Some(Seen { place, message }) = turn.look.next().await?
        {
            done.seen += 1;
            if selection.fits(&Letter::of(&message)) {
                turn.look.remove(place).await?;
                done.discarded += 1;
            }
        }
        // Before that nothing is certain.
        turn.look.finish().await?;
        self.shared.metrics.discarded(queue, done.discarded);
        done.more = done.seen < turn.depth;
        Ok(done)
    }
}
