//! Removing bindings and queues.

use std::time::Duration;

use lapin::options::QueueDeleteOptions;
use lapin::types::FieldTable;
use tokio::time::{Instant, sleep};
use tracing::error;

use super::inspect::{Page, answered, channel, close, counts, link, name, passively};
use super::side::Side;
use crate::messaging::Message;
use crate::messaging::driver::{Binding, BrowseError, DeleteError};

/// For how long it is awaited that a queue does not count a look any more …
const SETTLING: Duration = Duration::from_secs(1);
/// … and how often it is asked meanwhile.
const PAUSE: Duration = Duration::from_millis(20);

/// Removes a binding; one that there is not is passed over, and so is one of a queue or an exchange that there is not.
pub(super) async fn unbind(side: &Side, binding: &Binding) -> Result<(), BrowseError> {
    let (queue, exchange, key) = (name(&binding.queue)?, name(&binding.exchange)?, name(&binding.routing_key)?);
    let link = link(side).await?;
    let channel = channel(&link).await?;
    match answered(&queue, channel.queue_unbind(queue.clone(), exchange, key, FieldTable::default())).await {
        Ok(()) => close(&channel).await,
        // The broker has closed the channel with its answer.
        Err(BrowseError::NoQueue(_)) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Deletes a queue that is empty and that nobody reads. It is looked at first, as RabbitMQ answers the wish to delete a quorum queue
/// only if it is empty or unused by closing the connection.
///
/// What is sent to it after that look, by its name or by a binding that nobody has told us of, is `rescued`: a consumer of ours
/// is there before the look, and a queue applies what is sent to it, what is delivered of it and its end in one order. So whatever the
/// queue took has been delivered when the broker ends the consumer. What is on its way to it at that very moment the broker confirms
/// though there is no queue any more; nobody gets that.
///
/// `forget` is called in between, so that nobody declares the queue again who finds it missing.
pub(super) async fn delete(
    side: &Side,
    queue: &str,
    rescued: &mut Vec<Message>,
    forget: impl FnOnce(),
) -> Result<(), DeleteError> {
    match settled(side, queue).await {
        Ok((0, 0)) => {}
        Ok((_, consumers @ 1..)) => return Err(DeleteError::InUse { consumers }),
        Ok((messages, 0)) => return Err(DeleteError::NotEmpty { messages }),
        Err(BrowseError::NoQueue(_)) => {
            forget();
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    }
    let queue = name(queue)?;
    let link = link(side).await?;
    let channel = channel(&link).await?;
    let mut catching = Page::catching(&link, &queue).await?;
    let found = passively(&channel, &queue).await?;
    let others = u64::from(found.consumer_count()).saturating_sub(1);
    if others > 0 || found.message_count() > 0 || catching.has_any() {
        let messages = catching.give_back(&queue, &channel).await?.max(1);
        close(&channel).await;
        return Err(match others {
            0 => DeleteError::NotEmpty { messages },
            consumers => DeleteError::InUse { consumers },
        });
    }
    forget();
    let deleted = answered(&queue, channel.queue_delete(queue.clone(), QueueDeleteOptions::default())).await;
    // Where it was refused the queue is there as before, and gets back what was caught when the channel is closed. Where the answer was
    // lost the queue may be gone: at worst what was caught is there twice.
    if !matches!(deleted, Err(BrowseError::Refused(_))) {
        rescued.extend(catching.rest().await);
    }
    let left = deleted?;
    if left > 0 {
        error!(
            queue = queue.as_str(),
            messages = left,
            "more messages came into a queue while it was deleted than could be caught"
        );
    }
    close(&channel).await;
    Ok(())
}

/// How many messages and consumers a queue has. A look that is over is counted as a consumer for a moment, until the queue knows what
/// became of all that it was delivered.
async fn settled(side: &Side, queue: &str) -> Result<(u64, u64), BrowseError> {
    let until = Instant::now() + SETTLING;
    loop {
        match counts(side, queue).await? {
            (_, 1..) if Instant::now() < until => sleep(PAUSE).await,
            counted => return Ok(counted),
        }
    }
}
