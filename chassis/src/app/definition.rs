//! All that a service declares, as `#[service]` collects it.

use std::any::TypeId;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use schemars::SchemaGenerator;
use tokio::time::Duration;

use super::part::{Needs, Process};
use crate::contract::{ContractSpec, Operation};
use crate::health::{Health, Impact};
use crate::http::{RouteSpec, Routes};
use crate::jobs::Schedule;
#[cfg(feature = "messaging")]
use crate::messaging::{
    Received,
    consumer::{Mode, SubscriptionSpec, Tx},
};
use crate::{BoxFuture, Result};

pub(crate) type RouteFn<S> = fn(Arc<S>, Request) -> BoxFuture<'static, Response>;
pub(crate) type WorkFn<S> = fn(Arc<S>) -> BoxFuture<'static, Result<()>>;
pub(crate) type CheckFn<S> = fn(Arc<S>) -> BoxFuture<'static, Health>;
#[cfg(feature = "messaging")]
pub(crate) type ReceiveFn<S> = for<'a> fn(&'a S, &'a Received, Option<&'a mut Tx>) -> BoxFuture<'a, Result<()>>;
#[cfg(feature = "messaging")]
pub(crate) type ReceiveBatchFn<S> = for<'a> fn(&'a S, &'a [Received], Option<&'a mut Tx>) -> BoxFuture<'a, Result<()>>;

/// A subscription's function.
#[cfg(feature = "messaging")]
pub(crate) enum Receive<S> {
    One(ReceiveFn<S>),
    Batch(ReceiveBatchFn<S>),
}

/// All that a service declares.
pub struct Definition<S> {
    pub(crate) version: &'static str,
    /// What is wrong with the declarations though they compile.
    pub(crate) faults: Vec<String>,
    pub(crate) routes: Vec<(RouteSpec, RouteFn<S>)>,
    pub(crate) contracts: Vec<ContractEntry<S>>,
    pub(crate) jobs: Vec<JobEntry<S>>,
    pub(crate) checks: Vec<CheckEntry<S>>,
    pub(crate) router: Option<fn(Arc<S>, Router) -> Router>,
    #[cfg(feature = "messaging")]
    pub(crate) subscriptions: Vec<(SubscriptionSpec, Receive<S>)>,
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) migrations: Option<sqlx::migrate::Migrator>,
}

#[doc(hidden)]
pub struct ContractEntry<S> {
    pub name: &'static str,
    pub version: u32,
    pub local: TypeId,
    pub operations: &'static [Operation],
    pub describe: fn(&mut SchemaGenerator) -> ContractSpec,
    pub mount: fn(Arc<S>, &mut Routes),
    pub publish: fn(&Arc<S>, &Locals<'_>),
}

pub(crate) struct JobEntry<S> {
    pub(crate) name: &'static str,
    pub(crate) schedule: Schedule,
    pub(crate) leased: bool,
    pub(crate) run: WorkFn<S>,
}

pub(crate) struct CheckEntry<S> {
    pub(crate) name: &'static str,
    pub(crate) impact: Impact,
    pub(crate) interval: Option<Duration>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) run: CheckFn<S>,
}

/// Where the services of a process find each other.
pub struct Locals<'a> {
    pub(crate) process: &'a Process,
    /// The service that is being put where the others find it.
    pub(crate) service: &'static str,
}

impl Locals<'_> {
    #[doc(hidden)]
    pub fn fill<D: ?Sized + Send + Sync + 'static>(&self, service: &Arc<D>) {
        self.process.slot::<D>().fill(self.service, service);
    }
}

/// Called by generated code only.
#[doc(hidden)]
impl<S> Definition<S> {
    pub fn version(&mut self, version: &'static str) {
        self.version = version;
    }

    pub fn route(&mut self, spec: RouteSpec, handler: RouteFn<S>) {
        self.routes.push((spec, handler));
    }

    pub fn contract(&mut self, entry: ContractEntry<S>) {
        self.contracts.push(entry);
    }

    pub fn every(&mut self, name: &'static str, pause: Duration, leased: bool, run: WorkFn<S>) {
        self.jobs.push(JobEntry { name, schedule: Schedule::Every(pause), leased, run });
    }

    pub fn cron(&mut self, name: &'static str, expression: &str, leased: bool, run: WorkFn<S>) {
        match Schedule::cron(expression) {
            Ok(schedule) => self.jobs.push(JobEntry { name, schedule, leased, run }),
            Err(error) => self.faults.push(format!("job `{name}`: {error}")),
        }
    }

    pub fn check(
        &mut self,
        name: &'static str,
        required: bool,
        interval: Option<Duration>,
        timeout: Option<Duration>,
        run: CheckFn<S>,
    ) {
        let impact = if required { Impact::Required } else { Impact::Degrading };
        self.checks.push(CheckEntry { name, impact, interval, timeout, run });
    }

    pub fn router(&mut self, extend: fn(Arc<S>, Router) -> Router) {
        self.router = Some(extend);
    }

    #[cfg(feature = "messaging")]
    pub fn subscription(&mut self, spec: SubscriptionSpec, handler: ReceiveFn<S>) {
        self.subscriptions.push((spec, Receive::One(handler)));
    }

    #[cfg(feature = "messaging")]
    pub fn batch_subscription(&mut self, spec: SubscriptionSpec, handler: ReceiveBatchFn<S>) {
        self.subscriptions.push((spec, Receive::Batch(handler)));
    }

    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub fn migrations(&mut self, scripts: &[(i64, &'static str, &'static str)]) {
        self.migrations = Some(crate::data::migrations(scripts));
    }

    /// The compiler has refused the service already.
    #[cfg(not(any(feature = "sqlite", feature = "postgres")))]
    pub fn migrations(&mut self, _scripts: &[(i64, &'static str, &'static str)]) {}
}

impl<S> Definition<S> {
    /// What it cannot do without.
    pub(crate) fn needs(&self, needs: &mut Needs) {
        needs.database |= self.jobs.iter().any(|job| job.leased);
        #[cfg(feature = "messaging")]
        {
            needs.messaging |= !self.subscriptions.is_empty();
            needs.database |= self.subscriptions.iter().any(|(spec, _)| spec.mode == Mode::Transactional);
        }
        #[cfg(any(feature = "sqlite", feature = "postgres"))]
        {
            needs.database |= self.migrations.is_some();
        }
    }
}

impl<S> Default for Definition<S> {
    fn default() -> Self {
        Self {
            version: "",
            faults: Vec::new(),
            routes: Vec::new(),
            contracts: Vec::new(),
            jobs: Vec::new(),
            checks: Vec::new(),
            router: None,
            #[cfg(feature = "messaging")]
            subscriptions: Vec::new(),
            #[cfg(any(feature = "sqlite", feature = "postgres"))]
            migrations: None,
        }
    }
}
