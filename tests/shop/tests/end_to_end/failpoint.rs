//! The process dies at the worst moment, and starts again.

use std::os::unix::process::ExitStatusExt;

use harness::process::{Process, Program};
use shop::services;

use crate::support::{APPROVED, DECLINED, Mode, Place, Shopper};

const STORED_NOT_SENT: &str = "outbox.after-commit-before-publish=3";
const SENT_NOT_DELETED: &str = "outbox.after-publish-before-delete=2";
const DONE_NOT_SAID: &str = "consumer.after-commit-before-ack=3";

#[tokio::test]
async fn embedded_between_commit_and_publish() {
    embedded(STORED_NOT_SENT).await;
}

#[tokio::test]
async fn embedded_between_publish_and_delete() {
    embedded(SENT_NOT_DELETED).await;
}

#[tokio::test]
async fn embedded_between_commit_and_ack() {
    embedded(DONE_NOT_SAID).await;
}

#[tokio::test]
async fn distributed_between_commit_and_publish() {
    distributed("orders", STORED_NOT_SENT).await;
}

#[tokio::test]
async fn distributed_between_publish_and_delete() {
    distributed("orders", SENT_NOT_DELETED).await;
}

#[tokio::test]
async fn distributed_between_commit_and_ack() {
    distributed("inventory", DONE_NOT_SAID).await;
}

async fn embedded(failpoint: &str) {
    let place = Place::new(Mode::Embedded).await;
    let mut doomed = place.start(place.shop().env("CHASSIS_FAILPOINT", failpoint)).await.process;
    let (_, running) = tokio::join!(orders(&place), replace(&mut doomed, place.shop()));
    place.settle(ORDERS).await;
    drop(running);
}

async fn distributed(victim: &'static str, failpoint: &str) {
    let place = Place::new(Mode::Distributed).await;
    let start = |name| {
        let program = place.service(name);
        if name == victim { program.env("CHASSIS_FAILPOINT", failpoint).start() } else { program.start() }
    };
    let (mut doomed, others): (Vec<Process>, Vec<Process>) = {
        let (victims, others): (Vec<_>, Vec<_>) = services::names().into_iter().partition(|name| *name == victim);
        (victims.into_iter().map(start).collect(), others.into_iter().map(start).collect())
    };
    place.ready().await;
    let (_, running) = tokio::join!(orders(&place), replace(&mut doomed[0], place.service(victim)));
    place.settle(ORDERS).await;
    drop((running, others));
    place.clear().await;
}

const ORDERS: usize = 8;

/// Orders from several shoppers at once, of whom some cannot pay and some come too late.
async fn orders(place: &Place) {
    let order = async |number: usize| {
        let card = if number % 3 == 2 { DECLINED } else { APPROVED };
        let sku = if number.is_multiple_of(2) { "KIT-12" } else { "LIG-01" };
        Shopper::with(place, sku, 2).await.order(card).await
    };
    tokio::join!(
        async {
            for number in 0..ORDERS / 2 {
                order(number).await;
            }
        },
        async {
            for number in ORDERS / 2..ORDERS {
                order(number).await;
            }
        }
    );
}

/// Waits until the process has killed itself, and starts another program in its place.
async fn replace(doomed: &mut Process, program: Program) -> Process {
    let status = doomed.wait().await;
    assert_eq!(status.signal(), Some(9), "it should have killed itself: {status}");
    program.start()
}
