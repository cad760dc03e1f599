//! How large a message may be, over every transport.

use super::Message;
use super::driver::{Outgoing, PublishError};

/// The largest body: 16 MiB, as RabbitMQ 4 has it.
pub const MAX_BODY: usize = 16 * 1024 * 1024;

/// The most that properties and headers may take: 32 KiB. They must fit one frame; larger ones tear down the connection.
pub const MAX_HEADERS: usize = 32 * 1024;

/// The most that each property, the name of a header, an exchange and a routing key may take: AMQP has one byte for their lengths.
pub const MAX_SHORT: usize = 255;

/// What a header takes on the wire beside its name and value.
const HEADER_OVERHEAD: usize = 6;

/// Checks the size of a message before anything of it is sent.
///
/// # Errors
/// [`PublishError::TooLarge`].
pub fn check(message: &Message) -> Result<(), PublishError> {
    let mut head = 0;
    for (what, text) in properties(message) {
        within(what, text.len(), MAX_SHORT)?;
        head += text.len();
    }
    for (name, value) in message.headers.iter() {
        within("header name", name.len(), MAX_SHORT)?;
        head += name.len() + value.len() + HEADER_OVERHEAD;
    }
    within("headers", head, MAX_HEADERS)?;
    within("body", message.body.len(), MAX_BODY)
}

/// The same, and of where it is to go.
pub(super) fn check_outgoing(outgoing: &Outgoing) -> Result<(), PublishError> {
    within("exchange name", outgoing.exchange.len(), MAX_SHORT)?;
    within("routing key", outgoing.routing_key.len(), MAX_SHORT)?;
    check(&outgoing.message)
}

/// The properties that are texts, by their names.
pub(super) fn properties(message: &Message) -> impl Iterator<Item = (&'static str, &str)> {
    let Message { id, kind, app_id, content_type, correlation_id, reply_to, .. } = message;
    let optional = [
        ("app id", app_id.as_deref()),
        ("content type", content_type.as_deref()),
        ("correlation id", correlation_id.as_deref()),
        ("reply-to", reply_to.as_deref()),
    ];
    let there = optional.into_iter().filter_map(|(what, text)| Some((what, text?)));
    [("message id", &**id), ("kind", &**kind)].into_iter().chain(there)
}

/// Nothing is larger than its limit.
pub(super) fn within(what: &'static str, size: usize, limit: usize) -> Result<(), PublishError> {
    if size > limit { Err(PublishError::TooLarge { what, size, limit }) } else { Ok(()) }
}
