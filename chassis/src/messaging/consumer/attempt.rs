//! One attempt at handling a message, or a batch: its context, its time, and what protects the process from the handler.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use tokio::time::Instant;

use super::worker::Worker;
use super::{Done, Mode};
use crate::context::Context;
use crate::error::panic_text;
use crate::messaging::delivery::Cause;
use crate::messaging::{Received, envelope};
use crate::telemetry::span::Span;
use crate::{Error, ErrorKind, Result};

impl Worker {
    /// Calls the handler once, in the message's context and a span of its own. A panic and a time-out are errors like others.
    pub(super) async fn attempt(&self, batch: &[Received]) -> Result<Done> {
        let (mut span, context, limit) = self.begin(batch);
        let result = context.scope(self.guarded(batch, limit)).await;
        self.instruments.observe(span.elapsed(), result.is_ok());
        if let Err(error) = &result {
            span.fail(format!("{error:#}"));
        }
        result
    }

    /// The span of an attempt, the context of what is done in it, and its time limit.
    fn begin(&self, batch: &[Received]) -> (Span, Context, Duration) {
        let context = self.in_time(batch);
        let span = self.instruments.start(batch, &context);
        let inner = span.context(&context);
        (span, inner, context.remaining().unwrap_or_default())
    }

    async fn guarded(&self, batch: &[Received], limit: Duration) -> Result<Done> {
        let attempt = match batch {
            [one] => Cause(one.clone()).scope(self.call(batch)).left_future(),
            // What follows from many messages follows from none of them alone.
            _ => self.call(batch).right_future(),
        };
        match tokio::time::timeout(limit, AssertUnwindSafe(attempt).catch_unwind()).await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => Err(Error::msg(format!("the handler panicked: {}", panic_text(&*panic)))),
            Err(_) => {
                let message = format!("the handler did not end within {}", humantime::format_duration(limit));
                Err(Error::new(ErrorKind::DeadlineExceeded, message))
            }
        }
    }

    /// The context of a message.
    pub(super) fn context(&self, received: &Received) -> Context {
        envelope::read_context(received.message(), self.subscription.service)
    }

    /// The context of a message with the time that an attempt has; of a batch, that of its first.
    fn in_time(&self, batch: &[Received]) -> Context {
        let mut context = batch.first().map(|first| self.context(first)).unwrap_or_default();
        // The expiry is wall-clock time of another machine; from here on it is time that is left.
        let soonest = batch.iter().filter_map(Received::expires_at).min();
        let left = soonest.map(|at| at.duration_since(SystemTime::now()).unwrap_or_default());
        context.deadline = left.map(|left| Instant::now() + left);
        context.with_timeout(self.subscription.spec.effective_timeout())
    }

    async fn call(&self, batch: &[Received]) -> Result<Done> {
        match self.subscription.spec.mode {
            Mode::AtLeastOnce => {
                self.subscription.handler.call(batch, None).await?;
                Ok(Done { handled: batch.len() as u64, duplicates: 0 })
            }
            Mode::Transactional => Box::pin(self.call_in_transaction(batch)).await,
        }
    }
}
