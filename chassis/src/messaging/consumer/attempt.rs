//! One attempt at handling a message: its context, its time, and what protects the process from the handler.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use tokio::time::Instant;

use super::worker::Worker;
use super::{Done, Mode};
use crate::context::Context;
use crate::messaging::delivery::Cause;
use crate::messaging::{Received, envelope};
use crate::{Error, ErrorKind, Result};

impl Worker {
    /// Calls the handler once, in the message's context and a span of its own. A panic and a time-out are errors like others.
    pub(super) async fn attempt(&self, received: &Received) -> Result<Done> {
        let outer = self.context(received);
        let mut span = self.instruments.start(received, &outer);
        let limit = outer.remaining().unwrap_or_default();
        let result = span.context(&outer).scope(self.guarded(received, limit)).await;
        self.instruments.observe(span.elapsed(), result.is_ok());
        if let Err(error) = &result {
            span.fail(format!("{error:#}"));
        }
        result
    }

    async fn guarded(&self, received: &Received, limit: Duration) -> Result<Done> {
        let cause = Cause { id: received.id().to_owned(), correlation_id: received.envelope().correlation_id.clone() };
        let caught = AssertUnwindSafe(cause.scope(self.call(received))).catch_unwind();
        match tokio::time::timeout(limit, caught).await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => Err(Error::msg(format!("the handler panicked: {}", panic_text(&*panic)))),
            Err(_) => {
                let message = format!("the handler did not end within {}", humantime::format_duration(limit));
                Err(Error::new(ErrorKind::DeadlineExceeded, message))
            }
        }
    }

    fn context(&self, received: &Received) -> Context {
        let mut context = envelope::read_context(received.message(), self.subscription.service);
        // The expiry is wall-clock time of another machine; from here on it is time that is left.
        let left = received.envelope().expires_at.and_then(|at| at.duration_since(SystemTime::now()).ok());
        context.deadline = left.map(|left| Instant::now() + left);
        context.with_timeout(self.subscription.spec.effective_timeout())
    }

    async fn call(&self, received: &Received) -> Result<Done> {
        match self.subscription.spec.mode {
            Mode::AtLeastOnce => (self.subscription.handler)(received, None).await.map(|()| Done::Handled),
            Mode::Transactional => self.call_in_transaction(received).await,
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no message)")
}
