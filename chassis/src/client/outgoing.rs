//! A call before it has an address.

use std::sync::Arc;

use http::{HeaderMap, Method};

use super::Timeouts;
use crate::http::stream::Payload;

/// A call before it has an address.
#[derive(Debug)]
#[cfg_attr(not(feature = "client"), allow(dead_code, reason = "nothing is sent without the feature"))]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: String,
    /// What the operation's arguments have set.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Payload,
    /// Whether a success is handed over while it comes.
    pub(crate) streams: bool,
    pub(crate) contract: &'static str,
    pub(crate) operation: &'static str,
    pub(crate) template: &'static str,
    pub(crate) limits: Timeouts,
    /// Whether it may be sent again.
    pub(crate) idempotent: bool,
    /// `Some` where the operation takes a key; inside, the one that the caller chose.
    pub(crate) key: Option<Option<Arc<str>>>,
}

impl Outgoing {
    /// Whether anything of it, there or back, may take as long as the call has.
    #[cfg_attr(not(feature = "client"), allow(dead_code, reason = "nothing is sent without the feature"))]
    pub(crate) fn moves(&self) -> bool {
        self.streams || matches!(self.body, Payload::Stream(_))
    }
}

#[cfg(all(test, feature = "client"))]
impl Outgoing {
    /// One that tests change to what they need.
    pub(crate) fn example() -> Self {
        Self {
            method: Method::GET,
            target: "/v1/stock".to_owned(),
            headers: HeaderMap::new(),
            body: Payload::default(),
            streams: false,
            contract: "stock",
            operation: "all",
            template: "/v1/stock",
            limits: Timeouts::default(),
            idempotent: true,
            key: None,
        }
    }
}
