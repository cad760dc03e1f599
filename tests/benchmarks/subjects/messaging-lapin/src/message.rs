//! The message: 256 bytes of JSON, and the properties and headers of docs/wire.md.

use std::time::{SystemTime, UNIX_EPOCH};

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use serde::Deserialize;

/// The length of the body.
pub const BODY: usize = 256;

/// The body, as a handler takes it.
#[derive(Debug, Deserialize)]
pub struct Sent {
    pub number: u64,
    pub sent: u64,
    pub text: String,
}

/// A body of [`BODY`] bytes.
pub fn body(number: u64, sent: u64) -> Vec<u8> {
    // Digits enough that the length does not depend on the numbers.
    let begun = format!("{{\"number\":{},\"sent\":{},\"text\":\"", 100_000_000 + number, 1_000_000_000_000_000 + sent);
    let text = "x".repeat(BODY - begun.len() - 2);
    format!("{begun}{text}\"}}").into_bytes()
}

/// What a program writes once and copies for every message.
pub struct Template {
    properties: BasicProperties,
    headers: FieldTable,
    prefix: String,
    next: u64,
}

impl Template {
    pub fn new() -> Self {
        let long = |text: &str| AMQPValue::LongString(text.into());
        let mut headers = FieldTable::default();
        headers.insert("cloudEvents_specversion".into(), long("1.0"));
        headers.insert("cloudEvents_source".into(), long("/bench"));
        headers.insert("cloudEvents_type".into(), long(super::plan::KEY));
        headers.insert("cloudEvents_time".into(), long("2026-11-21T12:00:00.000Z"));
        headers.insert("traceparent".into(), long("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let properties = BasicProperties::default()
            .with_type(super::plan::KEY.into())
            .with_content_type("application/json".into())
            .with_app_id("bench".into())
            .with_delivery_mode(2)
            .with_timestamp(now.as_secs());
        let prefix = format!("{:012x}-7{:03x}-{:04x}", now.as_millis(), fastrand::u16(..4096), fastrand::u16(..));
        Self { properties, headers, prefix, next: 0 }
    }

    /// The properties of the next message, under an id of its own.
    pub fn next(&mut self) -> BasicProperties {
        self.next += 1;
        let id = format!("{}-{:012x}", self.prefix, self.next);
        let mut headers = self.headers.clone();
        headers.insert("cloudEvents_id".into(), AMQPValue::LongString(id.as_str().into()));
        let id = ShortString::from(id);
        self.properties.clone().with_message_id(id.clone()).with_correlation_id(id).with_headers(headers)
    }
}
