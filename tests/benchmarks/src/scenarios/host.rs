//! An application in a thread of its own, which can be drained like a process that is asked to end, and killed like one that
//! is not asked.

use std::net::SocketAddr;
use std::thread::JoinHandle;

use chassis::testing::TestApp;
use harness::ports::Port;
use tokio::sync::oneshot;

/// How it is to end.
enum End {
    Drained,
    Killed,
}

/// An application that runs.
pub struct Host {
    address: SocketAddr,
    end: oneshot::Sender<End>,
    thread: JoinHandle<()>,
}

impl Host {
    /// Starts an application, and comes back when it is ready. `service` is the one whose address is asked for later.
    pub async fn start(app: impl FnOnce() -> TestApp + Send + 'static, service: &'static str) -> Result<Self, String> {
        let (ready, started) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let run = move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(ready.send(Err(error.to_string()))),
            };
            runtime.block_on(async {
                let app = match app().start().await {
                    Ok(app) => app,
                    Err(error) => return drop(ready.send(Err(format!("{error:#}")))),
                };
                let _ = ready.send(Ok(app.address(service)));
                if let Ok(End::Drained) = ended.await {
                    app.stop().await;
                }
            });
            // With the runtime go all its connections.
        };
        let thread = std::thread::Builder::new().name(service.to_owned()).spawn(run);
        let thread = thread.map_err(|error| error.to_string())?;
        let address = started.await.map_err(|_| "the application broke down".to_owned())??;
        Ok(Self { address, end, thread })
    }

    /// The same at a port, where it can come back to.
    pub async fn start_at(
        port: &Port,
        app: impl FnOnce() -> TestApp + Send + 'static,
        service: &'static str,
    ) -> Result<Self, String> {
        let settings = format!("[services.{service}]\nhttp.listen = \"127.0.0.1:{}\"\n", port.number());
        Self::start(move || app().settings(settings), service).await
    }

    /// Where its service listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it in order; comes back when it is gone.
    pub async fn drain(self) {
        self.end(End::Drained).await;
    }

    /// Ends it at once, with all its connections.
    pub async fn kill(self) {
        self.end(End::Killed).await;
    }

    async fn end(self, how: End) {
        let Self { end, thread, .. } = self;
        let _ = end.send(how);
        let _ = tokio::task::spawn_blocking(move || thread.join()).await;
    }
}
