//! A message as it came, its body not decoded yet.

use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use super::envelope::{self, Malformed, View};
use super::names::headers;
use super::{Delivery, Envelope, Event, Headers, Message};
use crate::{Error, ErrorKind, Result};

/// A message as it came: its headers read, its body not decoded yet. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Received(Arc<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    message: Message,
    /// When it is no longer worth handling.
    expires_at: Option<SystemTime>,
    /// Read when it is first asked for.
    envelope: OnceLock<Envelope>,
    exchange: String,
    routing_key: String,
    redelivered: bool,
    attempt: u32,
}

/// The body of a message is not what its type promises. Such a message is parked at once, since trying again cannot help.
#[derive(Debug, thiserror::Error)]
pub enum Undecodable {
    /// A message of another type than the handler is for.
    #[error("the message is a `{found}`, its queue's handler takes `{expected}`")]
    Kind {
        /// What the message says it is.
        found: String,
        /// What the handler takes.
        expected: &'static str,
    },
    /// A body that does not fit the type.
    #[error("the body is no `{kind}`: {source}")]
    Body {
        /// What the message says it is.
        kind: &'static str,
        /// What is wrong with it, and where.
        source: serde_json::Error,
    },
}

impl Received {
    /// A message that came from `exchange` with `routing_key`.
    ///
    /// # Errors
    /// The first header of its envelope that is missing or wrong.
    pub fn new(message: Message, exchange: String, routing_key: String, redelivered: bool) -> Result<Self, Malformed> {
        let expires_at = View::read(&message)?.expires_at;
        Ok(Self::checked(message, exchange, routing_key, redelivered, expires_at))
    }

    /// The same of a message whose envelope was looked at.
    pub(super) fn checked(
        message: Message,
        exchange: String,
        routing_key: String,
        redelivered: bool,
        expires_at: Option<SystemTime>,
    ) -> Self {
        let tried: u32 = message.headers.get(headers::ATTEMPT).and_then(|text| text.parse().ok()).unwrap_or(0);
        // A message that comes back from a delay was routed by its queue's name; where it was first sent stands in headers.
        let first = |name: &str, now: String| message.headers.get(name).map_or(now, str::to_owned);
        let exchange = first(headers::EXCHANGE, exchange);
        let routing_key = first(headers::ROUTING_KEY, routing_key);
        let attempt = tried.saturating_add(1);
        let envelope = OnceLock::new();
        Self(Arc::new(Inner { message, expires_at, envelope, exchange, routing_key, redelivered, attempt }))
    }

    /// The message's id, the same across resends and redeliveries.
    pub fn id(&self) -> &str {
        envelope::identity(&self.0.message)
    }

    /// Name and major version of the event, such as `order.placed.v1`.
    pub fn kind(&self) -> &str {
        envelope::kind(&self.0.message)
    }

    /// What is known of the event besides its data.
    pub fn envelope(&self) -> &Envelope {
        // It was looked at when the message came, and is well-formed.
        self.0.envelope.get_or_init(|| Envelope::read(&self.0.message).unwrap_or_default())
    }

    /// The message itself.
    pub fn message(&self) -> &Message {
        &self.0.message
    }

    /// When it is no longer worth handling.
    pub(super) fn expires_at(&self) -> Option<SystemTime> {
        self.0.expires_at
    }

    /// The headers as they came.
    pub fn headers(&self) -> &Headers {
        &self.0.message.headers
    }

    /// The exchange that it was first published to.
    pub fn exchange(&self) -> &str {
        &self.0.exchange
    }

    /// The key that it was first published with.
    pub fn routing_key(&self) -> &str {
        &self.0.routing_key
    }

    /// Whether it was, or may have been, delivered before.
    pub fn redelivered(&self) -> bool {
        self.0.redelivered
    }

    /// Which attempt at handling this is, counted from one.
    pub fn attempt(&self) -> u32 {
        self.0.attempt
    }

    /// Counts one more attempt at handling it.
    pub(super) fn next_attempt(&mut self) {
        // A handler may have kept a clone, which goes on saying which attempt it was.
        Arc::make_mut(&mut self.0).attempt += 1;
    }

    /// Decodes the event.
    ///
    /// # Errors
    /// [`Undecodable`], as the cause of an error of kind [`ErrorKind::Decode`].
    pub fn decode<T: Event>(&self) -> Result<Delivery<T>> {
        let undecodable = |cause| Error::from(cause).with_kind(ErrorKind::Decode);
        if self.kind() != T::KIND {
            return Err(undecodable(Undecodable::Kind { found: self.kind().to_owned(), expected: T::KIND }));
        }
        match serde_json::from_slice(&self.0.message.body) {
            Ok(event) => Ok(Delivery::new(event, self.clone())),
            Err(source) => Err(undecodable(Undecodable::Body { kind: T::KIND, source })),
        }
    }
}
