//! Runs services: from their settings to readiness, and from the first signal to the end of the last request.
//!
//! Every source of work (listeners, consumers, jobs) goes through the same states: starting → ready → draining → stopped.

mod addresses;
mod arguments;
mod command;
mod definition;
mod documents;
mod drain;
mod erased;
mod management;
mod openapi;
mod output;
mod part;
mod resources;
mod running;
mod service;
mod settings;
mod signals;
mod source;

use std::process::ExitCode;

pub use addresses::Addresses;
pub use definition::{ContractEntry, Definition, Locals};
pub use part::{Needs, Part, Parts};
pub use service::Service;
pub use settings::LifecycleSettings;
pub use source::{ByInit, ByValue, Source};

use erased::{Erased, Provider};

#[cfg(feature = "testing")]
pub(crate) use command::check_app as check;
#[cfg(feature = "testing")]
pub(crate) use drain::drain;
#[cfg(feature = "testing")]
pub(crate) use running::{Running, start};

/// Runs one service until it is told to end: a finished service, or the function that makes it.
///
/// ```no_run
/// use chassis::prelude::*;
///
/// struct Hello;
///
/// #[service(name = "hello")]
/// impl Hello {
///     #[get("/hello/{name}")]
///     async fn hello(&self, Path(name): Path<String>) -> String {
///         format!("Hello, {name}!")
///     }
/// }
///
/// fn main() -> ExitCode {
///     chassis::run(Hello)
/// }
/// ```
pub fn run<M: 'static>(source: impl Source<M>) -> ExitCode {
    App::new().service(source).run()
}

/// One process with one or more services.
///
/// Services of one process share the management listener; each has a public listener, a database and settings of its
/// own, from `[services.NAME]` where they differ.
#[must_use = "an application does nothing until it is run"]
pub struct App {
    name: Option<&'static str>,
    services: Vec<Box<dyn Provider>>,
    defaults: Vec<String>,
    arguments: Option<Vec<String>>,
    on_ready: Option<OnReady>,
}

type OnReady = Box<dyn FnOnce(&Addresses)>;

impl Default for App {
    fn default() -> Self {
        Self::new()
    }
}

impl App {
    /// An application without a service.
    pub fn new() -> Self {
        Self { name: None, services: Vec::new(), defaults: Vec::new(), arguments: None, on_ready: None }
    }

    /// The name under which the process shows in telemetry; the first service's name unless said otherwise.
    pub fn name(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// Adds a service: a finished one, or the function that makes it.
    pub fn service<M: 'static>(mut self, source: impl Source<M>) -> Self {
        self.services.push(Box::new(Erased::new(source)));
        self
    }

    /// Adds settings, as TOML, below those of every file, variable and argument; later ones win.
    pub fn defaults(mut self, toml: impl Into<String>) -> Self {
        self.defaults.push(toml.into());
        self
    }

    /// Reads these arguments instead of the process's own. The first is the program's name.
    pub fn arguments<A: Into<String>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments = Some(arguments.into_iter().map(Into::into).collect());
        self
    }

    /// Is called once when every service is ready, such as to print the addresses. It must not block.
    pub fn on_ready(mut self, hook: impl FnOnce(&Addresses) + 'static) -> Self {
        self.on_ready = Some(Box::new(hook));
        self
    }

    #[cfg(feature = "testing")]
    pub(crate) fn service_names(&self) -> Vec<&'static str> {
        self.services.iter().map(|service| service.name()).collect()
    }

    #[cfg(feature = "testing")]
    pub(crate) fn default_settings(&self) -> &[String] {
        &self.defaults
    }

    /// Does what the command line says, which is to run the services unless it names another command.
    ///
    /// Returns success after an orderly end. A fault at start, or a listener that is lost, is reported once on standard
    /// error and returns failure.
    pub fn run(self) -> ExitCode {
        command::run(self)
    }
}
