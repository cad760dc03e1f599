//! A server of one's own.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::sync::Mutex;

use super::programs::Owner;
use super::{URL_VARIABLE, database};
use crate::guard::Folder;
use crate::ports::Port;
use crate::server::Server;

const LIMIT: Duration = Duration::from_secs(60);

/// What a server is started with.
#[derive(Debug, Clone, Default)]
pub struct Options {
    fsync: bool,
    settings: String,
}

impl Options {
    /// Writes to the disk before it says so, as in production. Without it a commit outlives the death of the server's
    /// processes, but not of the machine.
    #[must_use]
    pub fn fsync(mut self) -> Self {
        self.fsync = true;
        self
    }

    /// Adds a line to `postgresql.conf`, such as `max_connections = 20`.
    #[must_use]
    pub fn setting(mut self, line: &str) -> Self {
        self.settings.push_str(line);
        self.settings.push('\n');
        self
    }

    /// Starts the server and waits until it answers.
    pub async fn start(self) -> Cluster {
        Cluster::launch(self).await
    }
}

/// A PostgreSQL server of the test's own. Dropped, it is killed and its data removed.
///
/// The user is `chassis`, and a password is needed, so that wrong ones can be tried.
#[derive(Debug)]
pub struct Cluster {
    server: Mutex<Option<Server>>,
    owner: Owner,
    password: String,
    port: Port,
    folder: Folder,
}

impl Cluster {
    /// Starts a server without fsync and waits until it answers.
    pub async fn start() -> Self {
        Self::launch(Options::default()).await
    }

    /// A server with more than the defaults: `Cluster::options().fsync().start().await`.
    pub fn options() -> Options {
        Options::default()
    }

    async fn launch(options: Options) -> Self {
        let cluster = Self {
            server: Mutex::new(None),
            owner: Owner::find(),
            password: format!("{:016x}", fastrand::u64(..)),
            port: Port::free(),
            folder: Folder::new("postgres"),
        };
        cluster.initialise(&options).await;
        cluster.restart().await;
        cluster
    }

    async fn initialise(&self, options: &Options) {
        let (folder, password) = (self.folder.path(), self.folder.join("password"));
        fs::write(&password, &self.password).expect("write the password file");
        self.owner.own(folder);
        self.owner.own(&password);
        let mut command = tokio::process::Command::from(self.owner.command("initdb"));
        command
            .current_dir(folder)
            .args(["--username=chassis", "--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync"])
            .arg(format!("--pwfile={}", password.display()))
            .arg("--pgdata")
            .arg(self.folder.join("data"));
        let output = command.output().await.unwrap_or_else(|error| panic!("cannot run initdb: {error}"));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "initdb failed in {}: {errors}", folder.display());
        let durable = if options.fsync { "on" } else { "off" };
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = ''\nmax_connections = 300\n\
             fsync = {durable}\nsynchronous_commit = {durable}\nfull_page_writes = {durable}\n{}",
            self.port(),
            options.settings
        );
        let file = self.folder.join("data").join("postgresql.conf");
        let all = fs::read_to_string(&file).expect("read postgresql.conf") + &settings;
        fs::write(&file, all).expect("write postgresql.conf");
    }

    /// The URL of the database `postgres`, with user and password.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The URL of a database.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://chassis:{}@127.0.0.1:{}/{database}", self.password, self.port())
    }

    /// Creates a database and gives its URL.
    pub async fn create_database(&self, name: &str) -> String {
        database::query(&self.url(), &format!("CREATE DATABASE \"{name}\"")).await;
        self.url_of(name)
    }

    /// The rows of a query on the database `postgres` as lines, their columns separated by `|`.
    pub async fn query(&self, sql: &str) -> String {
        database::query(&self.url(), sql).await
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The folder with its data and log.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Whether it runs.
    pub async fn is_running(&self) -> bool {
        self.server.lock().await.as_mut().is_some_and(|server| server.ended().is_none())
    }

    /// Kills it at once (SIGKILL).
    pub async fn kill(&self) {
        if let Some(mut server) = self.server.lock().await.take() {
            server.kill(LIMIT, "the killed PostgreSQL").await;
        }
    }

    /// Stops it: connections are closed, their transactions undone.
    pub async fn stop(&self) {
        if let Some(mut server) = self.server.lock().await.take() {
            server.signal(Signal::INT);
            server.wait(LIMIT, "the stopped PostgreSQL").await;
        }
    }

    /// Starts it again on the same port and data, after [`kill`](Self::kill) or [`stop`](Self::stop), which it does
    /// itself where it has not been done. Returns when it answers.
    pub async fn restart(&self) {
        self.stop().await;
        let mut guarded = self.server.lock().await;
        let (start, log) = (Instant::now(), self.folder.join("output.log"));
        let mut server = self.spawn(&log);
        while let Err(error) = database::try_query(&self.url(), "SELECT 1").await {
            if server.ended().is_some() && start.elapsed() < LIMIT {
                // The processes of a killed server see its death a moment later and hold its memory until then.
                server = self.spawn(&log);
            }
            let words = || server.last_words();
            assert!(start.elapsed() < LIMIT, "PostgreSQL does not answer ({error}); its log:\n{}", words());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        *guarded = Some(server);
    }

    fn spawn(&self, log: &Path) -> Server {
        let mut command = self.owner.command("postgres");
        command.arg("-D").arg(self.folder.join("data")).current_dir(self.folder.path());
        Server::spawn(&mut command, log)
    }

    /// The variable by which the processes of a test run find this server.
    pub fn variable(&self) -> (&'static str, String) {
        (URL_VARIABLE, self.url())
    }
}
