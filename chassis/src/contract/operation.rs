//! One method of a contract, as generated code has it.

use http::{Method, StatusCode};
use tokio::time::Duration;

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
        }
    }

    /// Whether a call of it must carry a key to be repeatable.
    pub(crate) fn is_keyed(&self) -> bool {
        self.idempotent && !self.method.is_idempotent()
    }
}
