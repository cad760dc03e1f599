//! Messages to and from AMQP properties, and the limits that keep a connection alive.

use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};

use crate::messaging::driver::{Outgoing, PublishError};
use crate::messaging::names::{self, headers::usual};
use crate::messaging::{Headers, Message, envelope, limits};

/// What a message that was [checked](check) is on the wire, but for its body.
pub(super) struct Encoded {
    pub(super) exchange: ShortString,
    pub(super) routing_key: ShortString,
    pub(super) properties: BasicProperties,
}

/// Checks that the broker takes `outgoing`; gives what properties and headers take of the one frame that they travel in.
///
/// # Errors
///
/// [`PublishError::TooLarge`] for what the broker would not take.
pub(super) fn check(outgoing: &Outgoing, max_body: usize) -> Result<usize, PublishError> {
    let message = &outgoing.message;
    limits::check_outgoing(outgoing)?;
    limits::within("body", message.body.len(), max_body)?;
    let properties: usize = limits::properties(message).map(|(_, text)| text.len() + 1).sum();
    let headers: usize = sent(&message.headers).map(|(name, value)| name.len() + value.len() + 6).sum();
    // Fixed parts of the frame: its own header, flags, delivery mode, timestamp, length of the table.
    Ok(64 + properties + headers)
}

/// Encodes what was [checked](check).
pub(super) fn encode(outgoing: &Outgoing) -> Encoded {
    let message = &outgoing.message;
    let mut properties = BasicProperties::default().with_delivery_mode(2);
    if !message.id.is_empty() {
        properties = properties.with_message_id(short(&message.id));
    }
    if !message.kind.is_empty() {
        properties = properties.with_type(short(&message.kind));
    }
    if let Some(app_id) = &message.app_id {
        properties = properties.with_app_id(short(app_id));
    }
    if let Some(content_type) = &message.content_type {
        properties = properties.with_content_type(short(content_type));
    }
    if let Some(correlation_id) = &message.correlation_id {
        properties = properties.with_correlation_id(short(correlation_id));
    }
    if let Some(reply_to) = &message.reply_to {
        properties = properties.with_reply_to(short(reply_to));
    }
    if let Some(timestamp) = message.timestamp {
        let seconds = timestamp.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        properties = properties.with_timestamp(seconds);
    }
    let mut table = FieldTable::default();
    for (name, value) in sent(&message.headers) {
        table.insert(short(name), AMQPValue::LongString(value.into()));
    }
    Encoded {
        exchange: short(&outgoing.exchange),
        routing_key: short(&outgoing.routing_key),
        properties: properties.with_headers(table),
    }
}

/// The headers that go to the wire: those of the broker, sent back to it as text, would confuse its own counting.
fn sent(headers: &Headers) -> impl Iterator<Item = (&str, &str)> {
    headers.iter().filter(|(name, _)| !names::is_brokers(name))
}

/// No text that was checked is too long for it.
fn short(text: &str) -> ShortString {
    ShortString::try_new(text).unwrap_or_default()
}

/// What the broker delivered, as a message.
pub(super) fn decode(properties: &BasicProperties, body: Vec<u8>) -> Message {
    let text = |property: &Option<ShortString>| property.as_ref().map(|text| text.as_str().to_owned());
    Message {
        id: text(properties.message_id()).unwrap_or_default(),
        kind: text(properties.kind()).unwrap_or_default().into(),
        app_id: text(properties.app_id()).map(Cow::Owned),
        content_type: properties.content_type().as_ref().map(|text| content_type(text.as_str())),
        correlation_id: text(properties.correlation_id()),
        reply_to: text(properties.reply_to()),
        timestamp: properties.timestamp().and_then(from_seconds),
        headers: properties.headers().as_ref().map(headers).unwrap_or_default(),
        body: body.into(),
    }
}

/// What nearly every message has need not be copied.
fn content_type(text: &str) -> Cow<'static, str> {
    if text == envelope::JSON { Cow::Borrowed(envelope::JSON) } else { Cow::Owned(text.to_owned()) }
}

/// A foreign sender may write any 64 bits, also those past the clock's own end.
fn from_seconds(seconds: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

fn headers(table: &FieldTable) -> Headers {
    table
        .inner()
        .iter()
        .map(|(name, value)| {
            let text = match json(value) {
                serde_json::Value::String(text) => text,
                value => value.to_string(),
            };
            let name = name.as_str();
            (usual(name).map_or_else(|| name.to_owned().into(), Cow::Borrowed), text)
        })
        .collect()
}

/// A header's value as JSON; of that, plain values have the text that one expects and nested ones stay readable.
fn json(value: &AMQPValue) -> serde_json::Value {
    use serde_json::Value;
    match value {
        AMQPValue::Boolean(value) => (*value).into(),
        AMQPValue::ShortShortInt(value) => (*value).into(),
        AMQPValue::ShortShortUInt(value) => (*value).into(),
        AMQPValue::ShortInt(value) => (*value).into(),
        AMQPValue::ShortUInt(value) => (*value).into(),
        AMQPValue::LongInt(value) => (*value).into(),
        AMQPValue::LongUInt(value) => (*value).into(),
        AMQPValue::LongLongInt(value) => (*value).into(),
        AMQPValue::Float(value) => (*value).into(),
        AMQPValue::Double(value) => (*value).into(),
        AMQPValue::DecimalValue(value) => format!("{}e-{}", value.value, value.scale).into(),
        AMQPValue::ShortString(value) => value.as_str().into(),
        AMQPValue::LongString(value) => lossy(value),
        AMQPValue::FieldArray(values) => values.as_slice().iter().map(json).collect(),
        AMQPValue::Timestamp(value) => (*value).into(),
        AMQPValue::FieldTable(table) => {
            let members = table.inner().iter().map(|(name, value)| (name.as_str().to_owned(), json(value)));
            Value::Object(members.collect())
        }
        AMQPValue::ByteArray(value) => String::from_utf8_lossy(value.as_slice()).into_owned().into(),
        AMQPValue::Void => Value::String(String::new()),
    }
}

fn lossy(text: &LongString) -> serde_json::Value {
    String::from_utf8_lossy(text.as_bytes()).into_owned().into()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::time::Instant;

    use super::*;

    fn outgoing(message: Message) -> Outgoing {
        Outgoing {
            exchange: "orders.events".into(),
            routing_key: "order.placed.v1".into(),
            mandatory: false,
            message,
            deadline: Instant::now(),
        }
    }

    #[test]
    fn a_message_survives_the_way_out_and_in() {
        let message = Message {
            id: "0190".to_owned(),
            kind: "order.placed.v1".into(),
            app_id: Some("orders".into()),
            content_type: Some("application/json".into()),
            correlation_id: Some("c".to_owned()),
            reply_to: Some("r".to_owned()),
            timestamp: from_seconds(1_790_000_000),
            headers: Headers::from([("traceparent".to_owned(), "00-ä".to_owned())]),
            body: Bytes::from_static(b"{}"),
        };
        let outgoing = outgoing(message.clone());
        check(&outgoing, 1_024).unwrap();
        assert_eq!(decode(&encode(&outgoing).properties, message.body.to_vec()), message);
    }

    #[test]
    fn what_is_too_large_is_named_with_its_limit() {
        let too_large = |message: Message| match check(&outgoing(message), 1_024).unwrap_err() {
            PublishError::TooLarge { what, limit, .. } => (what, limit),
            other => panic!("{other}"),
        };
        let body = Bytes::from(vec![0; 1_025]);
        assert_eq!(too_large(Message { body, ..Message::default() }), ("body", 1_024));
        let headers = Headers::from([("note".to_owned(), "x".repeat(140_000))]);
        assert_eq!(too_large(Message { headers, ..Message::default() }), ("headers", limits::MAX_HEADERS));
        let id = "x".repeat(256);
        assert_eq!(too_large(Message { id, ..Message::default() }), ("message id", 255));
    }

    #[test]
    fn the_brokers_own_headers_are_not_sent_back() {
        let names =
            ["a", "x-death", "x-delivery-count", "x-acquired-count", "x-first-death-queue", "x-last-death-reason"];
        let headers: Headers = names.map(|name| (name.to_owned(), "b".to_owned())).into_iter().collect();
        let encoded = encode(&outgoing(Message { headers, ..Message::default() }));
        let table = encoded.properties.headers().as_ref().unwrap();
        assert!(table.contains_key("a") && table.inner().len() == 1, "{table:?}");
    }

    #[test]
    fn foreign_header_values_become_their_text() {
        let mut table = FieldTable::default();
        table.insert("count".into(), AMQPValue::LongInt(3));
        table.insert("flag".into(), AMQPValue::Boolean(true));
        let mut nested = FieldTable::default();
        nested.insert("queue".into(), AMQPValue::LongString("q".into()));
        table.insert("death".into(), AMQPValue::FieldTable(nested));
        let text = headers(&table);
        assert_eq!((text.get("count"), text.get("flag")), (Some("3"), Some("true")));
        assert_eq!(text["death"], r#"{"queue":"q"}"#);
    }
}
