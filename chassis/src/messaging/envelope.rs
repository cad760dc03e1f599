//! How an event becomes a [`Message`] and back: CloudEvents 1.0 in binary mode, as headers `cloudEvents_*`.
//!
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md>; its AMQP binding is for AMQP 1.0, ours is
//! the same mapping on the headers of AMQP 0-9-1.

use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::delivery::Cause;
use super::names::headers::{self, CE_ID, CE_SOURCE, CE_SPEC_VERSION, CE_SUBJECT, CE_TIME, CE_TYPE};
use super::names::source_of;
use super::{Event, Headers, Message};
use crate::context::{Context, is_request_id};
use crate::telemetry::propagation;
use crate::{Error, Result};

/// The content type of every body that we make.
pub const JSON: &str = "application/json";

const SPEC_VERSION: &str = "1.0";
/// How many headers an event has at most, but for baggage and the like.
const HEADERS: usize = 8;
/// What the property `message-id` has room for, in bytes.
const MAX_ID: usize = 255;
/// What most events fit in, in bytes.
const BODY: usize = 256;

/// What is known of an event besides its data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Unique per event and the same across resends.
    pub id: String,
    /// Name and major version, such as `order.placed.v1`.
    pub kind: Cow<'static, str>,
    /// Who published it: `/orders`.
    pub source: Cow<'static, str>,
    /// When it was published.
    pub time: Option<SystemTime>,
    /// The event's ordering key.
    pub subject: Option<String>,
    /// Ties together all messages of one business process.
    pub correlation_id: Option<String>,
    /// The message that this one came of.
    pub causation_id: Option<String>,
    /// When it is no longer worth handling.
    pub expires_at: Option<SystemTime>,
}

/// Why the headers of a message could not be read as an envelope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// A header that every event must have.
    #[error("header `{0}` is missing or empty")]
    Missing(&'static str),
    /// A header that says something impossible.
    #[error("header `{name}` is `{value}`; expected {expected}")]
    Header {
        /// The header.
        name: &'static str,
        /// What it says, cut short.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// A body that is no JSON.
    #[error("content type `{0}` cannot be read; expected `application/json`")]
    ContentType(String),
}

/// Turns an event into a message from `service`, under a new id.
///
/// Trace, baggage and request id come from `context`; correlation and causation from the delivery that is being handled.
///
/// # Errors
/// The event cannot be written as JSON.
pub fn encode<E: Event>(event: &E, service: &'static str, context: &Context) -> Result<Message> {
    let mut body = Vec::with_capacity(BODY);
    serde_json::to_writer(&mut body, event).map_err(|error| unwritable(error, E::KIND))?;
    let now = SystemTime::now();
    let cause = Cause::current();
    let envelope = Envelope {
        id: new_id(now),
        kind: E::KIND.into(),
        source: source_of(service).into(),
        time: Some(now),
        subject: event.key(),
        correlation_id: cause.as_ref().and_then(|Cause(received)| received.message().correlation_id.clone()),
        causation_id: cause.map(|Cause(received)| received.id().to_owned()),
        expires_at: E::EXPIRES_AFTER.map(|after| now + after),
    };
    let mut message = envelope.into_message();
    message.app_id = Some(service.into());
    message.body = body.into();
    write_context(context, &mut message.headers);
    Ok(message)
}

fn unwritable(error: serde_json::Error, kind: &str) -> Error {
    Error::from(error).context(format!("`{kind}` cannot be written as JSON"))
}

/// A UUIDv7. It need only be unique, so that its random part is not worth a call of the system.
fn new_id(now: SystemTime) -> String {
    let millis = u64::try_from(since_1970(now).as_millis()).unwrap_or_default();
    let random = fastrand::u128(..).to_ne_bytes();
    let mut ten = [0; 10];
    ten.copy_from_slice(&random[..10]);
    let id = uuid::Builder::from_unix_timestamp_millis(millis, &ten).into_uuid();
    id.as_hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()).to_owned()
}

/// Writes trace, baggage and request id.
pub(crate) fn write_context(context: &Context, headers: &mut Headers) {
    propagation::inject(context, |name, value| {
        headers.insert(name, value);
    });
    if let Some(id) = &context.request_id {
        headers.insert(headers::REQUEST_ID, id.to_string());
    }
}

/// Reads trace, baggage and request id; what is malformed is left out.
pub(crate) fn read_context(message: &Message, service: &'static str) -> Context {
    let get = |name: &str| message.headers.get(name);
    let (trace, baggage) = propagation::extract(get);
    Context {
        trace,
        service: Some(service),
        request_id: get(headers::REQUEST_ID).filter(|id| is_request_id(id)).map(Into::into),
        baggage,
        ..Context::default()
    }
}

/// The ordering key of a message, if it has one.
pub(crate) fn ordering_key(message: &Message) -> Option<&str> {
    optional(message, CE_SUBJECT)
}

/// The type of a message whose envelope is well-formed.
pub(crate) fn kind(message: &Message) -> &str {
    optional(message, CE_TYPE).unwrap_or_default()
}

/// The id of a message, read before its envelope is.
pub(crate) fn identity(message: &Message) -> &str {
    if message.id.is_empty() { optional(message, CE_ID).unwrap_or_default() } else { &message.id }
}

/// An envelope where it lies in its message: every delivery is checked, and few handlers ask for more than its event.
pub(crate) struct View<'a> {
    id: &'a str,
    pub(crate) kind: &'a str,
    source: &'a str,
    time: Option<SystemTime>,
    pub(crate) expires_at: Option<SystemTime>,
}

impl<'a> View<'a> {
    /// Reads the envelope of a message.
    ///
    /// # Errors
    /// The first header that is missing or wrong.
    pub(crate) fn read(message: &'a Message) -> Result<Self, Malformed> {
        let version = required(message, CE_SPEC_VERSION)?;
        if version != SPEC_VERSION {
            return Err(wrong(CE_SPEC_VERSION, version, "`1.0`"));
        }
        let id = required(message, CE_ID)?;
        if !message.id.is_empty() && message.id != id {
            return Err(wrong(CE_ID, id, "the same as the property message-id"));
        }
        // The inbox remembers it, in a database that takes neither.
        if id.len() > MAX_ID || id.contains('\0') {
            return Err(wrong(CE_ID, id, "at most 255 bytes without a zero character"));
        }
        let kind = required(message, CE_TYPE)?;
        if !message.kind.is_empty() && message.kind != kind {
            return Err(wrong(CE_TYPE, kind, "the same as the property type"));
        }
        if let Some(content_type) = message.content_type.as_deref().filter(|text| !is_json(text)) {
            return Err(Malformed::ContentType(short(content_type)));
        }
        Ok(Self {
            id,
            kind,
            source: required(message, CE_SOURCE)?,
            time: optional(message, CE_TIME).map(read_time).transpose()?,
            expires_at: optional(message, headers::EXPIRES_AT).map(read_expiry).transpose()?,
        })
    }

    /// Whether the message is no longer worth handling at `now`.
    pub(crate) fn is_expired(&self, now: SystemTime) -> bool {
        is_over(self.expires_at, now)
    }
}

impl Envelope {
    /// Reads the envelope of a message.
    ///
    /// # Errors
    /// The first header that is missing or wrong.
    pub fn read(message: &Message) -> Result<Self, Malformed> {
        let View { id, kind, source, time, expires_at } = View::read(message)?;
        Ok(Self {
            id: id.to_owned(),
            kind: kind.to_owned().into(),
            source: source.to_owned().into(),
            time,
            subject: optional(message, CE_SUBJECT).map(str::to_owned),
            correlation_id: message.correlation_id.clone(),
            causation_id: optional(message, headers::CAUSATION_ID).map(str::to_owned),
            expires_at,
        })
    }

    /// Whether it is no longer worth handling at `now`.
    pub fn is_expired(&self, now: SystemTime) -> bool {
        is_over(self.expires_at, now)
    }

    /// A message with this envelope and no body yet. Without a correlation of its own an event begins one.
    fn into_message(self) -> Message {
        // In the order of their names, as they are kept.
        let mut headers = Headers::with_capacity(HEADERS);
        let mut set = |name: &'static str, value: Option<Cow<'static, str>>| {
            if let Some(value) = value {
                headers.insert(name, value);
            }
        };
        set(headers::CAUSATION_ID, self.causation_id.map(Cow::Owned));
        set(headers::EXPIRES_AT, self.expires_at.map(|at| since_1970(at).as_millis().to_string().into()));
        set(CE_ID, Some(self.id.clone().into()));
        set(CE_SOURCE, Some(self.source));
        set(CE_SPEC_VERSION, Some(SPEC_VERSION.into()));
        set(CE_SUBJECT, self.subject.map(Cow::Owned));
        set(CE_TIME, self.time.and_then(rfc3339).map(Cow::Owned));
        set(CE_TYPE, Some(self.kind.clone()));
        Message {
            correlation_id: Some(self.correlation_id.unwrap_or_else(|| self.id.clone())),
            id: self.id,
            kind: self.kind,
            content_type: Some(JSON.into()),
            timestamp: self.time,
            headers,
            ..Message::default()
        }
    }
}

/// A time as RFC 3339 has it, to the millisecond; `None` beyond the year 9999.
pub(crate) fn rfc3339(time: SystemTime) -> Option<String> {
    jiff::Timestamp::from_millisecond(i64::try_from(since_1970(time).as_millis()).ok()?)
        .ok()
        .map(|time| time.to_string())
}

fn is_over(expires_at: Option<SystemTime>, now: SystemTime) -> bool {
    expires_at.is_some_and(|at| at <= now)
}

fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn optional<'a>(message: &'a Message, name: &str) -> Option<&'a str> {
    message.headers.get(name)
}

fn required<'a>(message: &'a Message, name: &'static str) -> Result<&'a str, Malformed> {
    optional(message, name).filter(|value| !value.is_empty()).ok_or(Malformed::Missing(name))
}

fn read_time(text: &str) -> Result<SystemTime, Malformed> {
    text.parse::<jiff::Timestamp>().map(SystemTime::from).map_err(|_| wrong(CE_TIME, text, "a time as in RFC 3339"))
}

fn read_expiry(text: &str) -> Result<SystemTime, Malformed> {
    text.parse()
        .ok()
        .and_then(|millis| UNIX_EPOCH.checked_add(Duration::from_millis(millis)))
        .ok_or_else(|| wrong(headers::EXPIRES_AT, text, "milliseconds since 1970"))
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == JSON || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn wrong(name: &'static str, value: &str, expected: &'static str) -> Malformed {
    Malformed::Header { name, value: short(value), expected }
}

/// Errors travel in headers and logs, so that what they quote is kept short.
fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::context::TraceContext;

    #[derive(Debug, Serialize, Deserialize, JsonSchema)]
    struct Placed {
        order: u32,
    }

    impl Event for Placed {
        const NAME: &'static str = "order.placed";
        const VERSION: u32 = 1;
        const OWNER: &'static str = "orders";
        const KIND: &'static str = "order.placed.v1";
        const EXPIRES_AFTER: Option<Duration> = Some(Duration::from_secs(60));

        fn key(&self) -> Option<String> {
            Some(self.order.to_string())
        }
    }

    fn placed() -> Message {
        let context = Context {
            trace: TraceContext::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").expect("well-formed"),
            request_id: Some("r-1".into()),
            baggage: Some("a=b".into()),
            ..Context::default()
        };
        encode(&Placed { order: 7 }, "orders", &context).expect("encodes")
    }

    #[test]
    fn an_event_survives_the_way_there_and_back() {
        let message = placed();
        let envelope = Envelope::read(&message).expect("well-formed");
        assert_eq!(envelope.id, message.id);
        assert_eq!(envelope.kind, "order.placed.v1");
        assert_eq!(envelope.source, "/orders");
        assert_eq!(envelope.subject.as_deref(), Some("7"));
        assert_eq!(envelope.correlation_id, Some(message.id.clone()), "an event without a cause begins a correlation");
        assert!(!envelope.is_expired(SystemTime::now()));
        assert!(envelope.is_expired(SystemTime::now() + Duration::from_secs(61)));
        assert_eq!(message.body.as_ref(), br#"{"order":7}"#);

        let context = read_context(&message, "inventory");
        assert_eq!(context.trace.traceparent(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        assert_eq!(context.request_id.as_deref(), Some("r-1"));
        assert_eq!(context.baggage.as_deref(), Some("a=b"));
    }

    #[test]
    fn a_request_id_that_no_log_should_show_is_left_out() {
        for id in ["", "two words", "line\nbreak", "zero\0", "\u{1b}[31m", "é", &"x".repeat(129)] {
            let mut message = placed();
            message.headers.insert(headers::REQUEST_ID, id.to_owned());
            let taken = read_context(&message, "inventory").request_id;
            assert!(taken.is_none() || id.is_empty(), "{id:?} gave {taken:?}");
        }
    }

    #[test]
    fn ids_are_of_version_7_in_the_order_of_time() {
        let at = |seconds| new_id(UNIX_EPOCH + Duration::from_secs(seconds));
        let id: uuid::Uuid = at(1_790_000_000).parse().expect("a UUID");
        assert_eq!((id.get_version_num(), id.get_variant()), (7, uuid::Variant::RFC4122));
        assert!(at(1_790_000_000) < at(1_790_000_001) && at(1) != at(1));
    }

    #[test]
    fn every_wrong_header_is_named() {
        let without = |name: &str| {
            let mut message = placed();
            message.headers.remove(name);
            Envelope::read(&message).expect_err(name).to_string()
        };
        for name in [CE_SPEC_VERSION, CE_ID, CE_SOURCE, CE_TYPE] {
            assert_eq!(without(name), format!("header `{name}` is missing or empty"));
        }
        let with = |name: &str, value: &str| {
            let mut message = placed();
            message.headers.insert(name.to_owned(), value.to_owned());
            Envelope::read(&message).expect_err(name).to_string()
        };
        assert_eq!(with(CE_SPEC_VERSION, "0.3"), "header `cloudEvents_specversion` is `0.3`; expected `1.0`");
        assert_eq!(with(CE_TIME, "noon"), "header `cloudEvents_time` is `noon`; expected a time as in RFC 3339");
        assert!(with(CE_ID, "other").contains("the same as the property message-id"));
        for id in ["x".repeat(256), "a\0b".to_owned()] {
            let mut message = Message { id: String::new(), ..placed() };
            message.headers.insert(CE_ID, id);
            let error = Envelope::read(&message).expect_err("no id for a database").to_string();
            assert!(error.ends_with("at most 255 bytes without a zero character"), "{error}");
        }
        assert!(with(headers::EXPIRES_AT, "-1").contains("milliseconds since 1970"));

        let mut message = placed();
        message.content_type = Some("text/plain".into());
        assert!(Envelope::read(&message).expect_err("no JSON").to_string().contains("`text/plain`"));
    }
}
