//! Consuming with acknowledgements that stand for half of the prefetch.

use std::task::{Context, Waker};

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};

use crate::Failure;
use crate::message::Sent;
use crate::plan::{Plan, QUEUE, Span};
use crate::prepare::connect;

pub async fn run(plan: &Plan) -> Result<(), Failure> {
    let connection = connect(plan).await?;
    let channel = connection.create_channel().await?;
    let mut deliveries = start(&channel, plan.window).await?;
    let each = u64::from(plan.window / 2).max(1);
    let mut span = None;
    for number in 1..=plan.messages {
        let delivery = deliveries.next().await.ok_or("the broker ended the consumer")??;
        span.get_or_insert_with(Span::begin);
        handle(&delivery)?;
        if number % each == 0 || number == plan.messages {
            acknowledge(&channel, delivery.delivery_tag);
        }
    }
    span.ok_or("nothing to consume")?.end(plan.messages);
    // Behind the last acknowledgement.
    channel.close(200, "done".into()).await?;
    connection.close(200, "done".into()).await?;
    Ok(())
}

/// Starts to consume.
pub async fn start(channel: &Channel, prefetch: u16) -> Result<Consumer, Failure> {
    channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
    let options = BasicConsumeOptions::default();
    Ok(channel.basic_consume(QUEUE.into(), "bench".into(), options, FieldTable::default()).await?)
}

/// What every handler does at least.
pub fn handle(delivery: &Delivery) -> Result<Sent, Failure> {
    let sent: Sent = serde_json::from_slice(&delivery.data)?;
    if sent.text.is_empty() || sent.number == 0 {
        return Err("an event without content".into());
    }
    Ok(sent)
}

/// Acknowledges everything up to `tag` without waiting until that is written.
pub fn acknowledge(channel: &Channel, tag: u64) {
    let ack = std::pin::pin!(channel.basic_ack(tag, BasicAckOptions { multiple: true }));
    // The first poll hands the frame over.
    let _ = ack.poll(&mut Context::from_waker(Waker::noop()));
}
