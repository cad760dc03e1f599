//! One method of a contract, as generated code has it.

use http::{HeaderValue, Method, StatusCode};
use tokio::time::Duration;

use crate::http::json::essence;
use crate::http::stream::OCTETS;
use crate::http::{Guards, RouteSpec};

/// One method of a contract.
#[derive(Debug)]
pub struct Operation {
    /// The contract's name.
    pub contract: &'static str,
    /// Its major version.
    pub version: u32,
    /// The method's name.
    pub name: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The path with its version: `/v1/stock/{sku}`.
    pub path: &'static str,
    /// The first paragraph of its documentation.
    pub summary: &'static str,
    /// All of its documentation.
    pub description: &'static str,
    /// The status of a success, where one was declared.
    pub status: Option<u16>,
    /// The media type of its streams, where it was declared.
    pub content_type: Option<&'static str>,
    /// How long it may take, where it was declared.
    pub timeout: Option<Duration>,
    /// Whether it may be repeated, being idempotent by its method or by its key.
    pub idempotent: bool,
    /// What else is declared of how it is guarded.
    pub guards: Guards,
}

impl Operation {
    /// What the router needs to know of it.
    pub fn route(&self) -> RouteSpec {
        RouteSpec {
            method: self.method.clone(),
            path: self.path,
            name: self.name,
            summary: self.summary,
            contract: Some((self.contract, self.version)),
            status: self.status.and_then(|status| StatusCode::from_u16(status).ok()),
            timeout: self.timeout,
            idempotent: self.idempotent,
            guards: self.guards,
            request: None,
            response: None,
            takes_stream: false,
            answers_stream: false,
        }
    }

    /// The media type of its streams.
    pub(crate) fn media_type(&self) -> &'static str {
        self.content_type.unwrap_or(OCTETS)
    }

    /// Whether a message of that media type may be one of its streams. Where none was declared, any may.
    pub(crate) fn streams_as(&self, kind: Option<&HeaderValue>) -> bool {
        let Some(declared) = self.content_type else { return true };
        kind.and_then(|kind| kind.to_str().ok()).is_some_and(|kind| essence(kind) == essence(declared))
    }

    /// Whether a call of it must carry a key to be repeatable.
    pub(crate) fn is_keyed(&self) -> bool {
        self.idempotent && !self.method.is_idempotent()
    }
}
