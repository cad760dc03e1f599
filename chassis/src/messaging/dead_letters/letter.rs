use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::context::TraceContext;
use crate::messaging::envelope::{self, View};
use crate::messaging::names::{self, headers};
use crate::messaging::{Headers, Message};
use crate::telemetry::propagation::TRACEPARENT;

/// What of a body is shown: 64 KiB.
const SHOWN: usize = 64 * 1024;
/// What of a body is shown that is no text.
const SHOWN_BINARY: usize = 1024;

/// A parked message, as far as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Letter {
    /// The message's id; one made from its content where the sender gave it none.
    pub id: String,
    /// Name and version of the event, as far as its sender said.
    #[serde(rename = "type")]
    pub kind: String,
    /// Why it was parked: `failed`, `malformed`, `undecodable`, `unmatched`, `retired` with its queue; where the broker itself did it
    /// `rejected`, `delivery_limit` or `expired`; else `unknown`.
    pub reason: String,
    /// The last error, with its causes.
    pub error: Option<String>,
    /// How often handlers have tried it.
    pub attempts: Option<u32>,
    /// When it failed for the first time.
    #[serde(serialize_with = "rfc3339")]
    pub first_failed_at: Option<SystemTime>,
    /// When it was parked, and so failed for the last time.
    #[serde(serialize_with = "rfc3339")]
    pub parked_at: Option<SystemTime>,
    /// How often it was sent back to its queue already.
    pub replays: u32,
    /// When that was last done.
    #[serde(serialize_with = "rfc3339")]
    pub replayed_at: Option<SystemTime>,
    /// Whether it is no longer worth handling; its handler would drop it.
    pub expired: bool,
    /// Under which logs and traces have it.
    pub trace_id: Option<String>,
    /// The length of its body in bytes.
    pub size: usize,
}

/// A parked message, opened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Opened {
    /// What lists show.
    #[serde(flatten)]
    pub letter: Letter,
    /// The service that sent it.
    pub app_id: Option<String>,
    /// What the body is said to be.
    pub content_type: Option<String>,
    /// Ties together all messages of one business process.
    pub correlation_id: Option<String>,
    /// The headers as they are.
    pub headers: Headers,
    /// What it carries.
    pub body: Body,
}

/// A body, cut to what a person looks at.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// It is JSON, and short enough.
    Json(Value),
    /// It is text, or the beginning of long JSON: up to 64 KiB.
    Text(String),
    /// It is neither: the first KiB, in hexadecimal digits.
    Hex(String),
}

impl Letter {
    /// Reads what headers and properties say.
    pub fn of(message: &Message) -> Self {
        let header = |name: &str| message.headers.get(name).filter(|text| !text.is_empty());
        let text = |name: &str| header(name).map(str::to_owned);
        let time =
            |name: &str| header(name).and_then(|text| text.parse::<jiff::Timestamp>().ok()).map(SystemTime::from);
        let number = |name: &str| header(name).and_then(|text| text.parse::<u32>().ok());
        let death = header("x-death").and_then(last_death);
        let died_at = death.as_ref().and_then(|death| Some(Duration::from_secs(death.get("time")?.as_u64()?)));
        let died_of = death.as_ref().and_then(|death| Some(death.get("reason")?.as_str()?.to_owned()));
        let parked_at = time(headers::PARKED_AT).or_else(|| UNIX_EPOCH.checked_add(died_at?));
        let reason = text(headers::REASON).or(died_of).or_else(|| text(headers::LAST_DEATH_REASON));
        let trace = header(TRACEPARENT).and_then(TraceContext::parse);
        Self {
            id: if message.id.is_empty() { anonymous(message) } else { message.id.clone() },
            kind: if message.kind.is_empty() {
                text("cloudEvents_type").unwrap_or_default()
            } else {
                message.kind.to_string()
            },
            reason: reason.unwrap_or_else(|| "unknown".to_owned()),
            error: text(headers::ERROR),
            attempts: number(headers::ATTEMPT),
            first_failed_at: time(headers::FIRST_FAILED_AT),
            parked_at,
            replays: number(headers::REPLAYS).unwrap_or_default(),
            replayed_at: time(headers::REPLAYED_AT),
            expired: View::read(message).is_ok_and(|envelope| envelope.is_expired(SystemTime::now())),
            trace_id: trace.map(|trace| trace.trace_id.to_string()),
            size: message.body.len(),
        }
    }
}

impl Opened {
    /// Opens a message.
    pub fn of(message: Message) -> Self {
        Self {
            letter: Letter::of(&message),
            body: Body::of(&message.body),
            app_id: message.app_id.map(Cow::into_owned),
            content_type: message.content_type.map(Cow::into_owned),
            correlation_id: message.correlation_id,
            headers: message.headers,
        }
    }
}

impl Body {
    /// What is shown of a body.
    pub fn of(bytes: &[u8]) -> Self {
        if bytes.len() <= SHOWN
            && let Ok(value) = serde_json::from_slice(bytes)
        {
            return Self::Json(value);
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text[..text.floor_char_boundary(SHOWN)].to_owned()),
            Err(_) => Self::Hex(bytes.iter().take(SHOWN_BINARY).map(|byte| format!("{byte:02x}")).collect()),
        }
    }
}

/// An id for what has none, the same at each look: FNV-1a of what a sender decides. What the broker notes is left out, since a look is
/// a delivery that it counts.
fn anonymous(message: &Message) -> String {
    let senders = message.headers.iter().filter(|(name, _)| !names::is_brokers(name));
    let head = senders.flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in head.chain([message.kind.as_bytes(), &*message.body]).flatten() {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    format!("anonymous-{hash:016x}")
}

/// What the broker noted when it last dead-lettered a message: the first entry of `x-death`. Its `time` is in seconds since 1970.
fn last_death(deaths: &str) -> Option<Value> {
    serde_json::from_str::<Value>(deaths).ok()?.get_mut(0).map(Value::take)
}

fn rfc3339<S: Serializer>(time: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    time.and_then(envelope::rfc3339).serialize(serializer)
}
