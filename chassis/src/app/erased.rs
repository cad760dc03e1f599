//! A service whose type is forgotten, so that several can stand in one list.

use std::any::TypeId;
use std::sync::Arc;

use axum::Router;

#[cfg(feature = "messaging")]
use super::definition::Receive;
use super::definition::{Definition, Locals};
use super::openapi;
use super::part::Process;
use super::{Needs, Parts, Service, Source};
use crate::contract::Operation;
use crate::health::Check;
use crate::http::{RouteSpec, Routes};
use crate::jobs::Schedule;
#[cfg(feature = "messaging")]
use crate::messaging::consumer::{Handler, SubscriptionSpec};
use crate::{BoxFuture, Result};

/// A service that can be described, and made once.
pub(crate) trait Provider: Send {
    fn name(&self) -> &'static str;
    fn version(&self) -> &'static str;
    fn faults(&self) -> &[String];
    /// Its handlers, and the retry policies that they name.
    #[cfg(feature = "messaging")]
    fn retry_policies(&self) -> Vec<(&'static str, &'static str)>;
    /// The contracts it provides, by the type of their object form.
    fn provided(&self) -> Vec<TypeId>;
    /// What it declares of its routes, those of contracts among them.
    fn routes(&self) -> Vec<RouteSpec>;
    /// The names of the contracts it provides.
    fn contracts(&self) -> Vec<&'static str>;
    /// What its declarations and its parts need.
    fn needs(&self) -> Needs;
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    fn migrations(&self) -> Option<&sqlx::migrate::Migrator>;
    fn build(self: Box<Self>, parts: Parts) -> BoxFuture<'static, Result<Made>>;
    /// Its OpenAPI document.
    fn openapi(&self) -> serde_json::Value;
}

pub(crate) type Extend = Box<dyn FnOnce(Router) -> Router + Send>;

/// A service that has been made, in the pieces that the process runs.
pub(crate) struct Made {
    pub(crate) routes: Routes,
    /// Adds the routes that it has not declared.
    pub(crate) extend: Option<Extend>,
    /// Lets other services of the process find it.
    pub(crate) publish: Box<dyn FnOnce(&Process) + Send>,
    pub(crate) work: Work,
}

/// What a service does by itself, without a request.
pub(crate) struct Work {
    pub(crate) jobs: Vec<MadeJob>,
    pub(crate) checks: Vec<Check>,
    #[cfg(feature = "messaging")]
    pub(crate) subscriptions: Vec<(SubscriptionSpec, Handler)>,
    /// Keeps it alive for as long as others may call it.
    pub(crate) keep: Arc<dyn std::any::Any + Send + Sync>,
}

pub(crate) struct MadeJob {
    pub(crate) name: &'static str,
    pub(crate) schedule: Schedule,
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) leased: bool,
    pub(crate) run: Arc<dyn Fn() -> BoxFuture<'static, Result<()>> + Send + Sync>,
}

pub(crate) struct Erased<C: Source<M>, M> {
    source: C,
    definition: Definition<C::Service>,
}

impl<C: Source<M>, M> Erased<C, M> {
    pub(crate) fn new(source: C) -> Self {
        let mut definition = Definition::default();
        C::Service::__define(&mut definition);
        Self { source, definition }
    }
}

impl<C: Source<M>, M: 'static> Provider for Erased<C, M> {
    fn name(&self) -> &'static str {
        C::Service::NAME
    }

    fn version(&self) -> &'static str {
        self.definition.version
    }

    fn faults(&self) -> &[String] {
        &self.definition.faults
    }

    #[cfg(feature = "messaging")]
    fn retry_policies(&self) -> Vec<(&'static str, &'static str)> {
        self.definition.subscriptions.iter().map(|(spec, _)| (spec.name, spec.retry)).collect()
    }

    fn provided(&self) -> Vec<TypeId> {
        self.definition.contracts.iter().map(|contract| contract.local).collect()
    }

    fn routes(&self) -> Vec<RouteSpec> {
        let own = self.definition.routes.iter().map(|(spec, _)| spec.clone());
        let promised =
            self.definition.contracts.iter().flat_map(|contract| contract.operations.iter().map(Operation::route));
        own.chain(promised).collect()
    }

    fn contracts(&self) -> Vec<&'static str> {
        self.definition.contracts.iter().map(|contract| contract.name).collect()
    }

    fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        self.definition.needs(&mut needs);
        C::needs(&mut needs);
        needs
    }

    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    fn migrations(&self) -> Option<&sqlx::migrate::Migrator> {
        self.definition.migrations.as_ref()
    }

    fn build(self: Box<Self>, parts: Parts) -> BoxFuture<'static, Result<Made>> {
        let Self { source, definition } = *self;
        Box::pin(async move {
            let service = Arc::new(source.build(parts).await?);
            Ok(made(definition, service))
        })
    }

    fn openapi(&self) -> serde_json::Value {
        let mut document = openapi::Document::new(self.name(), self.version());
        for (route, _) in &self.definition.routes {
            document.route(route);
        }
        for contract in &self.definition.contracts {
            document.contract(contract.describe);
        }
        document.finish()
    }
}

fn made<S: Service>(definition: Definition<S>, service: Arc<S>) -> Made {
    let Definition { routes: own, contracts, jobs, checks, router, .. } = definition;
    let mut routes = Routes::default();
    for (spec, handler) in own {
        routes.add(spec, Arc::clone(&service), handler);
    }
    for contract in &contracts {
        (contract.mount)(Arc::clone(&service), &mut routes);
    }
    let jobs = jobs.into_iter().map(|job| {
        let (this, run) = (Arc::clone(&service), job.run);
        let run = Arc::new(move || run(Arc::clone(&this)));
        MadeJob {
            name: job.name,
            schedule: job.schedule,
            #[cfg(any(feature = "sqlite", feature = "postgres"))]
            leased: job.leased,
            run,
        }
    });
    let checks = checks.into_iter().map(|check| {
        let (this, run) = (Arc::clone(&service), check.run);
        let name = format!("{}/{}", S::NAME, check.name);
        let mut made = Check::new(name, check.impact, move || run(Arc::clone(&this)));
        made.interval = check.interval.unwrap_or(made.interval);
        made.timeout = check.timeout.unwrap_or(made.timeout);
        made
    });
    #[cfg(feature = "messaging")]
    let subscriptions = definition.subscriptions.into_iter().map(|(spec, receive)| (spec, handler(&service, receive)));
    let this = Arc::clone(&service);
    let work = Work {
        jobs: jobs.collect(),
        checks: checks.collect(),
        #[cfg(feature = "messaging")]
        subscriptions: subscriptions.collect(),
        keep: Arc::clone(&service) as Arc<dyn std::any::Any + Send + Sync>,
    };
    Made {
        routes,
        work,
        extend: router.map(|extend| Box::new(move |router| extend(service, router)) as Extend),
        publish: Box::new(move |process| {
            for contract in &contracts {
                (contract.publish)(&this, &Locals { process, service: S::NAME });
            }
        }),
    }
}

#[cfg(feature = "messaging")]
fn handler<S: Service>(service: &Arc<S>, receive: Receive<S>) -> Handler {
    let this = Arc::clone(service);
    match receive {
        Receive::One(receive) => Handler::one(move |received, tx| {
            let this = Arc::clone(&this);
            Box::pin(async move { receive(&this, received, tx).await })
        }),
        Receive::Batch(receive) => Handler::batch(move |batch, tx| {
            let this = Arc::clone(&this);
            Box::pin(async move { receive(&this, batch, tx).await })
        }),
    }
}
