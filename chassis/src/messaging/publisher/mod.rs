//! How a service publishes.

#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
mod no_outbox;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod outbox;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::{Duration, Instant, sleep, timeout_at};

use super::driver::{ConnectionState, DeclareError, Driver, Exchange, ExchangeKind, Outgoing, PublishError, Topology};
use super::{Event, Message, envelope, limits, names};
use crate::context::Context;
use crate::telemetry::span::{Span, SpanKind};
use crate::{BoxFuture, Error, ErrorKind, Result};

#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use outbox::AsTx;

/// How long [`Publisher::publish_now`] waits for the broker when the work at hand has no deadline of its own.
const PATIENCE: Duration = Duration::from_secs(30);
/// What lies between two attempts to declare an exchange over a connection that is away.
const PAUSE: Duration = Duration::from_millis(100);

/// Publishes events. Cloning is cheap.
#[derive(Clone)]
pub struct Publisher {
    shared: Arc<Shared>,
}

struct Shared {
    driver: Arc<dyn Driver>,
    service: &'static str,
    declared: Mutex<HashSet<Cow<'static, str>>>,
    /// Held while one exchange is declared, so that many first publishers do not all do it.
    declaring: tokio::sync::Mutex<()>,
}

impl Publisher {
    /// Publishes as `service` over `driver`.
    pub fn new(driver: Arc<dyn Driver>, service: &'static str) -> Self {
        let shared = Shared { driver, service, declared: Mutex::default(), declaring: tokio::sync::Mutex::default() };
        Self { shared: Arc::new(shared) }
    }

    /// The service that it publishes as.
    pub fn service(&self) -> &'static str {
        self.shared.service
    }

    /// Declares the exchange of the service's own events, so that others may bind to it before the first is published.
    ///
    /// # Errors
    /// The broker cannot be reached, or has an exchange of that name and another kind.
    pub async fn declare(&self) -> Result<()> {
        self.shared.declare(&names::events_exchange(self.shared.service)).await.map_err(undeclared)
    }

    /// Publishes outside of any transaction and waits until the broker has taken responsibility for the event.
    ///
    /// Prefer `publish`, which stores the event in the transaction that it tells of: what is published here is
    /// lost when the process dies just before, and told though untrue when a transaction around it is rolled back.
    ///
    /// # Errors
    /// The event cannot be written as JSON; or a [`PublishError`] as the cause, which says whether the broker may have
    /// stored it nevertheless.
    pub async fn publish_now<E: Event>(&self, event: E) -> Result<()> {
        let deadline = Context::current_deadline();
        let deadline = deadline.unwrap_or_else(|| Instant::now() + PATIENCE);
        let exchange = names::exchange_of(E::OWNER);
        if !self.shared.knows(exchange) {
            // Once per exchange, and so not part of every future.
            let declared = Box::pin(self.shared.declare_by(deadline, exchange)).await;
            declared.map_err(|error| unpublished(error, E::KIND))?;
        }
        let (sending, span) = self.begin(event, exchange, deadline)?;
        finish(span, sending.await.map_err(|error| unpublished(error, E::KIND)))
    }

    /// Apart, so that neither the event nor what it takes to make the message is kept until that is confirmed.
    fn begin<E: Event>(
        &self,
        event: E,
        exchange: &'static str,
        deadline: Instant,
    ) -> Result<(BoxFuture<'_, Result<(), PublishError>>, Span)> {
        let (message, span) = self.message(&event, exchange)?;
        let (exchange, routing_key) = (exchange.into(), E::KIND.into());
        let outgoing = Outgoing { exchange, routing_key, mandatory: false, message, deadline };
        Ok((self.shared.driver.publish(outgoing), span))
    }

    /// The message that carries `event`, and the span that is the parent of whatever its receivers do.
    fn message<E: Event>(&self, event: &E, exchange: &str) -> Result<(Message, Span)> {
        let context = Context { service: Some(self.shared.service), ..Context::current() };
        let mut span = Span::start(SpanKind::Producer, "send", &context);
        let message = envelope::encode(event, self.shared.service, &span.context(&context))?;
        limits::check(&message).map_err(|error| unpublished(error, E::KIND))?;
        if span.is_recording() {
            span.rename(format!("send {exchange}"));
            span.set("messaging.system", self.shared.driver.system());
            span.set("messaging.operation.name", "send");
            span.set("messaging.operation.type", "send");
            span.set("messaging.destination.name", exchange.to_owned());
            span.set("messaging.rabbitmq.destination.routing_key", E::KIND);
            span.set("messaging.message.id", message.id.clone());
            span.set("messaging.message.conversation_id", message.correlation_id.clone().unwrap_or_default());
        }
        Ok((message, span))
    }

    /// Declares an exchange without waiting: what is stored now is sent later, and tried again until it is there.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    fn declare_soon(&self, exchange: &str) {
        if self.shared.knows(exchange) {
            return;
        }
        let (shared, exchange) = (self.shared.clone(), exchange.to_owned());
        tokio::spawn(async move {
            if let Err(error) = shared.declare(&exchange).await {
                tracing::error!(%error, exchange, "the exchange of an event cannot be declared");
            }
        });
    }
}

impl Shared {
    /// Declares an exchange for a message that waits for it, and waits for the connection as the message would.
    async fn declare_by(&self, deadline: Instant, exchange: &str) -> Result<(), PublishError> {
        let mut cause = "its exchange could not be declared in time".to_owned();
        let declared = timeout_at(deadline, async {
            loop {
                match self.declare(exchange).await {
                    Err(DeclareError::NotConnected(why)) if !self.is_closed() => cause = why,
                    done => break done,
                }
                sleep(PAUSE).await;
            }
        });
        match declared.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(DeclareError::NotConnected(why))) => Err(PublishError::NotConnected(why)),
            Ok(Err(DeclareError::Refused(why))) => Err(PublishError::Refused(why)),
            Ok(Err(error @ DeclareError::Mismatch { .. })) => Err(PublishError::Refused(error.to_string())),
            Err(_) => Err(PublishError::NotConnected(cause)),
        }
    }

    fn is_closed(&self) -> bool {
        *self.driver.state().borrow() == ConnectionState::Closed
    }

    fn knows(&self, exchange: &str) -> bool {
        self.declared.lock().unwrap_or_else(PoisonError::into_inner).contains(exchange)
    }

    async fn declare(&self, exchange: &str) -> Result<(), DeclareError> {
        let _turn = self.declaring.lock().await;
        if self.knows(exchange) {
            return Ok(());
        }
        let exchanges = vec![Exchange { name: exchange.to_owned(), kind: ExchangeKind::Topic }];
        self.driver.declare(Topology { exchanges, ..Topology::default() }).await?;
        self.declared.lock().unwrap_or_else(PoisonError::into_inner).insert(exchange.to_owned().into());
        Ok(())
    }
}

fn finish(mut span: Span, result: Result<()>) -> Result<()> {
    if let Err(error) = &result {
        span.fail(error.to_string());
    }
    result
}

fn undeclared(error: DeclareError) -> Error {
    Error::from(error).context("the exchange of an event cannot be declared").with_kind(ErrorKind::Unavailable)
}

fn unpublished(error: PublishError, kind: &str) -> Error {
    let error_kind = match error {
        PublishError::TooLarge { .. } | PublishError::Refused(_) | PublishError::Unroutable { .. } => {
            ErrorKind::Unexpected
        }
        PublishError::Timeout { .. } => ErrorKind::DeadlineExceeded,
        PublishError::Nacked | PublishError::Blocked(_) | PublishError::BufferFull { .. } => ErrorKind::Overloaded,
        _ => ErrorKind::Unavailable,
    };
    Error::from(error).context(format!("`{kind}` was not published")).with_kind(error_kind)
}
