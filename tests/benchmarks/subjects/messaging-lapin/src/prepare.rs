//! The queue: declared as docs/wire.md says, and empty.

use lapin::options::{
    ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions, QueuePurgeOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ConnectionProperties, ExchangeKind};

use crate::Failure;
use crate::plan::{EXCHANGE, KEY, Plan, QUEUE, STORED};

/// A connection; dropped, it ends.
pub async fn connect(plan: &Plan) -> Result<Connection, Failure> {
    Ok(Connection::connect(&plan.uri, ConnectionProperties::default()).await?)
}

/// Declares what is needed, and empties the queue.
pub async fn run(plan: &Plan) -> Result<(), Failure> {
    let connection = connect(plan).await?;
    let channel = connection.create_channel().await?;
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare(EXCHANGE.into(), ExchangeKind::Topic, durable, FieldTable::default()).await?;
    let parking = format!("{QUEUE}.dlq");
    let kept = [("x-queue-type", "quorum"), ("x-overflow", "reject-publish")];
    declare(&channel, &parking, &kept, i32::MAX.into()).await?;
    let arguments = [
        ("x-queue-type", "quorum"),
        ("x-overflow", "reject-publish"),
        ("x-dead-letter-exchange", ""),
        ("x-dead-letter-routing-key", parking.as_str()),
        ("x-dead-letter-strategy", "at-least-once"),
    ];
    // A queue that was read is no longer what it was: each sample has a new one.
    channel.queue_delete(QUEUE.into(), QueueDeleteOptions::default()).await?;
    declare(&channel, QUEUE, &arguments, 1_000).await?;
    for key in [KEY, STORED] {
        let (options, none) = (QueueBindOptions::default(), FieldTable::default());
        channel.queue_bind(QUEUE.into(), EXCHANGE.into(), key.into(), options, none).await?;
    }
    channel.queue_purge(parking.into(), QueuePurgeOptions::default()).await?;
    connection.close(200, "done".into()).await?;
    Ok(())
}

async fn declare(
    channel: &Channel,
    queue: &str,
    arguments: &[(&str, &str)],
    delivery_limit: i64,
) -> Result<(), Failure> {
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        table.insert((*name).into(), AMQPValue::LongString((*value).into()));
    }
    table.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(delivery_limit));
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(queue.into(), durable, table).await?;
    Ok(())
}

/// Prints how many messages wait in the queue, and how many are parked.
pub async fn count(plan: &Plan) -> Result<(), Failure> {
    let connection = connect(plan).await?;
    let channel = connection.create_channel().await?;
    let passive = || QueueDeclareOptions { passive: true, durable: true, ..QueueDeclareOptions::default() };
    let waiting = channel.queue_declare(QUEUE.into(), passive(), FieldTable::default()).await?.message_count();
    let parked = channel.queue_declare(format!("{QUEUE}.dlq").into(), passive(), FieldTable::default()).await?;
    println!("{}", serde_json::json!({ "waiting": waiting, "parked": parked.message_count() }));
    connection.close(200, "done".into()).await?;
    Ok(())
}
