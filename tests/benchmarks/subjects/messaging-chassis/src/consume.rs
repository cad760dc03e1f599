//! A service that consumes until it has had them all.

use std::sync::{Mutex, PoisonError};

use chassis::prelude::*;

use crate::message::Sent;
use crate::plan::{Plan, SERVICE, Span, end_process, settings};

/// The service.
struct Bench {
    messages: u64,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    count: u64,
    span: Option<Span>,
}

#[service(name = "bench")]
impl Bench {
    /// Takes one.
    #[subscribe(at_least_once, concurrency = 50, prefetch = 100)]
    async fn sent(&self, event: Delivery<Sent>) -> Result<()> {
        if event.text.is_empty() || event.number == 0 {
            return Err(Error::msg("an event without content"));
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.count += 1;
        seen.span.get_or_insert_with(Span::begin);
        if seen.count == self.messages
            && let Some(span) = seen.span.take()
        {
            span.end(self.messages);
            end_process();
        }
        Ok(())
    }
}

/// Runs the service until it has handled them all; the signal to end lets it acknowledge the last ones.
pub fn run(plan: Plan) -> ExitCode {
    let service = Bench { messages: plan.messages, seen: Mutex::default() };
    App::new().defaults(settings(&plan)).arguments([SERVICE]).service(service).run()
}
