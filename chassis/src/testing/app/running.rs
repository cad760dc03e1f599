//! An application that runs inside a test.

use std::net::SocketAddr;
use std::sync::Arc;

use super::folder::Folder;
use crate::app::{App, LifecycleSettings, Part, Parts};
use crate::app::{Running, check, drain, start};
use crate::config::Config;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use crate::data::Database;
#[cfg(feature = "messaging")]
use crate::messaging::memory::Broker;
use crate::{Error, ErrorKind, Result};

/// Beyond the usual profiles, so that no file of theirs is meant.
const PROFILE: &str = "test";

/// An application that runs inside a test. It ends by [`stop`](Self::stop), or at once when the test's runtime ends.
pub struct RunningApp {
    pub(super) running: Running,
    #[cfg(feature = "messaging")]
    pub(super) broker: Broker,
    config: Config,
    /// Goes last, when nothing uses it any more.
    _folder: Folder,
}

impl RunningApp {
    pub(super) async fn start(app: App, seed: Option<u64>, name: String, folder: Folder) -> Result<Self> {
        #[cfg(feature = "messaging")]
        let broker = {
            let broker = Broker::named(&name);
            broker.track();
            if let Some(seed) = seed {
                broker.shuffle(seed);
            }
            broker
        };
        let _ = seed;
        let config = config(&app, &name, &folder)?;
        let services = check(app, &config)?;
        let running = start(services, &config).await?;
        for service in &running.services {
            service.resources.consuming().await;
        }
        Ok(Self {
            running,
            #[cfg(feature = "messaging")]
            broker,
            config,
            _folder: folder,
        })
    }

    /// Where a service listens.
    ///
    /// # Panics
    /// When there is no such service.
    #[track_caller]
    pub fn address(&self, service: &str) -> SocketAddr {
        let address = self.running.addresses.service(service);
        address.unwrap_or_else(|| panic!("the application has no service `{service}`"))
    }

    /// Where a service listens: `http://127.0.0.1:PORT`.
    ///
    /// # Panics
    /// When there is no such service.
    #[track_caller]
    pub fn url(&self, service: &str) -> String {
        format!("http://{}", self.address(service))
    }

    /// The routes of a service with all that guards them, to be called without a connection.
    ///
    /// ```
    /// # use chassis::prelude::*;
    /// # use chassis::testing::TestApp;
    /// use chassis::axum::body::Body;
    /// use chassis::axum::extract::Request;
    /// use tower::ServiceExt;
    ///
    /// # struct Hello;
    /// # #[service(name = "hello")]
    /// # impl Hello {
    /// #     #[get("/hello", limit = 2)]
    /// #     async fn hello(&self) -> &'static str { "Hello!" }
    /// # }
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let app = TestApp::new().service(Hello).start().await?;
    /// let answer = app.router("hello").oneshot(Request::get("/hello").body(Body::empty())?).await?;
    /// assert_eq!(answer.status(), StatusCode::OK);
    /// # app.stop().await;
    /// # Ok::<(), chassis::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Panics
    /// When there is no such service.
    #[track_caller]
    pub fn router(&self, service: &str) -> axum::Router {
        let found = self.running.services.iter().find(|running| running.name == service);
        found.unwrap_or_else(|| panic!("the application has no service `{service}`")).router.clone()
    }

    /// Where the management listener is: `http://127.0.0.1:PORT`.
    pub fn management_url(&self) -> String {
        format!("http://{}", self.running.addresses.management())
    }

    /// A client of a contract that one of its services provides, such as `app.client::<InventoryClient>()`. Calls stay
    /// inside the process.
    ///
    /// # Errors
    /// No service of it provides the contract, and the settings name no address of one that does.
    pub async fn client<C: Part>(&self) -> Result<C> {
        C::provide(&Parts::new("test", self.config.clone(), Arc::clone(&self.running.process))).await
    }

    /// The database of a service.
    ///
    /// # Panics
    /// When there is no such service, or it has no database.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    #[track_caller]
    pub fn database(&self, service: &str) -> Database {
        let found = self.running.services.iter().find(|running| running.name == service);
        let database = found.and_then(|running| running.resources.database());
        database.unwrap_or_else(|| panic!("the application has no service `{service}` with a database")).clone()
    }

    /// The broker, to look into its queues and to break it.
    #[cfg(feature = "messaging")]
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// Ends it in order, as a signal would.
    pub async fn stop(self) {
        let settings = self.config.read().unwrap_or_else(|_| LifecycleSettings::default());
        drain(self.running, &settings, PROFILE).await;
    }
}

fn config(app: &App, name: &str, folder: &Folder) -> Result<Config> {
    let quoted = |text: String| toml::Value::from(text).to_string();
    let mut ours = String::from("management.listen = \"127.0.0.1:0\"\nlifecycle.drain_delay = \"0s\"\n");
    if cfg!(feature = "messaging") {
        ours += &format!("messaging.transport = \"memory\"\nmessaging.memory.name = {}\n", quoted(name.to_owned()));
    }
    if cfg!(all(feature = "messaging", any(feature = "sqlite", feature = "postgres"))) {
        // All consumers are there before a test begins, so that nobody is to be waited for.
        ours += "outbox.unroutable_for = \"0s\"\n";
    }
    for service in app.service_names() {
        let url = quoted(format!("sqlite:{}", folder.path().join(format!("{service}.db")).display()));
        ours += &format!("[services.{service}]\nhttp.listen = \"127.0.0.1:0\"\n");
        if cfg!(feature = "sqlite") {
            ours += &format!("database.url = {url}\n");
        }
    }
    let loader =
        app.default_settings().iter().fold(Config::loader().defaults(&ours), |loader, toml| loader.defaults(toml));
    loader.profile(Some(PROFILE.to_owned())).load().map_err(|faults| Error::from(faults).with_kind(ErrorKind::Config))
}
