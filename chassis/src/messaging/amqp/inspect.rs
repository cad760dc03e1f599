//! Looking into a queue, for which AMQP has no words: messages are consumed without being settled, and given back by closing
//! the channel.
//!
//! A quorum queue keeps the order of what it is given back at once by one consumer, and mixes it up in every other way: when
//! messages are returned singly, by `basic.nack` of several, or by two consumers at the same time. Hence *pages*: channels
//! with one consumer each, which are closed one after the other, and each only when the queue counts again what the one
//! before held. That count is awaited at the end too, so that the next look finds everything.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use lapin::Channel;
use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions};
use lapin::types::{FieldTable, ShortString};
use tokio::time::{Instant, sleep, timeout};

use super::link::Link;
use super::side::Side;
use super::{encode, error};
use crate::BoxFuture;
use crate::messaging::Message;
use crate::messaging::driver::{BrowseError, Browser, Seen};

/// How many messages one page holds, and so how many bodies may be in memory at once.
const PAGE: u16 = 250;
/// Who looks has a person waiting: for how long for a connection, and for any answer of the broker.
const PATIENCE: Duration = Duration::from_secs(5);
/// After how long without a message it is asked whether somebody else has the rest.
const QUIET: Duration = Duration::from_secs(1);
/// For how long it is awaited that the queue counts what it was given back.
const SETTLING: Duration = Duration::from_secs(3);

/// How many messages of `queue` wait to be delivered, and how many consumers read it.
pub(super) async fn counts(side: &Side, queue: &str) -> Result<(u64, u64), BrowseError> {
    let queue = name(queue)?;
    let link = link(side).await?;
    let channel = channel(&link).await?;
    let declared = passively(&channel, &queue).await;
    close(&channel).await;
    declared.map(|declared| (declared.message_count().into(), declared.consumer_count().into()))
}

/// A look at a queue over channels of its own. When it is dropped unfinished, lapin closes them.
pub(super) struct Look {
    link: Arc<Link>,
    queue: ShortString,
    /// Only asked how many messages wait.
    census: Channel,
    left: u64,
    pages: Vec<Page>,
}

pub(super) struct Page {
    channel: Channel,
    stream: lapin::Consumer,
    held: u64,
}

impl Look {
    pub(super) async fn open(side: &Side, queue: &str, most: usize) -> Result<Self, BrowseError> {
        let queue = name(queue)?;
        let link = link(side).await?;
        let census = channel(&link).await?;
        let left = ready(&census, &queue).await?.min(most as u64);
        Ok(Self { link, queue, census, left, pages: Vec::new() })
    }

    async fn advance(&mut self) -> Result<Option<Seen>, BrowseError> {
        if self.left == 0 {
            return Ok(None);
        }
        if self.pages.last().is_none_or(|page| page.held >= u64::from(PAGE)) {
            self.pages.push(Page::open(&self.link, &self.queue, self.left).await?);
        }
        let number = self.pages.len() as u64 - 1;
        let Some(page) = self.pages.last_mut() else { return Ok(None) };
        let until = Instant::now() + PATIENCE;
        let delivery = loop {
            match timeout(QUIET, page.stream.next()).await {
                Ok(Some(Ok(delivery))) => break delivery,
                Ok(Some(Err(error))) => return Err(lost(&error)),
                Ok(None) => return Err(BrowseError::NotConnected("the broker ended the look".to_owned())),
                // A broker that is busy has them still; otherwise somebody else looks at them.
                Err(_) if Instant::now() < until && ready(&self.census, &self.queue).await? > 0 => {}
                Err(_) => {
                    self.left = 0;
                    return Ok(None);
                }
            }
        };
        page.held += 1;
        self.left -= 1;
        // Tags count from one on each channel, and no page comes near to 2^32 of them.
        let place = number << 32 | delivery.delivery_tag;
        Ok(Some(Seen { place, message: encode::decode(&delivery.properties, delivery.data) }))
    }

    async fn discard(&mut self, place: u64) -> Result<(), BrowseError> {
        let number = usize::try_from(place >> 32).unwrap_or(usize::MAX);
        let Some(page) = self.pages.get_mut(number) else { return Ok(()) };
        let acked = page.channel.basic_ack(place & u64::from(u32::MAX), BasicAckOptions::default()).await;
        acked.map_err(|error| lost(&error))?;
        page.held = page.held.saturating_sub(1);
        Ok(())
    }

    async fn end(self) -> Result<(), BrowseError> {
        let Self { queue, census, pages, .. } = self;
        for page in pages {
            page.give_back(&queue, &census).await?;
        }
        close(&census).await;
        Ok(())
    }
}

impl Page {
    async fn open(link: &Link, queue: &ShortString, left: u64) -> Result<Self, BrowseError> {
        // No more than is wanted, so that the rest of the queue is left alone.
        Self::holding(link, queue, u16::try_from(left).unwrap_or(PAGE).clamp(1, PAGE)).await
    }

    /// One that takes in whatever comes.
    pub(super) async fn catching(link: &Link, queue: &ShortString) -> Result<Self, BrowseError> {
        Self::holding(link, queue, u16::MAX).await
    }

    async fn holding(link: &Link, queue: &ShortString, prefetch: u16) -> Result<Self, BrowseError> {
        let channel = channel(link).await?;
        let consuming = async {
            channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
            let tag = ShortString::default();
            channel.basic_consume(queue.clone(), tag, BasicConsumeOptions::default(), FieldTable::default()).await
        };
        let stream = answered(queue, consuming).await?;
        Ok(Self { channel, stream, held: 0 })
    }

    /// Whether something has come.
    pub(super) fn has_any(&mut self) -> bool {
        let any = matches!(self.stream.next().now_or_never(), Some(Some(Ok(_))));
        self.held += u64::from(any);
        any
    }

    /// What comes until the broker ends the consumer, as it does with its queue.
    pub(super) async fn rest(mut self) -> Vec<Message> {
        let mut rest = Vec::new();
        while let Ok(Some(Ok(delivery))) = timeout(PATIENCE, self.stream.next()).await {
            rest.push(encode::decode(&delivery.properties, delivery.data));
        }
        rest
    }

    /// Closes the channel, and waits until the queue counts what it held; says how much the queue counts then.
    pub(super) async fn give_back(mut self, queue: &ShortString, census: &Channel) -> Result<u64, BrowseError> {
        let tag = self.stream.tag();
        answered(queue, self.channel.basic_cancel(tag, BasicCancelOptions::default())).await?;
        // What came into the place of something that was removed, and that nobody wanted to see any more.
        while let Ok(Some(Ok(_))) = timeout(PATIENCE, self.stream.next()).await {
            self.held += 1;
        }
        let expected = ready(census, queue).await? + self.held;
        answered(queue, self.channel.close(200, "looked at".into())).await?;
        let until = Instant::now() + SETTLING;
        let mut pause = Duration::from_millis(2);
        // Never reached when others remove messages meanwhile, hence the limit.
        loop {
            let counted = ready(census, queue).await?;
            if counted >= expected || Instant::now() >= until {
                return Ok(counted);
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}

impl Browser for Look {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Seen>, BrowseError>> {
        Box::pin(self.advance())
    }

    fn remove(&mut self, place: u64) -> BoxFuture<'_, Result<(), BrowseError>> {
        Box::pin(self.discard(place))
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), BrowseError>> {
        Box::pin(self.end())
    }
}

pub(super) async fn link(side: &Side) -> Result<Arc<Link>, BrowseError> {
    side.clone().link_until(Instant::now() + PATIENCE).await.map_err(BrowseError::NotConnected)
}

pub(super) async fn channel(link: &Link) -> Result<Channel, BrowseError> {
    link.channel().await.map_err(|error| lost(&error))
}

async fn ready(channel: &Channel, queue: &ShortString) -> Result<u64, BrowseError> {
    Ok(passively(channel, queue).await?.message_count().into())
}

/// The queue as it is.
pub(super) async fn passively(channel: &Channel, queue: &ShortString) -> Result<lapin::Queue, BrowseError> {
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    answered(queue, channel.queue_declare(queue.clone(), options, FieldTable::default())).await
}

pub(super) async fn close(channel: &Channel) {
    // Fails when the channel is gone, and then there is nothing to close.
    let _ = timeout(PATIENCE, channel.close(200, "looked at".into())).await;
}

pub(super) async fn answered<T>(
    queue: &ShortString,
    asked: impl Future<Output = lapin::Result<T>>,
) -> Result<T, BrowseError> {
    match timeout(PATIENCE, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) if error::code(&error) == Some(404) => Err(BrowseError::NoQueue(queue.as_str().to_owned())),
        Ok(Err(error)) if error.is_amqp_soft_error() => Err(BrowseError::Refused(error::words(&error))),
        Ok(Err(error)) => Err(lost(&error)),
        Err(_) => Err(BrowseError::NotConnected(format!("no answer from the broker within {PATIENCE:?}"))),
    }
}

fn lost(error: &lapin::Error) -> BrowseError {
    BrowseError::NotConnected(error::words(error))
}

/// What is too long for a name is the name of no queue.
pub(super) fn name(queue: &str) -> Result<ShortString, BrowseError> {
    ShortString::try_new(queue).map_err(|_| BrowseError::NoQueue(queue.to_owned()))
}
