//! What can be set.

use std::fmt;
use std::time::Duration;

use super::uri;
use crate::messaging::limits;

/// How RabbitMQ is reached, and the limits of what is sent there.
#[derive(Clone)]
pub struct AmqpSettings {
    /// Where the broker is, `amqp://user:password@host:5672/vhost` or `amqps://…`. Of several, the first that answers is used.
    pub uris: Vec<String>,
    /// The name under which the broker lists the connections.
    pub name: String,
    /// For how long one attempt to connect may take, the handshake included.
    pub connect_timeout: Duration,
    /// How often both sides show that they are alive; the connection is lost after two that are missing.
    pub heartbeat: Duration,
    /// The longest pause before the first reconnection; it doubles from there.
    pub backoff_min: Duration,
    /// The longest pause before any reconnection.
    pub backoff_max: Duration,
    /// How many messages may wait for their confirmation at once.
    pub in_flight: usize,
    /// How many messages may wait to be sent. What comes on top is refused.
    pub buffer: usize,
    /// After which time a missing confirmation makes the publisher take a new channel and send again.
    pub confirm_timeout: Duration,
    /// The largest body, in bytes; no more than [`MAX_BODY`](limits::MAX_BODY). Lower it where the broker's own limit is lower.
    pub max_body: usize,
    /// Certificates for `amqps`.
    pub tls: Tls,
}

/// Certificates for `amqps`. Without any, the operating system says who is trusted.
#[derive(Clone, Default)]
pub struct Tls {
    /// Authorities to trust besides, as PEM.
    pub authorities: Option<String>,
    /// How this side shows who it is.
    pub identity: Option<Identity>,
}

/// A client certificate with its key.
#[derive(Clone)]
pub struct Identity {
    /// The certificate and those between it and its authority, as PEM.
    pub certificates: String,
    /// The private key in PKCS #8, as PEM.
    pub key: String,
}

impl AmqpSettings {
    /// The defaults, for one broker.
    pub fn new(uri: impl Into<String>) -> Self {
        Self { uris: vec![uri.into()], ..Self::default() }
    }
}

impl Default for AmqpSettings {
    fn default() -> Self {
        Self {
            uris: Vec::new(),
            name: "chassis".to_owned(),
            connect_timeout: Duration::from_secs(10),
            heartbeat: Duration::from_secs(10),
            backoff_min: Duration::from_millis(200),
            backoff_max: Duration::from_secs(30),
            in_flight: 1_000,
            buffer: 10_000,
            confirm_timeout: Duration::from_secs(10),
            max_body: limits::MAX_BODY,
            tls: Tls::default(),
        }
    }
}

impl fmt::Debug for AmqpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uris: Vec<String> = self.uris.iter().map(|uri| uri::masked(uri)).collect();
        f.debug_struct("AmqpSettings")
            .field("uris", &uris)
            .field("name", &self.name)
            .field("connect_timeout", &self.connect_timeout)
            .field("heartbeat", &self.heartbeat)
            .field("backoff_min", &self.backoff_min)
            .field("backoff_max", &self.backoff_max)
            .field("in_flight", &self.in_flight)
            .field("buffer", &self.buffer)
            .field("confirm_timeout", &self.confirm_timeout)
            .field("max_body", &self.max_body)
            .field("tls", &self.tls)
            .finish()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("authorities", &self.authorities.is_some())
            .field("identity", &self.identity.is_some())
            .finish()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(***)")
    }
}
