//! Confirms, and what is refused.

use std::sync::Arc;
use std::time::Duration;

use chassis::messaging::amqp::{self, AmqpSettings};
use chassis::messaging::driver::{ConnectionState, Driver, Outgoing, PublishError};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use harness::rabbitmq::{Broker, virtual_host};
use tokio::time::Instant;

use crate::kit::{
    PATIENCE, body, connect, consume, message, next, outgoing, reaches, send, settings, take, within, work_queue,
};

/// Of lapin's confirms some hundred in ten thousand would be wrong here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_confirm_is_given_to_the_wrong_message() {
    const MESSAGES: usize = 100_000;
    const PUBLISHERS: usize = 8;
    let host = virtual_host("confirms").await;
    let driver = Arc::new(connect(&host.uri()).await);
    driver.declare(work_queue("there")).await.unwrap();
    let tasks = (0..PUBLISHERS).map(|publisher| {
        let driver = Arc::clone(&driver);
        tokio::spawn(async move {
            let mut wrong = 0;
            let mut on_the_way = FuturesUnordered::new();
            for number in 0..MESSAGES / PUBLISHERS {
                let routable = (number * 7 + publisher) % 3 != 0;
                let key = if routable { "there" } else { "nowhere" };
                let driver = Arc::clone(&driver);
                on_the_way.push(async move { (routable, send(&driver, key, "x".repeat(64)).await) });
                if on_the_way.len() >= 100 {
                    wrong += usize::from(is_wrong(on_the_way.next().await));
                }
            }
            while let Some(done) = on_the_way.next().await {
                wrong += usize::from(is_wrong(Some(done)));
            }
            wrong
        })
    });
    let wrong: usize = futures_util::future::join_all(tasks).await.into_iter().map(Result::unwrap).sum();
    assert_eq!(wrong, 0);
}

fn is_wrong(done: Option<(bool, Result<(), PublishError>)>) -> bool {
    !matches!(done, Some((true, Ok(())) | (false, Err(PublishError::Unroutable { .. }))))
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_the_wire() {
    let host = virtual_host("large").await;
    let driver = connect(&host.uri()).await;
    driver.declare(work_queue("q")).await.unwrap();
    let mut state = driver.state();
    state.mark_unchanged();
    let attempt = |message| driver.publish(Outgoing { message, ..outgoing("", "q", "") });

    let mut large = message("x");
    large.headers.insert("note", "x".repeat(140 * 1024));
    let error = attempt(large).await.unwrap_err();
    assert!(matches!(error, PublishError::TooLarge { what: "headers", .. }), "{error:?}");
    let error = attempt(message("x".repeat(20 * 1024 * 1024))).await.unwrap_err();
    assert!(matches!(error, PublishError::TooLarge { what: "body", .. }), "{error:?}");
    let error = driver.publish(outgoing("", &"k".repeat(256), "")).await.unwrap_err();
    assert!(matches!(error, PublishError::TooLarge { what: "routing key", .. }), "{error:?}");

    send(&driver, "q", "small").await.unwrap();
    assert!(!state.has_changed().unwrap(), "nothing was torn down");
}

/// A broker that confirms all the time sends no heartbeats.
#[tokio::test]
async fn confirms_are_a_sign_of_life() {
    let host = virtual_host("alive").await;
    let driver = connect(&host.uri()).await;
    driver.declare(work_queue("q")).await.unwrap();
    send(&driver, "q", "the first").await.unwrap();
    let mut state = driver.state();
    state.mark_unchanged();
    let (begun, silence) = (Instant::now(), settings("").heartbeat * 2);
    while begun.elapsed() < silence + Duration::from_secs(1) {
        send(&driver, "q", "another").await.unwrap();
    }
    assert!(!state.has_changed().unwrap(), "{:?}", *state.borrow());
}

/// The broker answers an unknown exchange by closing the channel, with everything else that is on its way.
#[tokio::test]
async fn an_unknown_exchange_is_refused_and_its_neighbours_arrive() {
    let host = virtual_host("unknown").await;
    let driver = connect(&host.uri()).await;
    driver.declare(work_queue("q")).await.unwrap();
    send(&driver, "q", "the first").await.unwrap();
    let mut state = driver.state();
    state.mark_unchanged();
    let sends = (0..200).map(|number| {
        let exchange = if number == 100 { "nowhere.events" } else { "" };
        driver.publish(outgoing(exchange, "q", number.to_string()))
    });
    let results = within("all verdicts", futures_util::future::join_all(sends)).await;
    for (number, result) in results.iter().enumerate() {
        match result {
            Err(PublishError::Refused(words)) if number == 100 => assert!(words.contains("nowhere.events"), "{words}"),
            Ok(()) if number != 100 => {}
            other => panic!("{number}: {other:?}"),
        }
    }
    assert!(!state.has_changed().unwrap(), "only the channel was closed");
}

/// lapin opens no channel any more under a number under which the broker has closed one, and there are 2,047 of them.
#[tokio::test]
async fn a_publisher_outlives_thousands_of_refusals() {
    let host = virtual_host("refusals").await;
    let driver = connect(&host.uri()).await;
    driver.declare(work_queue("q")).await.unwrap();
    for _ in 0..2_100 {
        let error = driver.publish(outgoing("nowhere.events", "any", "")).await.unwrap_err();
        assert!(matches!(error, PublishError::Refused(_)), "{error:?}");
    }
    send(&driver, "q", "still there").await.unwrap();
}

/// Where the broker's words don't tell which message it was, they are sent one by one until that is clear.
#[tokio::test]
async fn the_one_message_that_is_not_allowed_is_found_among_many() {
    let broker = Broker::options().config("max_message_size = 1000").start().await;
    let driver = connect(&broker.uri()).await;
    driver.declare(work_queue("q")).await.unwrap();
    let sends = (0..50).map(|number| send(&driver, "q", "x".repeat(if number == 25 { 2_000 } else { 10 })));
    let results = within("all verdicts", futures_util::future::join_all(sends)).await;
    for (number, result) in results.iter().enumerate() {
        let refused = matches!(result, Err(PublishError::Refused(_)));
        assert!(if number == 25 { refused } else { result.is_ok() }, "{number}: {result:?}");
    }
}

#[tokio::test]
async fn while_the_broker_blocks_publishers_consumers_go_on() {
    let broker = Broker::start().await;
    let driver = connect(&broker.uri()).await;
    driver.declare(work_queue("q")).await.unwrap();
    for body in ["1", "2"] {
        send(&driver, "q", body).await.unwrap();
    }
    broker.ctl(&["set_vm_memory_high_watermark", "0"]).await;
    // The broker tells a connection only when that publishes.
    let impatient = || Outgoing { deadline: Instant::now() + Duration::from_secs(2), ..outgoing("", "q", "3") };
    let first = driver.publish(impatient()).await;
    reaches(&driver, "the alarm", |state| matches!(state, ConnectionState::Blocked(_))).await;
    assert!(first.is_err(), "{first:?}");
    let error = driver.publish(impatient()).await.unwrap_err();
    assert!(matches!(error, PublishError::Blocked(_)), "{error:?}");

    let mut consumer = consume(&driver, "q", 1).await;
    assert_eq!(take(&mut consumer, 2).await, ["1", "2"]);

    broker.ctl(&["set_vm_memory_high_watermark", "0.4"]).await;
    reaches(&driver, "the end of the alarm", |state| *state == ConnectionState::Connected).await;
    send(&driver, "q", "4").await.unwrap();

    broker.ctl(&["set_vm_memory_high_watermark", "0"]).await;
    let _ = driver.publish(impatient()).await;
    let began = Instant::now();
    driver.close(Duration::from_secs(3)).await;
    assert!(began.elapsed() < Duration::from_secs(8), "closing ends in time");
}

#[tokio::test]
async fn a_full_buffer_refuses() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("amqp://127.0.0.1:{}", silent.local_addr().unwrap().port());
    let settings = AmqpSettings { buffer: 10, connect_timeout: Duration::from_millis(100), ..settings(&uri) };
    let driver = amqp::connect(&settings).await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(1);
    let sends = (0..50).map(|_| driver.publish(Outgoing { deadline, ..outgoing("", "q", "") }));
    let results = futures_util::future::join_all(sends).await;
    let count = |wanted: fn(&PublishError) -> bool| {
        results.iter().filter(|result| wanted(result.as_ref().unwrap_err())).count()
    };
    let full = count(|error| matches!(error, PublishError::BufferFull { limit: 10 }));
    let absent = count(|error| matches!(error, PublishError::NotConnected(_)));
    assert!(full >= 30 && full + absent == 50, "{results:?}");
}

/// A queue that does not answer, on a broker that does: the message is sent again under its id over a new channel, and
/// nobody is told that it was stored.
#[tokio::test]
async fn an_overdue_confirm_is_no_silent_success() {
    let broker = Broker::start().await;
    let settings = AmqpSettings { confirm_timeout: Duration::from_secs(1), ..settings(&broker.uri()) };
    let driver = amqp::connect(&settings).await.unwrap();
    driver.declare(work_queue("q")).await.unwrap();
    broker.eval("sys:suspend('%2F_q').").await;
    let overdue = outgoing("", "q", "overdue");
    let id = overdue.message.id.clone();
    let error = driver.publish(Outgoing { deadline: Instant::now() + Duration::from_secs(4), ..overdue }).await;
    assert_eq!(error, Err(PublishError::Timeout { maybe_stored: true }));
    broker.eval("sys:resume('%2F_q').").await;
    send(&driver, "q", "after").await.unwrap();

    let mut consumer = consume(&driver, "q", 10).await;
    let mut copies = 0;
    loop {
        let incoming = next(&mut consumer).await;
        if body(&incoming) == "after" {
            break;
        }
        assert_eq!(incoming.message.id, id);
        copies += 1;
    }
    assert!(copies >= 2, "sent {copies} times");
}

/// RabbitMQ reads a connection no more once a queue has not taken in some dozens of the messages that came over it. What goes
/// elsewhere is held up until the first confirmation is overdue, and no longer.
#[tokio::test]
async fn a_queue_that_confirms_nothing_holds_up_no_other() {
    let host = virtual_host("apart").await;
    let settings = AmqpSettings { confirm_timeout: Duration::from_secs(1), ..settings(&host.uri()) };
    let driver = amqp::connect(&settings).await.unwrap();
    for queue in ["stuck", "other"] {
        driver.declare(work_queue(queue)).await.unwrap();
    }
    host.suspend_queue("stuck").await;
    let deadline = Instant::now() + PATIENCE;
    let stuck = (0..600).map(|_| driver.publish(Outgoing { deadline, ..outgoing("", "stuck", "") }));
    let stuck = futures_util::future::join_all(stuck);
    let others = async {
        let mut longest = Duration::ZERO;
        for _ in 0..200 {
            let begun = Instant::now();
            within("a confirmation", send(&driver, "other", "")).await.unwrap();
            longest = longest.max(begun.elapsed());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        host.resume_queue("stuck").await;
        longest
    };
    let (stuck, longest) = tokio::join!(stuck, others);
    assert!(longest < Duration::from_secs(4), "held up for {longest:?}");
    let failed = stuck.iter().find(|result| result.is_err());
    assert_eq!(failed, None, "all of it is sent once the queue is there again");
    send(&driver, "stuck", "and goes on").await.unwrap();
    driver.close(PATIENCE).await;
}
