//! Handlers on a real broker: duplicates, foreign messages, slowness.

use std::sync::Arc;
use std::time::Duration;

use chassis::data::{Database, DatabaseSettings};
use chassis::messaging::amqp::{self, Amqp, AmqpSettings};
use chassis::messaging::consumer::{Handler, Mode, SubscriptionSpec};
use chassis::messaging::driver::{Driver, Outgoing, PublishError};
use chassis::messaging::{Event, Message, Publisher};
use harness::eventually;
use harness::rabbitmq::{VirtualHost, virtual_host};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable, LongString};
use lapin::{BasicProperties, Connection, ConnectionProperties};
use tokio::sync::{Semaphore, mpsc};

use crate::kit::{metric, outgoing, settings, within};
use crate::orders::{Placed, noting, placed, publish, start, subscription};
use crate::raw::{self, Raw};

const QUEUE: &str = "stock.order-placed";
const PARKING: &str = "stock.order-placed.dlq";
const GRACE: Duration = Duration::from_secs(20);

const SPEC: SubscriptionSpec =
    SubscriptionSpec { concurrency: 1, mode: Mode::AtLeastOnce, ..subscription("order_placed") };

async fn driver(host: &VirtualHost, name: &str) -> Arc<Amqp> {
    let settings = AmqpSettings { name: name.to_owned(), ..settings(&host.uri()) };
    Arc::new(within("a connection", amqp::connect(&settings)).await.unwrap())
}

/// Messages that come twice, and connections that the operator closes under the handlers: one effect each, and the rest
/// counted.
#[tokio::test]
async fn duplicates_and_closed_connections_have_one_effect() {
    let host = virtual_host("duplicates").await;
    let driver = driver(&host, "duplicates").await;
    let folder = tempfile::tempdir().unwrap();
    let settings = DatabaseSettings::at(format!("sqlite:{}", folder.path().join("stock.db").display()));
    let db = Database::connect(&settings, "stock").await.unwrap();
    db.migrate_library().await.unwrap();
    sqlx::query("CREATE TABLE effect(place INTEGER)").execute(db.pool()).await.unwrap();
    let effect: Handler = Handler::one(|received, tx| {
        let placed = received.decode::<Placed>();
        Box::pin(async move {
            let insert = sqlx::query("INSERT INTO effect VALUES ($1)").bind(i64::from(placed?.order));
            insert.execute(tx.expect("it is transactional")).await?;
            Ok(())
        })
    });
    let spec = SubscriptionSpec { mode: Mode::Transactional, concurrency: 4, ..SPEC };
    let handle = start(&driver, spec, Some(db.clone()), effect).await;
    for order in 0..200 {
        let message = placed(order);
        publish(&driver, message.clone()).await;
        publish(&driver, message).await;
        if order % 50 == 25 {
            host.close_all_connections("for a test").await;
        }
    }
    eventually("an empty queue", async || (host.messages(QUEUE).await == Some(0)).then_some(())).await;
    let effects: Vec<i64> =
        sqlx::query_scalar("SELECT place FROM effect ORDER BY place").fetch_all(db.pool()).await.unwrap();
    assert_eq!(effects, (0..200).collect::<Vec<_>>());
    let duplicates = metric("chassis_consumer_deliveries_total", "stock", "outcome=\"duplicate\"");
    assert!(duplicates >= 200.0, "{duplicates} duplicates were counted");
    assert_eq!(host.messages(PARKING).await, Some(0));
    handle.drain(GRACE).await;
}

/// What no library of ours would send: it is parked with its cause, without a try, and the next message is handled.
#[tokio::test]
async fn foreign_messages_that_make_no_sense_are_parked() {
    let host = virtual_host("foreign").await;
    let driver = driver(&host, "foreign").await;
    let (calls, mut called) = mpsc::unbounded_channel();
    let handle = start(&driver, SPEC, None, noting(calls)).await;
    let connection = Connection::connect(&host.uri(), ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();

    let text = |text: &str| AMQPValue::LongString(text.into());
    let mut nested = FieldTable::default();
    nested.insert("deep".into(), AMQPValue::LongLongInt(1));
    let table = AMQPValue::FieldTable(nested);
    let bytes = AMQPValue::LongString(LongString::from(vec![0xff, 0xfe, 0x00]));
    let cases: Vec<(&str, AMQPValue, &str)> = vec![
        ("cloudEvents_specversion", AMQPValue::Void, "`cloudEvents_specversion` is missing or empty"),
        ("cloudEvents_specversion", table, "`cloudEvents_specversion` is `{\"deep\":1}`; expected `1.0`"),
        ("cloudEvents_id", AMQPValue::LongLongInt(7), "the same as the property message-id"),
        ("cloudEvents_type", bytes, "the same as the property type"),
        ("cloudEvents_time", text("noon"), "expected a time as in RFC 3339"),
        ("chassis-expires-at", text("18446744073709551616"), "expected milliseconds since 1970"),
        ("x-body", text("not JSON"), "the body is no `order.placed.v1`"),
        ("x-body", text("{\"order\":-1}"), "the body is no `order.placed.v1`"),
    ];
    for (number, (header, value, _)) in cases.iter().enumerate() {
        let message = placed(number as u32);
        let mut headers = FieldTable::default();
        for (name, value) in message.headers.iter() {
            headers.insert(name.into(), text(value));
        }
        headers.insert((*header).into(), value.clone());
        let properties = BasicProperties::default()
            .with_message_id(message.id.as_str().into())
            .with_type((&*message.kind).into())
            .with_content_type("application/json".into())
            .with_headers(headers);
        let body = match value {
            AMQPValue::LongString(text) if *header == "x-body" => text.as_bytes().to_vec(),
            _ => message.body.to_vec(),
        };
        let options = BasicPublishOptions::default();
        let sent = channel.basic_publish("orders.events".into(), Placed::KIND.into(), options, &body, properties).await;
        sent.unwrap().await.unwrap();
    }
    publish(&driver, placed(99)).await;
    assert_eq!(within("a call", called.recv()).await, Some(99), "the one that makes sense is handled");

    let mut parking = crate::kit::consume(&driver, PARKING, 50).await;
    for (header, _, cause) in &cases {
        let parked = crate::kit::next(&mut parking).await;
        let error = &parked.message.headers["x-chassis-error"];
        assert!(error.contains(cause), "{header}: {error}");
        parked.settle.settle(chassis::messaging::driver::Outcome::Ack).await.unwrap();
    }
    handle.drain(GRACE).await;
    assert!(called.recv().await.is_none(), "no other was handled");
}

/// What lapin would break of: a table that is nested so deep that reading it overflows the stack, and texts that are not UTF-8, over which
/// it gives up the connection. The broker would deliver them again for ever.
#[tokio::test]
async fn foreign_messages_that_lapin_cannot_read_disturb_nobody() {
    const HEADERS: u16 = 1 << 13;
    const MESSAGE_ID: u16 = 1 << 7;
    let host = virtual_host("unreadable").await;
    let driver = driver(&host, "unreadable").await;
    let (calls, mut called) = mpsc::unbounded_channel();
    let handle = start(&driver, SPEC, None, noting(calls)).await;
    let mut raw = Raw::connect(&host.uri()).await;
    let fields = |order: u32| -> Vec<u8> {
        placed(order).headers.iter().flat_map(|(name, value)| raw::text(name, value)).collect()
    };

    let mut deep = b"V".to_vec();
    for _ in 0..10_000 {
        deep = [b"A", &raw::sized(&deep)[..]].concat();
    }
    let deep = [fields(1), [&raw::short(b"deep")[..], &deep].concat()].concat();
    raw.publish(QUEUE, HEADERS, &raw::sized(&deep), &placed(1).body).await;
    assert_eq!(within("a call", called.recv()).await, Some(1), "what nobody asks for does not matter");

    let named = [fields(2), [&raw::short(b"gr\xfc\xdfe")[..], b"V"].concat()].concat();
    raw.publish(QUEUE, HEADERS, &raw::sized(&named), &placed(2).body).await;
    assert_eq!(within("a call", called.recv()).await, Some(2));

    let latin = [raw::sized(&fields(3)), raw::short(b"\xe4-3")].concat();
    raw.publish(QUEUE, HEADERS | MESSAGE_ID, &latin, &placed(3).body).await;
    publish(&driver, placed(4)).await;
    assert_eq!(within("a call", called.recv()).await, Some(4));
    let parked = crate::kit::next(&mut crate::kit::consume(&driver, PARKING, 1).await).await;
    let error = &parked.message.headers["x-chassis-error"];
    assert!(error.ends_with("expected the same as the property message-id"), "{error}");
    assert_eq!(parked.message.id, "?-3");
    handle.drain(GRACE).await;
    assert!(called.recv().await.is_none(), "the one that makes no sense was not handled");
    assert_eq!(metric("chassis_messaging_connection_lost_total", "unreadable", ""), 0.0);
}

/// RabbitMQ delivers `CC` as a list, and closes the channel of whoever sends it as a text.
#[tokio::test]
async fn a_foreign_message_that_went_to_several_is_parked() {
    let host = virtual_host("copied").await;
    let driver = driver(&host, "copied").await;
    let (calls, _called) = mpsc::unbounded_channel();
    let handle = start(&driver, SPEC, None, noting(calls)).await;
    let connection = Connection::connect(&host.uri(), ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let mut headers = FieldTable::default();
    headers.insert("CC".into(), AMQPValue::FieldArray(vec![AMQPValue::LongString("elsewhere".into())].into()));
    let properties = BasicProperties::default().with_headers(headers);
    channel.basic_publish("".into(), QUEUE.into(), BasicPublishOptions::default(), b"?", properties).await.unwrap();
    let parked = crate::kit::next(&mut crate::kit::consume(&driver, PARKING, 1).await).await;
    assert_eq!(parked.message.headers.get("x-chassis-reason"), Some("malformed"));
    handle.drain(GRACE).await;
}

/// Its dead letters may be deleted while a consumer works.
#[tokio::test]
async fn where_messages_are_parked_is_made_again() {
    let host = virtual_host("unparked").await;
    let driver = driver(&host, "unparked").await;
    let (calls, _called) = mpsc::unbounded_channel();
    let handle = start(&driver, SPEC, None, noting(calls)).await;
    host.delete_queue(PARKING).await;
    publish(&driver, Message { body: "?".into(), ..placed(1) }).await;
    eventually("the message to be parked", async || (host.messages(PARKING).await == Some(1)).then_some(())).await;
    let label = "outcome=\"returned\"";
    assert_eq!(metric("chassis_consumer_deliveries_total", "stock", label), 0.0);
    handle.drain(GRACE).await;
}

/// The broker of others may take larger bodies than we send: what can't be copied with its cause is parked as it is.
#[tokio::test]
async fn a_foreign_body_that_is_too_large_is_parked_once() {
    let host = virtual_host("large").await;
    let driver = driver(&host, "large").await;
    let (calls, mut called) = mpsc::unbounded_channel();
    let handle = start(&driver, SPEC, None, noting(calls)).await;
    let connection = Connection::connect(&host.uri(), ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let body = vec![b'x'; 20 * 1024 * 1024];
    let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    channel.basic_publish("".into(), QUEUE.into(), options, &body, properties).await.unwrap();
    let parked = crate::kit::next(&mut crate::kit::consume(&driver, PARKING, 1).await).await;
    assert_eq!(parked.message.body.len(), body.len());
    assert_eq!(parked.message.headers.get("x-first-death-reason"), Some("rejected"));
    publish(&driver, placed(1)).await;
    assert_eq!(within("a call", called.recv()).await, Some(1));
    let of_outcome = |outcome: &str| {
        let label = format!("outcome=\"{outcome}\"");
        metric("chassis_consumer_deliveries_total", "stock", &label)
    };
    assert_eq!((of_outcome("parked"), of_outcome("returned")), (1.0, 0.0));
    handle.drain(GRACE).await;
}

/// An event that the handler does not know, and one of another version, are neither handled nor lost.
#[tokio::test]
async fn other_types_and_versions_are_kept_and_not_handled() {
    let host = virtual_host("versions").await;
    let driver = driver(&host, "versions").await;
    let (calls, mut called) = mpsc::unbounded_channel();
    let handle = start(&driver, SPEC, None, noting(calls)).await;
    for kind in ["order.placed.v2", "weather.changed.v1"] {
        let mut message = placed(1);
        message.kind = kind.to_owned().into();
        message.headers.insert("cloudEvents_type".to_owned(), kind.to_owned());
        driver.publish(Outgoing { message, ..outgoing("", QUEUE, "") }).await.unwrap();
    }
    publish(&driver, placed(2)).await;
    assert_eq!(within("a call", called.recv()).await, Some(2));
    eventually("both to be put aside", async || {
        let aside: u64 = host.queues().await.iter().filter(|(name, _)| name != QUEUE).map(|(_, count)| count).sum();
        (aside == 2 && host.messages(QUEUE).await == Some(0)).then_some(())
    })
    .await;
    handle.drain(GRACE).await;
    assert!(called.recv().await.is_none(), "neither was handled");
}

/// A consumer that is too slow holds no more than its prefetch, and how much waits can be seen.
#[tokio::test]
async fn what_a_slow_consumer_leaves_can_be_seen() {
    let host = virtual_host("slow").await;
    let driver = driver(&host, "slow").await;
    let gate = Arc::new(Semaphore::new(0));
    let slow: Handler = {
        let gate = gate.clone();
        Handler::one(move |_, _| {
            let gate = gate.clone();
            Box::pin(async move {
                gate.acquire().await?.forget();
                Ok(())
            })
        })
    };
    let handle = start(&driver, SubscriptionSpec { prefetch: Some(3), ..SPEC }, None, slow).await;
    for order in 0..50 {
        publish(&driver, placed(order)).await;
    }
    let columns = ["--no-table-headers", "name", "messages_ready", "messages_unacknowledged"];
    let expected = format!("{QUEUE}\t47\t3");
    eventually("three to be held", async || {
        host.ctl("list_queues", &columns).await.lines().any(|line| line == expected).then_some(())
    })
    .await;
    let label = format!("messaging_destination_name=\"{QUEUE}\"");
    eventually("the rest to be shown", async || {
        (metric("chassis_messaging_queue_ready", "slow", &label) == 47.0).then_some(())
    })
    .await;
    gate.add_permits(50);
    eventually("nothing to be left", async || (host.messages(QUEUE).await == Some(0)).then_some(())).await;
    handle.drain(GRACE).await;
}

/// An event is no error where nobody listens, but it is counted.
#[tokio::test]
async fn events_that_nobody_hears_are_counted() {
    let host = virtual_host("unheard").await;
    let driver = driver(&host, "unheard").await;
    let publisher = Publisher::new(driver.clone(), "orders");
    publisher.publish_now(Placed { order: 1 }).await.unwrap();
    publisher.publish_now(Placed { order: 2 }).await.unwrap();
    let counted = || metric("chassis_messaging_unroutable_total", "unheard", "");
    eventually("both to be counted", async || (counted() == 2.0).then_some(())).await;
    let (calls, mut called) = mpsc::unbounded_channel();
    let handle = start(&driver, SPEC, None, noting(calls)).await;
    publisher.publish_now(Placed { order: 3 }).await.unwrap();
    assert_eq!(within("a call", called.recv()).await, Some(3));
    let command = driver.publish(outgoing("orders.events", "order.lost.v1", "")).await;
    assert!(matches!(command, Err(PublishError::Unroutable { .. })), "{command:?}");
    let optional = Outgoing { mandatory: false, ..outgoing("orders.events", "order.lost.v1", "") };
    driver.publish(optional).await.unwrap();
    eventually("the third to be counted", async || (counted() >= 3.0).then_some(())).await;
    assert_eq!(counted(), 3.0, "what is heard, and what is an error, is not counted");
    handle.drain(GRACE).await;
}
