//! A channel to publish on, and what goes over it.

use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{Channel, PublisherConfirm};
use tokio::time::{sleep, timeout};

use super::super::confirms::{Confirms, Told};
use super::super::encode::Encoded;
use super::super::error;
use super::super::link::Link;
use super::request::Answer;
use crate::messaging::driver::{Outgoing, PublishError};
use crate::telemetry::metrics::Counter;

/// How often lapin is asked whether it knows that a channel is closed, and for how long.
const KNOWN: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(5));
/// How long the broker may take to answer `confirm.select`.
const SELECT: Duration = Duration::from_secs(10);

/// Why there is no channel.
pub(super) struct Unopened {
    pub(super) why: String,
    /// The broker has not answered.
    pub(super) silence: bool,
}

/// A channel that confirms what comes over it, which the link listens to.
pub(super) async fn open(link: &Link) -> Result<Channel, Unopened> {
    let channel = link.channel().await;
    let channel =
        channel.map_err(|error| Unopened { why: error::words(&error), silence: error::is_silence(&error) })?;
    let confirms = link.confirms();
    confirms.listen(channel.id());
    let selecting = async {
        tokio::select! {
            biased;
            // lapin does not get to see the answer.
            result = channel.confirm_select(ConfirmSelectOptions::default()) => result.map_err(|error| error::words(&error)),
            result = selected(confirms) => result,
        }
    };
    let why = match timeout(SELECT, selecting).await {
        Ok(Ok(())) => return Ok(channel),
        Ok(Err(why)) => Unopened { why, silence: false },
        Err(_) => return Err(Unopened { why: "no answer to confirm.select".to_owned(), silence: true }),
    };
    known(&channel).await;
    Err(why)
}

/// Waits until lapin knows that the broker has closed a channel, as we heard of it first. One that is dropped before is closed by lapin as well,
/// which takes the whole connection for broken when that fails.
pub(super) async fn known(channel: &Channel) {
    let (often, long) = KNOWN;
    let known = async {
        while channel.status().connected() {
            sleep(often).await;
        }
    };
    // One that is open nevertheless is closed by lapin when it is dropped.
    let _ = timeout(long, known).await;
}

/// Waits until the broker says that it confirms what comes from now on.
async fn selected(confirms: &Confirms) -> Result<(), String> {
    let mut told = Vec::new();
    loop {
        confirms.take(&mut told);
        let mut selected = false;
        for told in told.drain(..) {
            match told {
                Told::Selected => selected = true,
                Told::Closed(closed) => return Err(closed.words),
                Told::Confirmed(_) | Told::Returned(_) => {}
            }
        }
        if selected {
            return Ok(());
        }
        confirms.news().await;
    }
}

/// What is to be said of a message: whether the broker has taken responsibility for it, if a queue did.
pub(super) fn verdict(outgoing: &Outgoing, taken: bool, came_back: bool, unroutable: &Counter) -> Answer {
    if !taken {
        return Err(PublishError::Nacked);
    }
    if came_back && outgoing.mandatory {
        let (exchange, routing_key) = (outgoing.exchange.to_string(), outgoing.routing_key.to_string());
        return Err(PublishError::Unroutable { exchange, routing_key });
    }
    unroutable.add(came_back.into());
    Ok(())
}

/// Hands a message over to be sent.
pub(super) fn send(
    channel: &Channel,
    outgoing: &Outgoing,
    encoded: Encoded,
) -> impl Future<Output = lapin::Result<PublisherConfirm>> {
    let Encoded { exchange, routing_key, properties } = encoded;
    // Always, since what no queue took is to be known, and only sometimes an error.
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    channel.basic_publish(exchange, routing_key, options, &outgoing.message.body, properties)
}
