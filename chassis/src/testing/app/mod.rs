//! An application inside a test.

mod folder;
#[cfg(feature = "messaging")]
mod idle;
mod running;

use std::sync::atomic::{AtomicU64, Ordering};

use self::folder::Folder;
use crate::Result;
use crate::app::{App, Source};

pub use running::RunningApp;

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// An application inside a test: its services listen on free ports of the loopback interface, exchange messages in
/// memory, and keep their data in SQLite files of a temporary folder, unless its settings say otherwise.
///
/// Neither files nor environment nor command line are read. The test stays the owner of the process: nothing is logged
/// and no signal is caught.
///
/// ```
/// use chassis::prelude::*;
/// use chassis::testing::TestApp;
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
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let app = TestApp::new().service(Hello).start().await?;
/// assert!(app.url("hello").starts_with("http://127.0.0.1:"));
/// app.stop().await;
/// # Ok::<(), chassis::Error>(())
/// # }).unwrap();
/// ```
#[must_use = "an application does nothing until it is started"]
#[derive(Default)]
pub struct TestApp {
    app: App,
    seed: Option<u64>,
}

impl TestApp {
    /// An application without a service.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a service: a finished one, or the function that makes it.
    pub fn service<M: 'static>(mut self, source: impl Source<M>) -> Self {
        self.app = self.app.service(source);
        self
    }

    /// Adds settings, as TOML, above those that a test has by itself; later ones win.
    pub fn settings(mut self, toml: impl Into<String>) -> Self {
        self.app = self.app.defaults(toml);
        self
    }

    /// Lets chance decide about what a broker does not promise, the same way for the same seed: the order among
    /// different queues, and whether a message comes once or twice. Same seed and same runtime of one thread, same order.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Starts it, and returns when it is ready and every consumer consumes.
    ///
    /// # Errors
    /// Whatever would keep the process from starting, such as a wrong setting.
    pub async fn start(self) -> Result<RunningApp> {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("test-{}-{number}", std::process::id());
        let folder = Folder::new(&name)?;
        RunningApp::start(self.app, self.seed, name, folder).await
    }
}
