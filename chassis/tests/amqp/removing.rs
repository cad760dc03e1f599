//! Deleting a queue of which nothing may be lost.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chassis::messaging::Message;
use chassis::messaging::amqp::Amqp;
use chassis::messaging::driver::{DeleteError, Driver, PublishError};
use harness::rabbitmq::virtual_host;
use tokio::time::{MissedTickBehavior, interval};

use crate::kit::{connect, send, within, work_queue};

/// So many messages must have come while their queue was deleted, after the look that found it empty.
const RESCUED: usize = 2;
/// How long one to four of which lie between two messages, so that they don't keep step with who deletes: seldom enough that the queue is
/// found empty, and often enough that something comes after that.
const PACE: Duration = Duration::from_millis(10);

fn texts(messages: Vec<Message>) -> impl Iterator<Item = String> {
    messages.into_iter().map(|message| String::from_utf8(message.body.to_vec()).unwrap())
}

/// Sends to a queue by its name until there is no such queue; gives what was confirmed.
async fn send_until_deleted(sender: Arc<Amqp>, queue: String) -> Vec<String> {
    let mut confirmed = Vec::new();
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in 0.. {
        for _ in 0..=number % 4 {
            pace.tick().await;
        }
        let text = number.to_string();
        match send(&sender, &queue, text.clone()).await {
            Ok(()) => confirmed.push(text),
            Err(PublishError::Unroutable { .. }) => break,
            // On its way to the queue when that ended, and the broker says so.
            Err(PublishError::Nacked) => {}
            Err(error) => panic!("{error}"),
        }
    }
    confirmed
}

/// Takes out what waits.
async fn take_out(driver: &Amqp, queue: &str) -> Vec<Message> {
    let mut look = driver.browse(queue, 1_000).await.unwrap();
    let mut taken = Vec::new();
    while let Some(seen) = look.next().await.unwrap() {
        look.remove(seen.place).await.unwrap();
        taken.push(seen.message);
    }
    look.finish().await.unwrap();
    taken
}

/// Whoever sends by the name of a queue gets confirmations until it is gone; each message that the queue took was either found in it, or is
/// given to whoever deletes it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_while_a_queue_is_deleted_is_rescued() {
    let host = virtual_host("removing").await;
    let (sender, remover) = (Arc::new(connect(&host.uri()).await), connect(&host.uri()).await);
    let mut rescued = 0;
    let rounds = async {
        for round in 0.. {
            let queue = format!("q{round}");
            remover.declare(work_queue(&queue)).await.unwrap();
            let sending = tokio::spawn(send_until_deleted(sender.clone(), queue.clone()));
            let mut found = BTreeSet::new();
            loop {
                let mut late = Vec::new();
                let deleted = remover.delete(&queue, &mut late).await;
                rescued += late.len();
                found.extend(texts(late));
                match deleted {
                    Ok(()) => break,
                    Err(DeleteError::NotEmpty { .. }) => found.extend(texts(take_out(&remover, &queue).await)),
                    Err(error) => panic!("{error}"),
                }
            }
            // The last one may have been on its way to the queue when that ended: RabbitMQ confirms it, though the queue never had it.
            let mut confirmed = sending.await.unwrap();
            confirmed.pop();
            let lost: Vec<_> = confirmed.iter().filter(|text| !found.contains(*text)).collect();
            assert!(lost.is_empty(), "round {round}: {lost:?} of {} were lost", confirmed.len());
            if rescued >= RESCUED {
                break;
            }
        }
    };
    within("enough that came too late", rounds).await;
}
