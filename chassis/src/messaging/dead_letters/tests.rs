use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::*;
use crate::messaging::driver::{Consume, Driver, Incoming, Outgoing, Queue, QueueRole, Topology};
use crate::messaging::names::headers;
use crate::messaging::{Message, envelope, memory};

const QUEUE: &str = "stock.order-placed";
const PARKING: &str = "stock.order-placed.dlq";
const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

async fn desk() -> (memory::Broker, Arc<dyn Driver>, DeadLetters) {
    let broker = memory::Broker::new();
    let driver = broker.driver();
    let unmatched = "stock.order-placed.unmatched";
    let queues = [(QUEUE, QueueRole::Work), (PARKING, QueueRole::Parking), (unmatched, QueueRole::Parking)];
    let queues = queues.map(|(name, role)| Queue { name: name.to_owned(), role }).to_vec();
    driver.declare(Topology { queues, ..Topology::default() }).await.expect("declared");
    let letters = DeadLetters::new(driver.clone(), "stock", [QUEUE.to_owned()]);
    (broker, driver, letters)
}

/// A message as its consumer parks it.
fn parked(id: &str, kind: &str, error: &str) -> Message {
    let now = envelope::rfc3339(SystemTime::now()).expect("a time");
    let headers = [
        ("cloudEvents_specversion", "1.0"),
        ("cloudEvents_id", id),
        ("cloudEvents_source", "/orders"),
        ("cloudEvents_type", kind),
        ("traceparent", TRACE),
        (headers::ATTEMPT, "6"),
        (headers::EXCHANGE, "orders.events"),
        (headers::ROUTING_KEY, kind),
        (headers::QUEUE, QUEUE),
        (headers::REASON, "failed"),
        (headers::ERROR, error),
        (headers::PARKED_AT, &now),
        (headers::FIRST_FAILED_AT, "2026-01-31T12:00:00Z"),
    ];
    Message {
        id: id.to_owned(),
        kind: kind.to_owned().into(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        body: br#"{"order":7}"#.as_slice().into(),
        ..Message::default()
    }
}

async fn put(driver: &Arc<dyn Driver>, queue: &str, message: Message) {
    let deadline = Instant::now() + Duration::from_secs(10);
    let (exchange, routing_key) = ("".into(), queue.to_owned().into());
    driver.publish(Outgoing { exchange, routing_key, mandatory: true, message, deadline }).await.expect("published");
}

async fn three() -> (memory::Broker, Arc<dyn Driver>, DeadLetters) {
    let (broker, driver, letters) = desk().await;
    for (id, kind, error) in [
        ("a", "order.placed.v1", "no such SKU: lamp"),
        ("b", "order.paid.v1", "Connection refused"),
        ("c", "order.placed.v1", "connection reset"),
    ] {
        put(&driver, PARKING, parked(id, kind, error)).await;
    }
    (broker, driver, letters)
}

fn ids(listing: &Listing) -> Vec<&str> {
    listing.letters.iter().map(|letter| letter.id.as_str()).collect()
}

fn replay(selection: Selection) -> Replay {
    Replay { selection, most: u64::MAX, per_second: 1_000 }
}

async fn next(driver: &Arc<dyn Driver>, queue: &str) -> Incoming {
    let spec = Consume { queue: queue.to_owned(), prefetch: 1, spare: 0, ordered: false, tag: "reader".to_owned() };
    let mut consumer = driver.consume(spec).await.expect("consumes");
    consumer.next().await.expect("a delivery")
}

/// A look is a delivery, which the broker counts.
#[test]
fn the_id_of_what_has_none_is_the_same_at_each_look() {
    let looked_at = |times: &str, note: &str| {
        let headers = [("note", note), (headers::DELIVERY_COUNT, times), ("x-first-death-reason", "rejected")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Letter::of(&Message { headers, ..Message::default() }).id
    };
    assert_eq!(looked_at("1", "a"), looked_at("2", "a"));
    assert_ne!(looked_at("1", "a"), looked_at("1", "b"));
}

/// What was parked before the clock was set back was parked in the future.
#[tokio::test]
async fn a_letter_of_the_future_has_no_age() {
    let (_broker, driver, letters) = desk().await;
    let mut letter = parked("a", "order.placed.v1", "refused");
    let later = envelope::rfc3339(SystemTime::now() + Duration::from_secs(3600)).expect("a time");
    letter.headers.insert(headers::PARKED_AT, later);
    put(&driver, PARKING, letter).await;
    assert_eq!(letters.summary().await[0].oldest_seconds, Some(0));
}

#[tokio::test]
async fn a_list_shows_what_fits_and_no_bodies() {
    let (_broker, _driver, letters) = three().await;
    let all = letters.list(QUEUE, &Filter::default(), 10).await.expect("listed");
    assert_eq!((ids(&all), all.depth, all.more), (vec!["a", "b", "c"], 3, false));
    let shown = serde_json::to_value(&all).expect("JSON");
    assert!(!shown.to_string().contains("\"order\""), "no body: {shown}");
    assert_eq!(shown["letters"][0]["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(shown["letters"][0]["attempts"], 6);
    assert_eq!(shown["letters"][0]["first_failed_at"], "2026-01-31T12:00:00Z");

    let list = async |filter: serde_json::Value| {
        let filter: Filter = serde_json::from_value(filter).expect("a filter");
        let listing = letters.list(PARKING, &filter, 10).await.expect("listed");
        ids(&listing).join(" ")
    };
    assert_eq!(list(serde_json::json!({ "type": "order.placed.v1" })).await, "a c");
    assert_eq!(list(serde_json::json!({ "error": "CONNECTION" })).await, "b c");
    assert_eq!(list(serde_json::json!({ "type": "order.placed.v1", "error": "connection" })).await, "c");
    assert_eq!(list(serde_json::json!({ "id": "b" })).await, "b");
    assert_eq!(list(serde_json::json!({ "reason": "undecodable" })).await, "");
    assert_eq!(list(serde_json::json!({ "until": "2026-01-31T12:00:00Z" })).await, "");
    assert_eq!(list(serde_json::json!({ "since": "2026-01-31T12:00:00Z" })).await, "a b c");

    let first = letters.list(QUEUE, &Filter::default(), 1).await.expect("listed");
    assert_eq!((ids(&first), first.more), (vec!["a"], true));
}

#[test]
fn a_filter_says_what_it_does_not_know() {
    let refused = |filter| serde_json::from_value::<Filter>(filter).expect_err("refused").to_string();
    assert!(refused(serde_json::json!({ "typ": "x" })).contains("unknown field `typ`, expected one of `id`, `type`"));
    assert!(refused(serde_json::json!({ "since": "yesterday" })).contains("expected a time as in RFC 3339"));
}

#[tokio::test]
async fn an_opened_letter_has_headers_and_body() {
    let (_broker, driver, letters) = three().await;
    let opened = letters.open(QUEUE, "b").await.expect("opened").expect("there");
    assert_eq!(opened.headers["x-chassis-error"], "Connection refused");
    assert_eq!(opened.body, Body::Json(serde_json::json!({ "order": 7 })));
    assert_eq!(letters.open(QUEUE, "z").await.expect("opened"), None);

    // Without an id of its own it has one that stays.
    put(&driver, PARKING, Message { body: [0xff, 0x00].as_slice().into(), ..Message::default() }).await;
    let listing = letters.list(QUEUE, &Filter { reason: Some("unknown".into()), ..Filter::default() }, 1).await;
    let id = listing.expect("listed").letters[0].id.clone();
    assert!(id.starts_with("anonymous-"), "{id}");
    assert_eq!(letters.open(QUEUE, &id).await.expect("opened").expect("there").body, Body::Hex("ff00".into()));
}

#[test]
fn long_bodies_are_cut() {
    let long = format!("\"{}é\"", "x".repeat(64 * 1024 - 2));
    let Body::Text(text) = Body::of(long.as_bytes()) else { panic!("it is text") };
    assert_eq!(text.len(), 64 * 1024 - 1, "not within a character");
    assert_eq!(Body::of(&[0xfe; 5000]), Body::Hex("fe".repeat(1024)));
}

#[tokio::test]
async fn a_replayed_letter_begins_anew_in_its_own_queue() {
    let (broker, driver, letters) = three().await;
    let done = letters.replay(QUEUE, &replay(Selection::Id("b".into()))).await.expect("replayed");
    assert_eq!((done.replayed, done.seen, done.stopped), (1, 3, None));
    assert_eq!(broker.depth(PARKING).expect("a queue").ready, 2);
    let back = next(&driver, QUEUE).await.message;
    assert_eq!((back.id.as_str(), &*back.kind), ("b", "order.paid.v1"));
    let left: Vec<_> =
        back.headers.iter().map(|(name, _)| name).filter(|name| name.starts_with("x-chassis-")).collect();
    assert_eq!(left, [headers::EXCHANGE, headers::REPLAYED_AT, headers::REPLAYS, headers::ROUTING_KEY]);
    assert_eq!(back.headers[headers::REPLAYS], "1");
    assert_eq!(back.headers["traceparent"], TRACE);

    put(&driver, PARKING, Message { id: "again".into(), ..back }).await;
    letters.replay(QUEUE, &replay(Selection::Id("again".into()))).await.expect("replayed");
    let spec = Consume { queue: QUEUE.into(), prefetch: 9, spare: 0, ordered: false, tag: "reader".into() };
    let mut consumer = driver.consume(spec).await.expect("consumes");
    let replays = [consumer.next().await, consumer.next().await].map(|incoming| {
        let message = incoming.expect("a delivery").message;
        (message.id.clone(), message.headers[headers::REPLAYS].clone())
    });
    assert!(replays.contains(&("again".into(), "2".into())), "{replays:?}");
}

#[tokio::test(start_paused = true)]
async fn a_replay_keeps_to_its_rate_and_its_number() {
    let (broker, driver, letters) = desk().await;
    for number in 0..100 {
        put(&driver, PARKING, parked(&number.to_string(), "order.placed.v1", "bad")).await;
    }
    let begun = Instant::now();
    let order = Replay { selection: Selection::All, most: 51, per_second: 10 };
    let done = letters.replay(QUEUE, &order).await.expect("replayed");
    assert_eq!((done.replayed, done.more), (51, true));
    assert_eq!(begun.elapsed().as_secs(), 5, "the first goes at once, then ten in each second");
    assert_eq!(broker.depth(QUEUE).expect("a queue").ready, 51);
    assert_eq!(next(&driver, PARKING).await.message.id, "51", "in their order");
}

#[tokio::test(start_paused = true)]
async fn a_replay_ends_after_a_minute() {
    let (broker, driver, letters) = desk().await;
    for number in 0..100 {
        put(&driver, PARKING, parked(&number.to_string(), "order.placed.v1", "bad")).await;
    }
    let order = Replay { selection: Selection::All, most: 1_000, per_second: 1 };
    let done = letters.replay(QUEUE, &order).await.expect("replayed");
    assert!((60..=61).contains(&done.replayed) && done.more, "{done:?}");
    let left = broker.depth(PARKING).expect("a queue").ready as u64;
    assert_eq!(left + done.replayed, 100);
}

#[tokio::test]
async fn a_replay_ends_where_the_queue_takes_no_more() {
    let (broker, _driver, letters) = three().await;
    broker.faults().limit_length(QUEUE, 2);
    let done = letters.replay(QUEUE, &replay(Selection::All)).await.expect("begun");
    assert_eq!((done.replayed, done.seen), (2, 2));
    assert!(done.more && done.stopped.as_deref().is_some_and(|why| why.contains("refused")), "{done:?}");
    assert_eq!(broker.depth(PARKING).expect("a queue").ready, 1);
}

#[tokio::test]
async fn what_comes_back_during_a_replay_is_not_replayed_again() {
    let (broker, driver, letters) = three().await;
    // A handler that fails at once: whatever comes to the queue is parked again.
    let spec = Consume { queue: QUEUE.into(), prefetch: 1, spare: 0, ordered: false, tag: "reader".into() };
    let mut consumer = driver.consume(spec).await.expect("consumes");
    let failing = driver.clone();
    let handler = tokio::spawn(async move {
        while let Some(incoming) = consumer.next().await {
            put(&failing, PARKING, incoming.message).await;
            let _ = incoming.settle.settle(crate::messaging::driver::Outcome::Ack).await;
        }
    });
    let done = letters.replay(QUEUE, &replay(Selection::All)).await.expect("replayed");
    assert_eq!(done.replayed, 3);
    broker.until(PARKING, |depth| depth.ready == 3).await;
    handler.abort();
}

#[tokio::test]
async fn what_is_over_stays() {
    let (broker, driver, letters) = desk().await;
    let mut late = parked("late", "order.placed.v1", "bad");
    late.headers.insert(headers::EXPIRES_AT, "1");
    put(&driver, PARKING, late).await;
    let done = letters.replay(QUEUE, &replay(Selection::All)).await.expect("replayed");
    assert_eq!((done.replayed, done.expired, done.more), (0, 1, false));
    assert_eq!(broker.depth(PARKING).expect("a queue").ready, 1);
    let listing = letters.list(QUEUE, &Filter::default(), 1).await.expect("listed");
    assert!(listing.letters[0].expired);
}

#[tokio::test]
async fn what_is_discarded_is_gone_and_the_rest_is_not() {
    let (_broker, _driver, letters) = three().await;
    let connection = Filter { error: Some("connection".into()), ..Filter::default() };
    let done = letters.discard(QUEUE, &Selection::Matching(connection.clone()), 1).await.expect("discarded");
    assert_eq!((done.discarded, done.seen, done.more), (1, 2, true));
    let done = letters.discard(QUEUE, &Selection::Matching(connection), u64::MAX).await.expect("discarded");
    assert_eq!((done.discarded, done.more), (1, false));
    assert_eq!(ids(&letters.list(QUEUE, &Filter::default(), 10).await.expect("listed")), ["a"]);
}

#[tokio::test]
async fn two_who_replay_at_once_send_each_letter_once() {
    let (broker, driver, letters) = desk().await;
    for number in 0..200 {
        put(&driver, PARKING, parked(&number.to_string(), "order.placed.v1", "bad")).await;
    }
    let order = Replay { selection: Selection::All, most: 150, per_second: 1_000 };
    let everything = Filter::default();
    let (one, two, listing) = tokio::join!(
        letters.replay(QUEUE, &order),
        letters.replay(QUEUE, &order),
        letters.list(QUEUE, &everything, 1_000)
    );
    assert_eq!(one.expect("replayed").replayed + two.expect("replayed").replayed, 200);
    listing.expect("listed");
    let depth = (broker.depth(QUEUE).expect("a queue").ready, broker.depth(PARKING).expect("a queue").ready);
    assert_eq!(depth, (200, 0));
}

#[tokio::test]
async fn only_the_services_own_queues_can_be_asked_for() {
    let (_broker, driver, letters) = three().await;
    let refused = |queue: &'static str| {
        let letters = letters.clone();
        async move { letters.list(queue, &Filter::default(), 1).await.expect_err(queue).to_string() }
    };
    assert_eq!(refused("orders.stock-reserved").await, "`stock` has no queue `orders.stock-reserved`");
    assert_eq!(refused("stockings.order-placed").await, "`stock` has no queue `stockings.order-placed`");
    assert_eq!(
        refused("stock.renamed").await,
        "there are no dead letters of `stock.renamed`: its queue has never been declared"
    );
    // A queue whose handler is gone can still be asked for.
    let queues = vec![Queue { name: "stock.renamed.dlq".into(), role: QueueRole::Parking }];
    driver.declare(Topology { queues, ..Topology::default() }).await.expect("declared");
    assert_eq!(letters.list("stock.renamed", &Filter::default(), 1).await.expect("listed").depth, 0);
}

#[tokio::test]
async fn what_a_handler_is_not_for_is_a_pile_of_its_own() {
    let (broker, driver, letters) = three().await;
    let unmatched = "stock.order-placed.unmatched";
    put(&driver, unmatched, parked("other", "order.packed.v1", "not for it")).await;
    let summary = letters.summary().await;
    let figures: Vec<_> = summary.iter().map(|one| (one.queue.as_str(), one.letters)).collect();
    assert_eq!(figures, [(QUEUE, 3), (unmatched, 1)]);
    let listing = letters.list(unmatched, &Filter::default(), 9).await.expect("listed");
    assert_eq!((ids(&listing), listing.queue.as_str()), (vec!["other"], unmatched));
    let done = letters.replay(unmatched, &replay(Selection::All)).await.expect("replayed");
    assert_eq!(done.replayed, 1);
    assert_eq!(next(&driver, QUEUE).await.message.id, "other", "to the queue that it came from");
    assert_eq!(broker.depth(unmatched).expect("a queue").ready, 0);
}

#[tokio::test(start_paused = true)]
async fn depth_and_age_are_measured() {
    let (_broker, driver, _) = desk().await;
    // Metrics are the process's, so a service of its own.
    let letters = DeadLetters::new(driver.clone(), "measured", [QUEUE.to_owned()]);
    let _watch = Watch::start(letters.clone(), &DeadLetterSettings { measure: Duration::from_secs(10) });
    let (depth, oldest) = letters.shared.metrics.gauges(QUEUE);
    let mut old = parked("old", "order.placed.v1", "bad");
    old.headers.insert(headers::PARKED_AT, "2026-01-31T12:00:00Z");
    put(&driver, PARKING, old).await;
    put(&driver, PARKING, parked("new", "order.placed.v1", "bad")).await;
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(depth.get(), 2.0);
    assert!(oldest.get() > 3600.0, "{}", oldest.get());
    letters.discard(QUEUE, &Selection::Id("old".into()), 1).await.expect("discarded");
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(depth.get(), 1.0);
    assert!(oldest.get() < 3600.0, "{}", oldest.get());
}
