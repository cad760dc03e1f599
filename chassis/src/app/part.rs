//! What the function that makes a service can be given.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::{Config, KnownSection};
use crate::contract::Slot;
use crate::{BoxFuture, Result};

/// Something that the function which makes a service can be given.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not something `#[init]` can be given",
    label = "no part of the chassis",
    note = "`#[init]` takes types marked `#[settings(section = \"…\")]`, `Database`, `Publisher`, contract clients such as `InventoryClient`, and other types that implement `chassis::app::Part`"
)]
pub trait Part: Sized + Send + 'static {
    /// Makes it, for the service that `parts` belongs to.
    ///
    /// # Errors
    /// Whatever keeps the service from starting, such as a setting that is missing.
    fn provide(parts: &Parts) -> BoxFuture<'_, Result<Self>>;

    /// Says beforehand what it will need.
    fn needs(needs: &mut Needs) {
        let _ = needs;
    }
}

/// What the parts of a service need, known before it is made.
#[derive(Default)]
pub struct Needs {
    /// The sections of the configuration that they read.
    pub sections: Vec<KnownSection>,
    /// Whether one is a database.
    pub database: bool,
    /// Whether one sends or receives messages.
    pub messaging: bool,
}

/// What parts are made of: the settings of one service, and what it shares with the others of its process.
#[derive(Clone)]
pub struct Parts {
    service: &'static str,
    config: Config,
    own: Arc<TypeMap>,
    process: Arc<Process>,
}

/// What all services of a process share.
#[derive(Default)]
pub(crate) struct Process {
    /// The contracts that some service of this process provides.
    pub(crate) provided: Vec<TypeId>,
    slots: TypeMap,
    /// What they call in other processes.
    #[cfg(feature = "client")]
    pub(crate) clients: crate::client::Clients,
}

#[derive(Default)]
struct TypeMap(Mutex<HashMap<TypeId, Box<dyn Any + Send + Sync>>>);

impl TypeMap {
    fn get_or<T: Clone + Send + Sync + 'static>(&self, make: impl FnOnce() -> T) -> T {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = map.entry(TypeId::of::<T>()).or_insert_with(|| Box::new(make()));
        entry.downcast_ref::<T>().cloned().unwrap_or_else(|| unreachable!("the map is keyed by type"))
    }

    fn get<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        let map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        map.get(&TypeId::of::<T>())?.downcast_ref::<T>().cloned()
    }
}

impl Parts {
    pub(crate) fn new(service: &'static str, config: Config, process: Arc<Process>) -> Self {
        Self { service, config, own: Arc::default(), process }
    }

    /// The name of the service.
    pub fn service(&self) -> &'static str {
        self.service
    }

    /// The settings as the service sees them.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Keeps `value` for the other parts of the service, unless one of its type is there already.
    pub fn share<T: Clone + Send + Sync + 'static>(&self, value: T) -> T {
        self.own.get_or(|| value)
    }

    /// What was kept by [`share`](Self::share).
    pub fn shared<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.own.get()
    }

    /// What the services of the process call in other processes.
    #[cfg(feature = "client")]
    pub(crate) fn clients(&self) -> &crate::client::Clients {
        &self.process.clients
    }

    /// Where a contract's implementation in this process is, or will be once its service has been made.
    ///
    /// `D` is the contract's object form. `None` if no service of this process provides it.
    pub fn local<D: ?Sized + Send + Sync + 'static>(&self) -> Option<Slot<D>> {
        self.process.provided.contains(&TypeId::of::<D>()).then(|| self.process.slot())
    }
}

impl Process {
    pub(crate) fn slot<D: ?Sized + Send + Sync + 'static>(&self) -> Slot<D> {
        self.slots.get_or(Slot::default)
    }
}
