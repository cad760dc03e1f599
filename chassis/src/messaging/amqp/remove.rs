//! Removing bindings and queues.

use lapin::options::QueueDeleteOptions;
use lapin::types::FieldTable;
use tracing::error;

use super::inspect::{answered, channel, close, counts, link, name};
use super::side::Side;
use crate::messaging::driver::{Binding, BrowseError, DeleteError};

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

/// Deletes a queue that is empty and that nobody reads. Looked at first, as RabbitMQ answers the wish to delete a quorum queue only
/// if it is empty or unused by closing the connection.
///
/// `forget` is called in between, so that nobody declares the queue again who finds it missing.
pub(super) async fn delete(side: &Side, queue: &str, forget: impl FnOnce()) -> Result<(), DeleteError> {
    let (messages, consumers) = match counts(side, queue).await {
        Ok(counts) => counts,
        Err(BrowseError::NoQueue(_)) => {
            forget();
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    if consumers > 0 {
        return Err(DeleteError::InUse { consumers });
    }
    if messages > 0 {
        return Err(DeleteError::NotEmpty { messages });
    }
    forget();
    let queue = name(queue)?;
    let link = link(side).await?;
    let channel = channel(&link).await?;
    let deleted = answered(&queue, channel.queue_delete(queue.clone(), QueueDeleteOptions::default())).await?;
    if deleted > 0 {
        // Somebody sent them in the same millisecond, by the name of the queue or by a binding that nobody has told us of.
        error!(
            queue = queue.as_str(),
            messages = deleted,
            "messages came into a queue while it was deleted, and are lost"
        );
    }
    close(&channel).await;
    Ok(())
}
