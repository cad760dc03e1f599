//! The time from before an event is published to when it is handled, at a given rate.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};

use crate::Failure;
use crate::consume::{acknowledge, handle, start};
use crate::message::{self, Template};
use crate::plan::{EXCHANGE, KEY, Plan};
use crate::prepare::connect;

pub async fn run(plan: &Plan) -> Result<(), Failure> {
    let (publishing, consuming) = (connect(plan).await?, connect(plan).await?);
    let channel = publishing.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let consumer = consuming.create_channel().await?;
    let mut deliveries = start(&consumer, plan.window).await?;
    let began = Instant::now();
    let publish = async {
        let mut template = Template::new();
        let mut ticks = tokio::time::interval(Duration::from_micros(1_000_000 / plan.rate.max(1)));
        let mut on_the_way = Vec::new();
        for number in 0..plan.messages {
            ticks.tick().await;
            let body = message::body(number, micros(began));
            let options = BasicPublishOptions::default();
            let sent = channel.basic_publish(EXCHANGE.into(), KEY.into(), options, &body, template.next());
            on_the_way.push(sent.await?);
        }
        for confirm in on_the_way {
            confirm.await?;
        }
        Ok::<_, Failure>(())
    };
    let consume = async {
        let mut times = Vec::new();
        for _ in 0..plan.messages {
            let delivery = deliveries.next().await.ok_or("the broker ended the consumer")??;
            let sent = handle(&delivery)?.sent - 1_000_000_000_000_000;
            times.push(micros(began).saturating_sub(sent));
            acknowledge(&consumer, delivery.delivery_tag);
        }
        Ok::<_, Failure>(times)
    };
    let ((), mut times) = futures_util::try_join!(publish, consume)?;
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!("{}", serde_json::json!({ "messages": plan.messages, "p50": at(0.5), "p99": at(0.99) }));
    // Behind the last acknowledgement.
    consumer.close(200, "done".into()).await?;
    consuming.close(200, "done".into()).await?;
    Ok(())
}

fn micros(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX)
}
