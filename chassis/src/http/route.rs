//! The routes of a service, as the macros declare them.

use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use http::{Method, StatusCode};
use schemars::{Schema, SchemaGenerator};
use tokio::time::Duration;

use super::guards::Guards;
use crate::BoxFuture;

/// A handler with everything it needs: takes the request, gives the response.
pub type Endpoint = Arc<dyn Fn(Request) -> BoxFuture<'static, Response> + Send + Sync>;

/// What is declared about one route.
#[derive(Debug, Clone)]
pub struct RouteSpec {
    /// The method it answers.
    pub method: Method,
    /// The pattern, with parameters in braces: `/stock/{sku}`.
    pub path: &'static str,
    /// The function's name, which is the operation id in OpenAPI.
    pub name: &'static str,
    /// The first paragraph of its documentation.
    pub summary: &'static str,
    /// The contract it belongs to, with its version.
    pub contract: Option<(&'static str, u32)>,
    /// The status of a success, where it is not 200.
    pub status: Option<StatusCode>,
    /// How long it may take, where it is not the listener's default.
    pub timeout: Option<Duration>,
    /// Whether the call may be repeated, being idempotent by itself or by its key.
    pub idempotent: bool,
    /// What else is declared of how it is guarded.
    pub guards: Guards,
    /// What describes the JSON that it takes, where that is known; a contract describes its operations itself.
    pub request: Option<Describe>,
    /// What describes the JSON that it answers, where that is known.
    pub response: Option<Describe>,
    /// Whether it takes a stream of bytes.
    pub takes_stream: bool,
    /// Whether it answers one.
    pub answers_stream: bool,
}

/// Describes a type, if it has a schema.
pub type Describe = fn(&mut SchemaGenerator) -> Option<Schema>;

impl RouteSpec {
    /// A route of which nothing is known but where it is.
    #[cfg(test)]
    pub(crate) fn new(method: Method, path: &'static str) -> Self {
        Self {
            method,
            path,
            name: "",
            summary: "",
            contract: None,
            status: None,
            timeout: None,
            idempotent: false,
            guards: Guards::NONE,
            request: None,
            response: None,
            takes_stream: false,
            answers_stream: false,
        }
    }
}

/// The routes of a service.
#[derive(Default)]
pub struct Routes {
    entries: Vec<(RouteSpec, Endpoint)>,
}

impl Routes {
    /// Adds a route.
    pub fn add<S: Send + Sync + ?Sized + 'static>(
        &mut self,
        spec: RouteSpec,
        this: Arc<S>,
        handler: fn(Arc<S>, Request) -> BoxFuture<'static, Response>,
    ) {
        self.entries.push((spec, Arc::new(move |request| handler(Arc::clone(&this), request))));
    }

    /// What is declared about the routes added so far.
    pub fn specs(&self) -> impl Iterator<Item = &RouteSpec> {
        self.entries.iter().map(|(spec, _)| spec)
    }

    /// The routes added so far.
    pub fn into_entries(self) -> Vec<(RouteSpec, Endpoint)> {
        self.entries
    }
}
