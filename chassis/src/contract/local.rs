//! Calls inside the process, which fail as calls over the network do.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use http::Method;
use tokio::time::timeout_at;

use super::back::{Back, Core};
use super::operation::Operation;
use super::outcome;
use super::table::Output;
use crate::error::panic_text;
use crate::telemetry::span::{Span, SpanKind};
use crate::{BoxFuture, Context, Error, ErrorKind, Result};

impl<D: ?Sized + Send + Sync + 'static> Core<D> {
    /// Calls the implementation in this process, or the double.
    ///
    /// The implementation gets the deadline, a context and spans of its own, a panic is an error, an unexpected error
    /// says no more than it would to another process, and what changes something runs to its end though nobody waits.
    /// A double is called as it is: its panics are the test's. It has the deadline that the call would have.
    #[doc(hidden)]
    pub async fn call<O: Send + 'static>(
        &self,
        table: &'static Output<O>,
        operation: &'static Operation,
        call: impl FnOnce(Arc<D>) -> BoxFuture<'static, O> + Send + 'static,
    ) -> O {
        let slot = match &self.back {
            Back::Double(double) => {
                let context = Context::current().with_timeout(self.limits(operation, table.streams).total);
                return context.scope(call(Arc::clone(double))).await;
            }
            Back::Local(slot) => slot,
            #[cfg(feature = "client")]
            Back::Remote(_) => {
                return (table.unexpected)(Error::new(ErrorKind::Protocol, "a remote service has no local form"));
            }
        };
        let Some((service, implementation)) = slot.get() else {
            let message = format!("`{}` is not running in this process", operation.contract);
            return (table.unexpected)(Error::new(ErrorKind::Unavailable, message));
        };
        let caller = Context::current().with_timeout(self.limits(operation, table.streams).total);
        let mut client = Span::start(SpanKind::Client, span_name(operation), &caller);
        describe(&mut client, operation);
        let inside = Context { service: Some(service), ..client.context(&caller) };
        let mut server = Span::start(SpanKind::Server, span_name(operation), &inside);
        describe(&mut server, operation);
        let inside = server.context(&inside);

        let ended = run(operation, inside.clone(), move || call(implementation)).await;
        match ended.and_then(|output| (table.into_unexpected)(output).map_or_else(Ok, Err)) {
            // What it streams is told outside what a stream over the network would be told.
            Ok(output) if table.streams => inside
                .scope_sync(|| (table.map_stream)(output, &mut |stream| stream.told(outcome::the_answer(operation)))),
            Ok(output) => output,
            Err(error) => {
                server.fail(error.kind().as_str());
                client.fail(error.kind().as_str());
                let trace = inside.trace.clone();
                (table.unexpected)(inside.scope_sync(|| outcome::redact(operation, &error, &trace)))
            }
        }
    }
}

/// Runs the implementation for as long as there is time.
async fn run<O: Send + 'static>(
    operation: &'static Operation,
    context: Context,
    call: impl FnOnce() -> BoxFuture<'static, O>,
) -> Result<O> {
    outcome::check_time(operation, &context)?;
    let deadline = context.deadline;
    let work = context.scope(AssertUnwindSafe(call()).catch_unwind());
    let guarded = async move {
        // A read may be given up half-way; what changes something is not cut between two effects.
        if operation.method == Method::GET {
            work.await
        } else {
            tokio::spawn(work).await.unwrap_or_else(|error| Err(Box::new(error.to_string())))
        }
    };
    let ended = match deadline {
        Some(deadline) => timeout_at(deadline, guarded).await,
        None => Ok(guarded.await),
    };
    match ended {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(panic)) => Err(Error::msg(format!("it panicked: {}", panic_text(&*panic)))),
        Err(_) => Err(outcome::too_late(operation)),
    }
}

fn span_name(operation: &Operation) -> String {
    format!("{} {}", operation.method, operation.path)
}

fn describe(span: &mut Span, operation: &Operation) {
    span.set("chassis.contract", operation.contract);
    span.set("chassis.operation", operation.name);
    span.set("http.route", operation.path);
}
