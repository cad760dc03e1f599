//! Start-up, in order: management listener, public addresses, then per service database, broker and the service itself,
//! and only when all are there consumers, jobs, checks and listeners.

use std::any::Any;
use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio::time::Duration;
use tokio_util::task::TaskTracker;

use super::Addresses;
use super::erased::{Provider, Work};
use super::management::{self, Management, Shown};
use super::part::{Parts, Process};
use super::resources::Resources;
use super::settings::LifecycleSettings;
use crate::config::Config;
use crate::health::{Impact, Phase, Registry};
use crate::http::policies::Sources;
use crate::http::server::{ConnectionLimits, Listener, Server};
use crate::http::{HttpSettings, ManagementSettings, router};
use crate::jobs::{Job, JobHandle};
use crate::{Error, ErrorKind, Result};

/// Everything of a process that runs.
pub(crate) struct Running {
    pub(crate) health: Registry,
    pub(crate) management: Server,
    pub(crate) services: Vec<RunningService>,
    pub(crate) addresses: Addresses,
    /// What its services share.
    #[cfg_attr(not(feature = "testing"), expect(dead_code, reason = "only tests make clients of their own"))]
    pub(crate) process: Arc<Process>,
}

/// Everything of one service that runs.
pub(crate) struct RunningService {
    pub(crate) name: &'static str,
    pub(crate) server: Server,
    pub(crate) detached: TaskTracker,
    pub(crate) jobs: Vec<(&'static str, Arc<JobHandle>)>,
    pub(crate) checks: Vec<JoinHandle<()>>,
    pub(crate) resources: Resources,
    /// The routes, to be called without a connection.
    #[cfg(feature = "testing")]
    pub(crate) router: axum::Router,
    /// Other services hold it weakly.
    _keep: Arc<dyn Any + Send + Sync>,
}

/// Brings everything up.
///
/// # Errors
/// The first fault that keeps the process from working.
pub(crate) async fn start(providers: Vec<Box<dyn Provider>>, config: &Config) -> Result<Running> {
    let sections = super::command::known(&providers);
    let lifecycle: LifecycleSettings = config.read()?;
    let health = Registry::default();
    let settings: ManagementSettings = config.read()?;
    let listener = Listener::bind(settings.listen, "management.listen").await?;
    let management = Management::new(config.clone(), sections, settings, health.clone());
    let management_address = listener.address();
    let management_server = listener.serve_known(management.router(), ConnectionLimits::from(&HttpSettings::default()));

    let mut process = Process::default();
    let mut pending = Vec::new();
    let several = providers.len() > 1;
    for provider in providers {
        let config = config.service(provider.name());
        let http: HttpSettings = config.read()?;
        let setting =
            if several { format!("services.{}.http.listen", provider.name()) } else { "http.listen".to_owned() };
        let listener = Listener::bind(http.listen, &setting).await?;
        process.provided.extend(provider.provided());
        pending.push(Pending { provider, config, http, listener });
    }
    let process = Arc::new(process);
    #[cfg(feature = "client")]
    management.show_clients(process.clients.clone());
    let mut made = Vec::new();
    for pending in pending {
        let name = pending.provider.name();
        let within = lifecycle.start_deadline;
        let service = tokio::time::timeout(within, pending.make(&process, &health)).await;
        let service = service.unwrap_or_else(|_| Err(start_took_too_long(within)));
        made.push(service.map_err(|error| error.context(format!("service `{name}` cannot start")))?);
    }
    let addresses = Addresses {
        management: management_address,
        services: made.iter().map(|service| (service.name, service.listener.address())).collect(),
    };
    // Nothing works before every service of the process is there, since they may call each other.
    let mut services = Vec::new();
    for service in made {
        services.push(service.run(&health, &management).await?);
    }
    #[cfg(feature = "client")]
    process.clients.start(&health);
    health.enter(Phase::Ready);
    tracing::info!(management = %management_address, "ready");
    Ok(Running { health, management: management_server, services, addresses, process })
}

fn start_took_too_long(within: Duration) -> Error {
    let within = humantime::format_duration(within);
    Error::new(ErrorKind::DeadlineExceeded, format!("not started within {within} (`lifecycle.start_deadline`)"))
}

/// A service that has its address, but has not been made yet.
struct Pending {
    provider: Box<dyn Provider>,
    config: Config,
    http: HttpSettings,
    listener: Listener,
}

impl Pending {
    async fn make(self, process: &Arc<Process>, health: &Registry) -> Result<Ready> {
        let Self { provider, config, http, listener } = self;
        let name = provider.name();
        let (version, openapi) = (provider.version(), provider.openapi());
        let parts = Parts::new(name, config, Arc::clone(process));
        let resources = Resources::open(&parts, &*provider, health).await?;
        let made = provider.build(parts.clone()).await?;
        (made.publish)(process);
        let extended = made.extend.is_some();
        let built = router::build(
            name,
            Sources { settings: &http, config: parts.config() },
            made.routes,
            made.extend.unwrap_or_else(|| Box::new(|router| router)),
            #[cfg(any(feature = "sqlite", feature = "postgres"))]
            resources.database(),
        )?;
        let work = made.work;
        Ok(Ready { name, version, parts, http, listener, openapi, built, extended, work, resources })
    }
}

/// A service that has been made, but does no work yet.
struct Ready {
    name: &'static str,
    version: &'static str,
    parts: Parts,
    http: HttpSettings,
    listener: Listener,
    openapi: serde_json::Value,
    built: router::Built,
    /// Whether there may be routes that it has not declared.
    extended: bool,
    work: Work,
    resources: Resources,
}

impl Ready {
    async fn run(self, health: &Registry, management: &Management) -> Result<RunningService> {
        let Self { name, version, parts, http, listener, openapi, built, extended, work, mut resources } = self;
        resources.start(
            &parts,
            #[cfg(feature = "messaging")]
            work.subscriptions,
            health,
        )?;
        let checks = work.checks.into_iter().map(|check| tokio::spawn(check.watch(health))).collect();
        let (mut jobs, mut shown) = (Vec::new(), Vec::new());
        for job in work.jobs {
            let schedule = job.schedule.to_string();
            let reporter = health.register(format!("{name}/job/{}", job.name), Impact::Degrading);
            let handle = Job {
                service: name,
                name: job.name,
                schedule: job.schedule,
                run: job.run,
                #[cfg(any(feature = "sqlite", feature = "postgres"))]
                leased: resources.database().filter(|_| job.leased).cloned(),
            }
            .start(reporter);
            jobs.push((job.name, Arc::new(handle)));
            shown.push((job.name, schedule, Arc::clone(&jobs[jobs.len() - 1].1)));
        }
        let address = listener.address();
        let policies = Sources { settings: &http, config: parts.config() }.plain();
        let count = built.routes.len();
        let routes = management::ShownRoutes::of(&built, extended);
        let shown = Shown {
            version,
            address,
            routes,
            jobs: shown,
            openapi,
            #[cfg(feature = "messaging")]
            consumers: resources.consumers(),
            #[cfg(all(feature = "messaging", any(feature = "sqlite", feature = "postgres")))]
            orphans: resources.orphans(),
            #[cfg(feature = "messaging")]
            dead_letters: resources.dead_letters(),
            #[cfg(all(feature = "messaging", any(feature = "sqlite", feature = "postgres")))]
            outbox: resources.outbox(),
        };
        management.add(name, shown);
        management::tell(name, &built, extended, &policies);
        #[cfg(feature = "testing")]
        let router = built.router.clone();
        let server = listener.serve(built.router, ConnectionLimits::from(&http));
        tracing::info!(name, listen = %address, routes = count, %policies, "serving");
        Ok(RunningService {
            name,
            server,
            detached: built.detached,
            jobs,
            checks,
            resources,
            #[cfg(feature = "testing")]
            router,
            _keep: work.keep,
        })
    }
}
