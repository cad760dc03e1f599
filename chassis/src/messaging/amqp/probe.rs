//! Looks at the queues of the handlers now and then.
//!
//! It says how many messages wait, which no consumer can know, and makes a queue again that somebody has deleted. Its
//! consumer does so too, but only once it asks for the next delivery; while all its handlers are busy, what is published
//! would be lost.

use std::sync::Arc;
use std::time::Duration;

use lapin::Channel;
use lapin::options::QueueDeclareOptions;
use lapin::types::{FieldTable, ShortString};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::error;
use super::link::Link;
use super::side::Side;
use super::supervisor::Plan;

/// How often it looks.
const PERIOD: Duration = Duration::from_secs(5);
/// For how long the broker may take to answer for one queue.
const ANSWER: Duration = Duration::from_secs(5);
/// The AMQP code of what does not exist.
const NOT_FOUND: u16 = 404;

/// Looks until `stop` is cancelled.
pub(super) fn start(plan: Arc<Plan>, side: Side, stop: CancellationToken) {
    tokio::spawn(async move { stop.run_until_cancelled(run(&plan, side)).await });
}

async fn run(plan: &Plan, mut side: Side) {
    let mut period = interval(PERIOD);
    period.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is due at once, when there is nothing to look at yet.
    period.tick().await;
    loop {
        period.tick().await;
        let Some(link) = side.link().await else { return };
        if let Err(error) = look(plan, &link).await {
            debug!(error, "the queues could not be looked at");
        }
    }
}

async fn look(plan: &Plan, link: &Arc<Link>) -> Result<(), String> {
    let mut open = None;
    for queue in plan.registry.work_queues() {
        let channel = match open.take() {
            Some(channel) => channel,
            None => link.channel().await.map_err(|error| error::words(&error))?,
        };
        match timeout(ANSWER, ready(&channel, &queue)).await {
            Ok(Ok(ready)) => {
                plan.instruments.ready(&queue).set(ready);
                open = Some(channel);
            }
            // The broker has closed the channel with its answer.
            Ok(Err(error)) if error::code(&error) == Some(NOT_FOUND) => {
                warn!(queue, "the queue of a handler has been deleted; it is declared again");
                match plan.registry.declare_again(link, &queue).await {
                    Ok(()) => plan.instruments.redeclared.inc(),
                    // No reason not to look at the others.
                    Err(error) => warn!(queue, %error, "the queue could not be declared again"),
                }
            }
            Ok(Err(error)) if error.is_amqp_soft_error() => debug!(queue, %error, "a queue may not be looked at"),
            Ok(Err(error)) => return Err(error::words(&error)),
            // A queue without a leader does not answer; the channel is of no use any more.
            Err(_) => debug!(queue, "a queue does not answer"),
        }
    }
    Ok(())
}

/// How many messages of `queue` wait for a consumer.
async fn ready(channel: &Channel, queue: &str) -> Result<u32, lapin::Error> {
    let name = ShortString::try_new(queue).map_err(|error| std::io::Error::other(error.to_string()))?;
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    Ok(channel.queue_declare(name, options, FieldTable::default()).await?.message_count())
}
