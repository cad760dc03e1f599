//! A row of the outbox, between the database and the broker.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::Result;
use crate::messaging::Message;

/// A row that waits to be sent.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) seq: i64,
    pub(super) ordering_key: Option<Arc<str>>,
    /// How often it has failed before.
    pub(super) attempts: u32,
    /// Its time is over.
    pub(super) expired: bool,
    /// What to send, or why that can't be made out.
    pub(super) letter: Result<Letter, String>,
}

/// What a row asks to be sent.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    pub(super) exchange: String,
    pub(super) routing_key: String,
    pub(super) mandatory: bool,
    pub(super) message: Message,
}

/// The column `properties`. Names are never changed, only added: rows outlive versions.
#[derive(Serialize, Deserialize)]
struct Properties {
    kind: Cow<'static, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    app_id: Option<Cow<'static, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_type: Option<Cow<'static, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reply_to: Option<String>,
    /// Milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timestamp: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    mandatory: bool,
}

pub(super) fn properties(message: &Message, mandatory: bool) -> Result<String> {
    let since_1970 = |time: SystemTime| time.duration_since(UNIX_EPOCH).ok()?.as_millis().try_into().ok();
    let properties = Properties {
        kind: message.kind.clone(),
        app_id: message.app_id.clone(),
        content_type: message.content_type.clone(),
        correlation_id: message.correlation_id.clone(),
        reply_to: message.reply_to.clone(),
        timestamp: message.timestamp.and_then(since_1970),
        mandatory,
    };
    Ok(serde_json::to_string(&properties)?)
}

impl Row {
    /// Reads the columns of [`Sql::fetch`](super::sql::Sql::fetch).
    pub(super) fn read(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            seq: row.try_get("seq")?,
            ordering_key: row.try_get::<Option<String>, _>("ordering_key")?.map(Into::into),
            attempts: row.try_get::<i64, _>("attempts")?.try_into().unwrap_or(u32::MAX),
            expired: row.try_get::<i64, _>("expired")? != 0,
            letter: Letter::read(row).map_err(|error| format!("the row cannot be read: {error:#}")),
        })
    }
}

impl Letter {
    /// Reads what is to be sent, from the table of waiting or that of parked rows.
    pub(super) fn read(row: &AnyRow) -> Result<Self> {
        let properties: Properties = serde_json::from_str(row.try_get("properties")?)?;
        Ok(Self {
            exchange: row.try_get("exchange")?,
            routing_key: row.try_get("routing_key")?,
            mandatory: properties.mandatory,
            message: Message {
                id: row.try_get("id")?,
                kind: properties.kind,
                app_id: properties.app_id,
                content_type: properties.content_type,
                correlation_id: properties.correlation_id,
                reply_to: properties.reply_to,
                timestamp: properties.timestamp.map(|millis| UNIX_EPOCH + Duration::from_millis(millis)),
                headers: serde_json::from_str(row.try_get("headers")?)?,
                body: Bytes::from(row.try_get::<Vec<u8>, _>("body")?),
            },
        })
    }
}
