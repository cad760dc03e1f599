//! A message as bytes, as it lies in the engine and in its store.

use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::messaging::{Headers, Message};

/// Properties and headers; JSON, so that a person who opens the store can read them.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Head<'a> {
    id: Cow<'a, str>,
    kind: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<Cow<'a, str>>,
    /// Whole seconds since 1970, no finer than AMQP has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<u64>,
    headers: Cow<'a, Headers>,
}

/// Writes the head; the body is bytes already.
pub(super) fn encode(message: &Message) -> Bytes {
    let head = Head {
        id: Cow::Borrowed(&message.id),
        kind: Cow::Borrowed(&message.kind),
        app_id: message.app_id.as_deref().map(Cow::Borrowed),
        content_type: message.content_type.as_deref().map(Cow::Borrowed),
        correlation_id: message.correlation_id.as_deref().map(Cow::Borrowed),
        reply_to: message.reply_to.as_deref().map(Cow::Borrowed),
        timestamp: message.timestamp.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).map(|since| since.as_secs()),
        headers: Cow::Borrowed(&message.headers),
    };
    // A map of strings can always be written.
    serde_json::to_vec(&head).unwrap_or_default().into()
}

/// Reads what [`encode`] wrote. A head that was damaged in the store gives a message without headers, which is parked as malformed.
pub(super) fn decode(head: &[u8], body: Bytes) -> Message {
    let head: Head<'_> = serde_json::from_slice(head).unwrap_or_default();
    let text = |value: Option<Cow<'_, str>>| value.map(Cow::into_owned);
    Message {
        id: head.id.into_owned(),
        kind: head.kind.into_owned().into(),
        app_id: text(head.app_id).map(Cow::Owned),
        content_type: text(head.content_type).map(Cow::Owned),
        correlation_id: text(head.correlation_id),
        reply_to: text(head.reply_to),
        timestamp: head.timestamp.and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))),
        headers: head.headers.into_owned(),
        body,
    }
}
