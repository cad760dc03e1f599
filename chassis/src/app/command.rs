//! What the command line asks for.

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};
use tokio::runtime::Runtime;
use tokio::time::Duration;

use super::App;
use super::arguments::{Arguments, Command, ConfigCommand};
use super::drain::drain;
use super::erased::Provider;
use super::settings::LifecycleSettings;
use super::signals::Signals;
use super::{documents, output, running};
use crate::config::{Config, Faults, KnownSection};
use crate::http::overrides::check_names;
use crate::http::policies::Sources;
use crate::http::{HttpSettings, ManagementSettings};
use crate::telemetry::{self, ServiceInfo, TelemetrySettings};
use crate::{Error, ErrorKind, Result, ResultExt};

/// Does what the command line says.
pub(crate) fn run(app: App) -> ExitCode {
    let arguments = match parse(&app) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1));
        }
    };
    match execute(app, arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{}", report(&error));
            ExitCode::FAILURE
        }
    }
}

/// The one report of a fault at start: the fault, then what it comes from, a line each.
fn report(error: &Error) -> String {
    let mut text = format!("error: {error}");
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!("\n  because: {cause}"));
        next = cause.source();
    }
    text
}

fn parse(app: &App) -> Result<Arguments, clap::Error> {
    let command = Arguments::command().name(app.process_name()).version(app.version());
    let matches = match &app.arguments {
        Some(arguments) => command.try_get_matches_from(arguments)?,
        None => command.try_get_matches()?,
    };
    Arguments::from_arg_matches(&matches)
}

impl App {
    fn process_name(&self) -> &'static str {
        self.name.or_else(|| self.services.first().map(|service| service.name())).unwrap_or("chassis")
    }

    fn version(&self) -> &'static str {
        self.services.first().map_or("", |service| service.version())
    }
}

fn execute(app: App, arguments: Arguments) -> Result<ExitCode> {
    let config = load(&app, &arguments)?;
    let faults = declared_faults(&app.services);
    if !faults.is_empty() {
        return Err(Error::new(ErrorKind::Config, faults.join("\n")));
    }
    match arguments.command.unwrap_or_default() {
        Command::Run => {
            check(&app.services, &config)?;
            serve(app, &config)
        }
        Command::Migrate => {
            check(&app.services, &config)?;
            runtime()?.block_on(super::resources::migrate(&app.services, &config))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Config(ConfigCommand::Check) => {
            check(&app.services, &config)?;
            output::line(format_args!("the configuration is right (profile {})", config.profile()))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Config(ConfigCommand::Explain { json }) => documents::explain(&config, &known(&app.services), json),
        Command::Config(ConfigCommand::Schema) => documents::schema(&known(&app.services)),
        Command::Openapi { service } => documents::openapi(&app.services, service.as_deref()),
    }
}

/// Reads the configuration from all its places.
fn load(app: &App, arguments: &Arguments) -> Result<Config, Faults> {
    let given = &arguments.configuration;
    let mut loader = Config::loader().directory("config").profile(given.profile.clone()).environment(std::env::vars());
    for toml in &app.defaults {
        loader = loader.defaults(toml);
    }
    for file in &given.config {
        loader = loader.file(file);
    }
    loader.arguments(given.set.iter().map(|(key, value)| format!("{key}={value}"))).load()
}

/// Faults in the declarations that only show when all services stand together.
fn declared_faults(services: &[Box<dyn Provider>]) -> Vec<String> {
    let mut faults: Vec<String> = Vec::new();
    if services.is_empty() {
        faults.push("the application has no service: add one by `App::service`".to_owned());
    }
    for (at, service) in services.iter().enumerate() {
        let name = service.name();
        if services[..at].iter().any(|other| other.name() == name) {
            faults.push(format!("two services are named `{name}`"));
        }
        faults.extend(service.faults().iter().map(|fault| format!("service `{name}`: {fault}")));
    }
    faults
}

/// Every section of the configuration that something reads.
pub(crate) fn known(services: &[Box<dyn Provider>]) -> Vec<KnownSection> {
    let mut sections = vec![
        KnownSection::of::<HttpSettings>(),
        KnownSection::of::<ManagementSettings>(),
        KnownSection::of::<LifecycleSettings>(),
        KnownSection::of::<TelemetrySettings>(),
    ];
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    sections.push(KnownSection::of::<crate::data::DatabaseSettings>());
    #[cfg(feature = "messaging")]
    sections.push(KnownSection::of::<crate::messaging::MessagingSettings>());
    #[cfg(all(feature = "messaging", any(feature = "sqlite", feature = "postgres")))]
    {
        sections.push(KnownSection::of::<crate::messaging::outbox::OutboxSettings>());
        sections.push(KnownSection::of::<crate::messaging::inbox::InboxSettings>());
    }
    #[cfg(feature = "messaging")]
    sections.push(KnownSection::of::<crate::messaging::dead_letters::DeadLetterSettings>());
    for service in services {
        sections.extend(service.needs().sections.into_iter().map(|section| section.for_service(service.name())));
    }
    sections
}

/// Reports every fault of the configuration at once.
fn check(services: &[Box<dyn Provider>], config: &Config) -> Result<(), Faults> {
    let names: Vec<&str> = services.iter().map(|service| service.name()).collect();
    let mut faults = config.check(&known(services), &names);
    guarded_routes(services, config, &mut faults);
    #[cfg(feature = "messaging")]
    for service in services {
        missing_retry_policies(&**service, config, &mut faults);
    }
    let provided: Vec<&str> = services.iter().flat_map(|service| service.contracts()).collect();
    for service in services {
        idle_client_settings(&**service, &provided, config, &mut faults);
    }
    faults.or(())
}

/// What is said of routes that are not there, and what contradicts itself where attributes and configuration come together.
fn guarded_routes(services: &[Box<dyn Provider>], config: &Config, faults: &mut Faults) {
    let specs: Vec<_> = services.iter().map(|service| (service.name(), service.routes())).collect();
    check_names(&specs, config, faults);
    for (name, specs) in &specs {
        let config = config.service(name);
        // Settings that are wrong have been reported.
        let Ok(settings) = config.read::<HttpSettings>() else { continue };
        Sources { settings: &settings, config: &config }.all(specs, faults);
    }
}

/// Settings of clients that nothing comes of, since what is called runs in this process.
fn idle_client_settings(service: &dyn Provider, provided: &[&str], config: &Config, faults: &mut Faults) {
    let config = config.service(service.name());
    for section in service.needs().sections {
        let path = section.path();
        let Some(name) = path.strip_prefix("clients.").filter(|name| provided.contains(name)) else { continue };
        if config.contains(&format!("{path}.url")) {
            continue;
        }
        let idle = |key: &String| !["timeout", "preset"].contains(&key.as_str());
        for key in config.keys(path).into_iter().filter(idle) {
            let key = format!("{path}.{key}");
            let message = format!("is not applied: `{name}` runs in this process, where only `timeout` is");
            let hint = format!("leave it out, or set `{path}.url` beside it to call `{name}` over the network");
            let origin = config.origin(&key);
            faults.add(key, message).at(origin).hint(hint);
        }
    }
}

/// Handlers that name a retry policy which is not there.
#[cfg(feature = "messaging")]
fn missing_retry_policies(service: &dyn Provider, config: &Config, faults: &mut Faults) {
    let name = service.name();
    // Settings that are wrong have been reported.
    let Ok(settings) = config.service(name).read::<crate::messaging::MessagingSettings>() else { return };
    for (handler, policy) in service.retry_policies() {
        if settings.retry_policy(policy).is_err() {
            let message = format!("is missing: the handler `{handler}` of `{name}` retries by it");
            let advice = "add it with `immediate` and `delays`, or name `standard` or `none`";
            faults.add(format!("messaging.retry.{policy}"), message).hint(advice);
        }
    }
}

/// Checks declarations and configuration as at the start of a process, and gives the services to start.
#[cfg(feature = "testing")]
pub(crate) fn check_app(app: App, config: &Config) -> Result<Vec<Box<dyn Provider>>> {
    let faults = declared_faults(&app.services);
    if !faults.is_empty() {
        return Err(Error::new(ErrorKind::Config, faults.join("\n")));
    }
    check(&app.services, config)?;
    Ok(app.services)
}

fn runtime() -> Result<Runtime> {
    Runtime::new().context("the runtime cannot be started")
}

/// Runs everything until it has ended.
fn serve(app: App, config: &Config) -> Result<ExitCode> {
    let runtime = runtime()?;
    runtime.block_on(async {
        let info = ServiceInfo {
            name: app.process_name().to_owned(),
            version: app.version().to_owned(),
            instance: uuid::Uuid::new_v4().to_string(),
        };
        let telemetry = telemetry::init(&config.read::<TelemetrySettings>()?, &info, config.profile())?;
        let ended = live(app, config).await;
        if let Err(error) = &ended {
            tracing::error!("{error:#}");
        }
        telemetry.shutdown(Duration::from_secs(5)).await;
        ended
    })?;
    // Whatever still runs has been reported as abandoned.
    runtime.shutdown_background();
    Ok(ExitCode::SUCCESS)
}

async fn live(app: App, config: &Config) -> Result<()> {
    let mut signals = Signals::listen()?;
    let settings: LifecycleSettings = config.read()?;
    let running = tokio::select! {
        started = running::start(app.services, config) => started?,
        signal = signals.next() => {
            tracing::info!(signal, "ending before the start was done");
            return Ok(());
        }
    };
    if let Some(hook) = app.on_ready {
        hook(&running.addresses);
    }
    let signal = signals.next().await;
    tracing::info!(signal, "draining");
    tokio::select! {
        () = drain(running, &settings, config.profile()) => {}
        signal = signals.next() => {
            tracing::warn!(signal, "a second signal: ending at once");
            return Err(Error::new(ErrorKind::Closed, "ended at once by a second signal"));
        }
    }
    tracing::info!("ended");
    Ok(())
}
