//! One other service, as its clients call it.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::{HOST, USER_AGENT};
use http::uri::{Authority, Scheme};
use http::{HeaderName, HeaderValue, Request, Response, Uri};
use jiff::Timestamp;
use tokio::time::Instant;
use tower::{Service, ServiceExt};

use super::address::Address;
use super::balance::{EndpointState, Tried};
use super::instances::port;
use super::instruments::{Ended, Instruments};
use super::settings::Policies;
use super::stack::{self, Built, Instances, Limits, Stack};
use super::{ClientSettings, Timeouts};
use crate::config::{Faults, mask_url};
use crate::discovery::Discovery;
use crate::resilience::circuit_breaker::CircuitBreaker;
use crate::telemetry::propagation;
use crate::telemetry::span::{Span, SpanKind};
use crate::{Context, Error, ErrorKind, Result};

/// The header under which the other side remembers a call.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// One other service. Cloning is cheap and shares the connections.
#[derive(Clone)]
pub struct Remote(Arc<Inner>);

struct Inner {
    scheme: Scheme,
    authority: Authority,
    /// What stands before every path, without a slash at its end.
    prefix: String,
    policies: Policies,
    breaker: CircuitBreaker,
    /// Where the instances are known.
    instances: Option<Instances>,
    instruments: Instruments,
    /// For operators: when, and what.
    last_failure: Mutex<Option<(Timestamp, String)>>,
    stack: Stack,
}

/// A call before it has an address.
pub(crate) struct Outgoing {
    pub(crate) request: Request<Bytes>,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) contract: &'static str,
    pub(crate) operation: &'static str,
    pub(crate) template: &'static str,
    pub(crate) limits: Timeouts,
    /// Whether it may be sent again.
    pub(crate) idempotent: bool,
    /// `Some` where the operation takes a key; inside, the one that the caller chose.
    pub(crate) key: Option<Option<Arc<str>>>,
}

impl Remote {
    /// A service that `[clients.NAME]` describes. No connection is made yet.
    ///
    /// # Errors
    /// When there is no URL, or it is none that can be called, or the settings contradict each other.
    pub fn new(name: &str, settings: &ClientSettings) -> Result<Self> {
        Self::of_service("", name, settings)
    }

    /// The same for a service of this process, under whose name it is counted.
    pub(crate) fn of_service(service: &str, name: &str, settings: &ClientSettings) -> Result<Self> {
        let key = format!("clients.{name}.url");
        let Some(url) = &settings.url else {
            let advice = format!(
                "`{name}` does not run in this process and has no address: set `{key}`, such as \"http://{name}:8080\""
            );
            return Err(Error::new(ErrorKind::Config, advice));
        };
        let wrong = |why: &str| Error::new(ErrorKind::Config, format!("`{key}` is \"{}\": {why}", mask_url(url)));
        let Address { scheme, authority, prefix } = Address::parse(url).map_err(wrong)?;
        let mut faults = Faults::default();
        let policies = Policies::of(settings, &mut faults);
        if !faults.is_empty() {
            return Err(Error::new(ErrorKind::Config, format!("`[clients.{name}]` cannot be used")).with_source(faults));
        }
        let instruments = Instruments::new(service, name);
        let Built { stack, breaker, instances } = stack::build(&scheme, &authority, settings, &policies, &instruments)?;
        Ok(Self(Arc::new(Inner {
            scheme,
            authority,
            prefix,
            policies,
            breaker,
            instances,
            instruments,
            last_failure: Mutex::default(),
            stack,
        })))
    }

    /// Its time limits.
    pub fn timeouts(&self) -> Timeouts {
        self.0.policies.timeouts
    }

    /// Its circuit breaker, which an operator can force open or disable.
    pub fn breaker(&self) -> &CircuitBreaker {
        &self.0.breaker
    }

    /// Its instances and how they are; `None` where the operating system finds them.
    pub fn endpoints(&self) -> Option<Vec<EndpointState>> {
        Some(self.0.instances.as_ref()?.balancer.states())
    }

    /// What finds its instances; `None` where the operating system does.
    pub(crate) fn discovery(&self) -> Option<&Discovery> {
        Some(&self.0.instances.as_ref()?.discovery)
    }

    /// Where it is.
    pub(crate) fn address(&self) -> String {
        let Inner { scheme, authority, prefix, .. } = &*self.0;
        format!("{scheme}://{authority}{prefix}")
    }

    /// The policies that are active, in the order in which a call meets them.
    pub(crate) fn policies(&self) -> String {
        self.0.policies.to_string()
    }

    /// When a call failed last, and how.
    pub(crate) fn last_failure(&self) -> Option<(Timestamp, String)> {
        self.0.last_failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn failed(&self, failure: String) {
        *self.0.last_failure.lock().unwrap_or_else(PoisonError::into_inner) = Some((Timestamp::now(), failure));
    }

    /// Makes a call: whatever is answered is `Ok`.
    pub(crate) async fn call(&self, outgoing: Outgoing) -> Result<Response<Bytes>> {
        let Inner { scheme, authority, prefix, instruments, stack, .. } = &*self.0;
        let Outgoing { mut request, target, contract, operation, template, limits, idempotent, key } = outgoing;
        let context = Context::current().with_timeout(limits.total);
        let name = || format!("`{contract}.{operation}`");
        if context.remaining().is_some_and(|left| left.is_zero()) {
            let message = format!("{} was not called: there is no time left", name());
            return Err(Error::new(ErrorKind::DeadlineExceeded, message));
        }

        let method = request.method().clone();
        let mut span = Span::start(SpanKind::Client, format!("{method} {template}"), &context);
        if span.is_recording() {
            span.set("http.request.method", method.as_str().to_owned());
            span.set("server.address", authority.host().to_owned());
            span.set("server.port", i64::from(port(scheme, authority)));
            span.set("url.template", template);
            span.set("chassis.contract", contract);
            span.set("chassis.operation", operation);
        }
        let context = span.context(&context);

        let uri = Uri::builder().scheme(scheme.clone()).authority(authority.clone());
        *request.uri_mut() = uri.path_and_query(format!("{prefix}{target}")).build().map_err(|error| {
            Error::new(ErrorKind::Protocol, format!("{} has no valid address", name())).with_source(error)
        })?;
        carry(&mut request, &context, authority, key);
        request.extensions_mut().insert(Tried::default());
        request.extensions_mut().insert(Limits { attempt: limits.attempt, deadline: context.deadline, idempotent });

        let started = Instant::now();
        let result = context.scope(async { stack.clone().ready().await?.call(request).await }).await;
        let ended = match &result {
            Ok(response) => Ended::Answered(response.status()),
            Err(error) => Ended::Failed(error.kind()),
        };
        if let Ended::Answered(status) = ended {
            span.set("http.response.status_code", i64::from(status.as_u16()));
        }
        if !matches!(ended, Ended::Answered(status) if status.is_success()) {
            span.set("error.type", ended.as_str().to_owned());
            span.fail(ended.as_str().to_owned());
        }
        instruments.took(contract, operation, ended, started.elapsed());
        let result = result.map_err(|error| {
            let kind = error.kind();
            error.context(format!("{} at {scheme}://{authority}", name())).with_kind(kind)
        });
        match &result {
            Ok(response) if response.status().is_server_error() => {
                self.failed(format!("{} answered {}", name(), response.status().as_u16()));
            }
            Ok(_) => {}
            // What the breaker refuses failed before.
            Err(error) if error.kind() == ErrorKind::CircuitOpen => {}
            Err(error) => self.failed(format!("{error:#}")),
        }
        result
    }
}

/// Sets what every call carries. The deadline is set by each attempt anew.
fn carry(request: &mut Request<Bytes>, context: &Context, authority: &Authority, key: Option<Option<Arc<str>>>) {
    let headers = request.headers_mut();
    // A contract that takes the key as an argument has set it already; nobody knows better than its caller.
    let key = key.filter(|_| !headers.contains_key(&IDEMPOTENCY_KEY));
    let mut set = |name: HeaderName, value: &str| {
        // What came from elsewhere and is no valid header is not passed on.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(HOST, authority.as_str());
    set(USER_AGENT, context.service.unwrap_or("chassis"));
    if let Some(id) = &context.request_id {
        set(REQUEST_ID, id);
    }
    if let Some(key) = key {
        match key {
            Some(key) => set(IDEMPOTENCY_KEY, &key),
            None => set(IDEMPOTENCY_KEY, &uuid::Uuid::now_v7().to_string()),
        }
    }
    propagation::inject(context, |name, value| set(HeaderName::from_static(name), &value));
}
