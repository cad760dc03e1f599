//! A message as every transport carries it.

use std::borrow::Cow;
use std::time::SystemTime;

use bytes::Bytes;

use super::Headers;

/// A message as every transport carries it: properties, text headers and a body of bytes.
///
/// The properties are those of AMQP 0-9-1 under the names that docs/wire.md gives them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// Unique per message and the same across resends; a UUIDv7 where we made it.
    pub id: String,
    /// Name and major version of what it carries, such as `order.placed.v1`.
    pub kind: Cow<'static, str>,
    /// The service that sent it.
    pub app_id: Option<Cow<'static, str>>,
    /// What `body` is, `application/json` where we made it.
    pub content_type: Option<Cow<'static, str>>,
    /// Ties together all messages of one business process.
    pub correlation_id: Option<String>,
    /// Where an answer is expected.
    pub reply_to: Option<String>,
    /// When it was sent, in whole seconds on the wire.
    pub timestamp: Option<SystemTime>,
    /// Headers with text values. Values of other types from foreign senders arrive as their text.
    pub headers: Headers,
    /// The encoded event or command.
    pub body: Bytes,
}
