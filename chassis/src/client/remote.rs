//! One other service, as its clients call it.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Response, Uri};
use jiff::Timestamp;
use tokio::time::Instant;

use super::address::Address;
use super::answered::Answered;
use super::attempt::Attempts;
use super::balance::EndpointState;
use super::call::{Call, Described};
use super::connection::Connection;
use super::download::Cut;
use super::guards::Guards;
use super::headers::Usual;
use super::instances::{Instances, port};
use super::instruments::{Ended, Instruments};
use super::outgoing::Outgoing;
use super::report::{self, Active, Sources};
use super::settings::Policies;
use super::upload::Flow;
use super::{BreakerMode, ClientSettings, HttpVersion, Timeouts};
use crate::config::{Faults, mask_url};
use crate::discovery::Discovery;
use crate::http::stream::Payload;
use crate::resilience::circuit_breaker::{CircuitBreaker, Recorded};
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
    policies: Policies,
    /// For operators: every setting that is in force.
    active: Vec<Active>,
    breaker: CircuitBreaker,
    /// Where the instances are known.
    instances: Option<Instances>,
    /// For operators: when, and what.
    last_failure: Mutex<Option<(Timestamp, String)>>,
    guards: Guards,
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
    pub(super) fn of_service(service: &'static str, settings: &ClientSettings, sources: Sources<'_>) -> Result<Self> {
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
        let breaker = breaker(settings, &policies, &instruments);
        let connection = Connection::new(&scheme, &authority, settings, &policies, &instruments)?;
        let instances = connection.instances().cloned();
        // An HTTP/2 request must not say two different things.
        let by_address = instances.is_some() && settings.http_version == HttpVersion::Http2;
        let host = HeaderValue::from_str(authority.as_str()).ok().filter(|_| !by_address);
        let attempts = Attempts::new(Usual::new(service, host, policies.timeouts.attempt), connection);
        Ok(Self(Arc::new(Inner {
            scheme,
            authority,
            prefix,
            active: report::of(settings, &policies, sources),
            guards: Guards::new(settings, &policies, breaker.clone(), attempts, instruments),
            policies,
            breaker,
            instances,
            last_failure: Mutex::default(),
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

    /// What the reader of a streamed answer is told of its failure. To the breaker the call is one that failed, and no longer the
    /// success that its head was.
    fn broke_off(&self, cut: Cut, recorded: Option<Recorded>, name: &str) -> Error {
        let Cut { error, by_other_side } = cut;
        if let Some(recorded) = recorded.filter(|_| by_other_side) {
            self.0.breaker.broke_off(&recorded);
        }
        let kind = error.kind();
        let error = error.context(name.to_owned()).with_kind(kind);
        self.failed(format!("{error:#}"));
        error
    }

    /// Makes a call: whatever is answered is `Ok`.
    pub(crate) async fn call(&self, outgoing: Box<Outgoing>) -> Result<Response<Payload>> {
        let Inner { scheme, authority, guards, .. } = &*self.0;
        let Outgoing { contract, operation, .. } = *outgoing;
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
        let mut span = Span::start_at(started.into_std(), SpanKind::Internal, "".into(), &context);
        if span.is_recording() {
            span.rename(format!("{contract}.{operation}"));
            span.set("chassis.contract", contract);
            span.set("chassis.operation", operation);
        }
        context.trace = span.trace().clone();
        let call = self.prepare(outgoing, context.clone(), started, deadline, span.is_recording())?;

        // Boxed, as it is large, and whoever calls would be as large.
        let result = context.scope(Box::pin(guards.make(&call))).await;
        Ended::of(&result).tell(&mut span);
        let response = match result {
            Ok(response) => response,
            Err(error) => return Err(self.not_answered(error, &name())),
        };
        if response.status().is_server_error() {
            self.failed(format!("{} answered {}", name(), response.status().as_u16()));
        }
        Ok(response.map(|answered| match answered {
            Answered::Whole(body) => Payload::Whole(body),
            Answered::Stream(download) => {
                let (remote, name) = (self.clone(), format!("{} at {scheme}://{authority}", name()));
                Payload::Stream(download.into_stream(move |cut, recorded| remote.broke_off(cut, recorded, &name)))
            }
        }))
    }

    /// What the caller is told of a call without an answer.
    #[cold]
    fn not_answered(&self, error: Error, name: &str) -> Error {
        let Inner { scheme, authority, .. } = &*self.0;
        let kind = error.kind();
        let error = error.context(format!("{name} at {scheme}://{authority}")).with_kind(kind);
        // What the breaker refuses failed before.
        if kind != ErrorKind::CircuitOpen {
            self.failed(format!("{error:#}"));
        }
        error
    }

    /// The call as its guards know it.
    fn prepare(
        &self,
        mut outgoing: Box<Outgoing>,
        context: Context,
        started: Instant,
        deadline: Instant,
        recorded: bool,
    ) -> Result<Call> {
        let Inner { scheme, authority, prefix, .. } = &*self.0;
        let mut target = std::mem::take(&mut outgoing.target);
        target.insert_str(0, prefix);
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(scheme.clone());
        parts.authority = Some(authority.clone());
        let target = PathAndQuery::from_maybe_shared(Bytes::from(target)).map_err(http::Error::from);
        let uri = target.and_then(|target| {
            parts.path_and_query = Some(target);
            Ok(Uri::from_parts(parts)?)
        });
        let uri = uri.map_err(|error| {
            let message = format!("`{}.{}` has no valid address", outgoing.contract, outgoing.operation);
            Error::new(ErrorKind::Protocol, message).with_source(error)
        })?;
        let key = outgoing.key.take().map(|chosen| chosen.unwrap_or_else(|| uuid::Uuid::now_v7().to_string().into()));
        let described =
            recorded.then(|| Described { server: authority.host().to_owned(), port: port(scheme, authority) });
        let key = key.and_then(|key| HeaderValue::from_str(&key).ok());
        let flow = match std::mem::take(&mut outgoing.body) {
            Payload::Stream(stream) => Some(Arc::new(Flow::new(stream, context.clone()))),
            whole => {
                outgoing.body = whole;
                None
            }
        };
        Ok(Call { outgoing, uri, key, started, deadline, context, described, flow, tried: Mutex::default() })
    }
}

/// The breaker, as an operator wants it.
fn breaker(settings: &ClientSettings, policies: &Policies, instruments: &Instruments) -> CircuitBreaker {
    let breaker = CircuitBreaker::new(policies.breaker.clone());
    match settings.breaker.mode {
        BreakerMode::Automatic => {}
        BreakerMode::ForcedOpen => breaker.force_open(),
        BreakerMode::Disabled => breaker.disable(),
    }
    instruments.follow(&breaker);
    breaker
}
