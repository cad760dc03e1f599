//! The time from before an event is published to when it is handled, at a given rate, within one service.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chassis::prelude::*;

use crate::message::{self, Sent};
use crate::plan::{Plan, SERVICE, end_process, settings};

/// The service.
struct Bench {
    began: Instant,
    messages: usize,
    times: Mutex<Vec<u64>>,
}

#[service(name = "bench")]
impl Bench {
    #[init]
    async fn new(events: Publisher) -> Result<Self> {
        let plan = Plan::read()?;
        let began = Instant::now();
        tokio::spawn(publish(events, began, plan.messages, plan.rate));
        let messages = usize::try_from(plan.messages)?;
        Ok(Self { began, messages, times: Mutex::new(Vec::with_capacity(messages)) })
    }

    /// Takes one.
    #[subscribe(at_least_once, concurrency = 50, prefetch = 100)]
    async fn sent(&self, event: Delivery<Sent>) -> Result<()> {
        let took = micros(self.began).saturating_sub(event.sent - 1_000_000_000_000_000);
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.push(took);
        if times.len() == self.messages {
            times.sort_unstable();
            let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
            println!("{}", serde_json::json!({ "messages": times.len(), "p50": at(0.5), "p99": at(0.99) }));
            end_process();
        }
        Ok(())
    }
}

async fn publish(events: Publisher, began: Instant, messages: u64, rate: u64) {
    // The queue was bound before; what the service's start takes is over in a moment, and messages wait for it.
    let mut ticks = tokio::time::interval(Duration::from_micros(1_000_000 / rate.max(1)));
    let mut calls = Vec::new();
    for number in 0..messages {
        ticks.tick().await;
        let (events, event) = (events.clone(), message::sent(number, micros(began)));
        calls.push(tokio::spawn(async move { events.publish_now(event).await }));
    }
    for call in calls {
        if let Ok(Err(error)) = call.await {
            eprintln!("{error:#}");
        }
    }
}

fn micros(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// Runs the service until it has handled them all.
pub fn run(plan: Plan) -> ExitCode {
    App::new().defaults(settings(&plan)).arguments([SERVICE]).service(Bench::new).run()
}
