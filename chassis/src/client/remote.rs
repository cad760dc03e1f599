//! One other service, as its clients call it.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Method, Response, Uri};
use jiff::Timestamp;
use tokio::time::Instant;

use super::address::Address;
use super::answered::Answered;
use super::balance::EndpointState;
use super::call::{Call, Described, Limits, Progress};
use super::instances::port;
use super::instruments::{Ended, Instruments};
use super::report::{self, Active, Sources};
use super::settings::Policies;
use super::stack::{self, Built, Instances, Stack};
use super::upload::{Flow, Supply};
use super::{ClientSettings, HttpVersion, Timeouts};
use crate::config::{Faults, mask_url};
use crate::discovery::Discovery;
use crate::http::stream::Payload;
use crate::resilience::circuit_breaker::CircuitBreaker;
use crate::telemetry::span::{Span, SpanKind};
use crate::{Context, Error, ErrorKind, Result};

/// One other service. Cloning is cheap and shares the connections.
#[derive(Clone)]
pub struct Remote(Arc<Inner>);

struct Inner {
    scheme: Scheme,
    authority: Authority,
    /// What stands before every path, without a slash at its end.
    prefix: String,
    /// What requests say whom they are for; `None` where the address that they are sent to says it.
    host: Option<HeaderValue>,
    policies: Policies,
    /// For operators: every setting that is in force.
    active: Vec<Active>,
    breaker: CircuitBreaker,
    /// Where the instances are known.
    instances: Option<Instances>,
    instruments: Instruments,
    /// For operators: when, and what.
    last_failure: Mutex<Option<(Timestamp, String)>>,
    stack: Box<dyn Stack>,
}

/// A call before it has an address.
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

impl Remote {
    /// A service that `[clients.NAME]` describes. No connection is made yet.
    ///
    /// # Errors
    /// When there is no URL, or it is none that can be called, or the settings contradict each other.
    pub fn new(name: &str, settings: &ClientSettings) -> Result<Self> {
        Self::of_service("", settings, Sources { config: None, name })
    }

    /// The same for a service of this process, under whose name it is counted.
    pub(super) fn of_service(service: &str, settings: &ClientSettings, sources: Sources<'_>) -> Result<Self> {
        let name = sources.name;
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
        // An HTTP/2 request must not say two different things.
        let by_address = instances.is_some() && settings.http_version == HttpVersion::Http2;
        let host = HeaderValue::from_str(authority.as_str()).ok().filter(|_| !by_address);
        Ok(Self(Arc::new(Inner {
            scheme,
            authority,
            prefix,
            host,
            active: report::of(settings, &policies, sources),
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

    /// Every setting that is in force.
    pub(crate) fn active(&self) -> &[Active] {
        &self.0.active
    }

    /// When a call failed last, and how.
    pub(crate) fn last_failure(&self) -> Option<(Timestamp, String)> {
        self.0.last_failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn failed(&self, failure: String) {
        *self.0.last_failure.lock().unwrap_or_else(PoisonError::into_inner) = Some((Timestamp::now(), failure));
    }

    /// What the reader of a streamed answer is told of its failure.
    fn broke_off(&self, error: Error, name: &str) -> Error {
        let kind = error.kind();
        let error = error.context(name.to_owned()).with_kind(kind);
        self.failed(format!("{error:#}"));
        error
    }

    /// Makes a call: whatever is answered is `Ok`.
    pub(crate) async fn call(&self, outgoing: Outgoing) -> Result<Response<Payload>> {
        let Inner { scheme, authority, instruments, stack, .. } = &*self.0;
        let Outgoing { contract, operation, .. } = outgoing;
        let name = || format!("`{contract}.{operation}`");
        let mut context = Context::current();
        let started = Instant::now();
        let until = started + outgoing.limits.total;
        let deadline = context.deadline.map_or(until, |deadline| deadline.min(until));
        context.deadline = Some(deadline);
        if deadline <= started {
            let message = format!("{} was not called: there is no time left", name());
            return Err(Error::new(ErrorKind::DeadlineExceeded, message));
        }
        let mut span = Span::start(SpanKind::Internal, "", &context);
        if span.is_recording() {
            span.rename(format!("{contract}.{operation}"));
            span.set("chassis.contract", contract);
            span.set("chassis.operation", operation);
        }
        let context = span.context(&context);
        let call = Arc::new(self.prepare(outgoing, &context, span.is_recording())?);

        let result = context.scope(stack.make(call)).await;
        let ended = Ended::of(&result);
        ended.tell(&mut span);
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
        Ok(result?.map(|answered| match answered {
            Answered::Whole(body) => Payload::Whole(body),
            Answered::Stream(download) => {
                let (remote, name) = (self.clone(), format!("{} at {scheme}://{authority}", name()));
                Payload::Stream(download.into_stream(move |error| remote.broke_off(error, &name)))
            }
        }))
    }

    /// The call as its layers know it.
    fn prepare(&self, outgoing: Outgoing, context: &Context, recorded: bool) -> Result<Call> {
        let Inner { scheme, authority, prefix, host, .. } = &*self.0;
        let Outgoing { method, target, headers, body, streams, contract, operation, template, limits, idempotent, key } =
            outgoing;
        let target = if prefix.is_empty() { target } else { format!("{prefix}{target}") };
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(scheme.clone());
        parts.authority = Some(authority.clone());
        let target = PathAndQuery::from_maybe_shared(Bytes::from(target)).map_err(http::Error::from);
        let uri = target.and_then(|target| {
            parts.path_and_query = Some(target);
            Ok(Uri::from_parts(parts)?)
        });
        let uri = uri.map_err(|error| {
            let message = format!("`{contract}.{operation}` has no valid address");
            Error::new(ErrorKind::Protocol, message).with_source(error)
        })?;
        let key = key.map(|chosen| chosen.unwrap_or_else(|| uuid::Uuid::now_v7().to_string().into()));
        Ok(Call {
            method,
            uri,
            headers,
            body: match body {
                Payload::Whole(body) => Supply::Whole(body),
                Payload::Stream(stream) => Supply::Stream(Flow::new(stream)),
            },
            streams,
            host: host.clone(),
            key: key.and_then(|key| HeaderValue::from_str(&key).ok()),
            limits: Limits { attempt: limits.attempt, deadline: context.deadline, idempotent },
            context: context.clone(),
            described: recorded.then(|| Described {
                template,
                server: authority.host().to_owned(),
                port: port(scheme, authority),
            }),
            progress: Progress::default(),
        })
    }
}
