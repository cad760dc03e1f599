//! Where a ledger runs: its database, its ports, its broker.

use chassis::data::{Database, DatabaseSettings};
use harness::eventually_within;
use harness::guard::Folder;
use harness::http::{Client, Response};
use harness::ports::Port;
use harness::process::{Process, Program};
use tokio::time::Duration;

use crate::ledger::Batch;

/// The variable from which a ledger learns where its broker is; unlike an argument nobody sees it.
pub const BROKER: &str = "CHASSIS__MESSAGING__URL";

/// How long a start may take: a loaded machine takes seconds.
const START: Duration = Duration::from_secs(60);

/// A database and ports that outlive the processes which use them.
#[derive(Debug)]
pub struct Place {
    program: Program,
    public: Client,
    management: Client,
    folder: Folder,
    _ports: [Port; 2],
}

impl Place {
    /// For the program at `path`, which is the `ledger`, and the broker at `uri`.
    pub fn new(path: &str, uri: &str) -> Self {
        let folder = Folder::in_memory("ledger");
        let ports = [Port::free(), Port::free()];
        let address = |port: &Port| format!("127.0.0.1:{}", port.number());
        let mut program = Program::new(path).env(BROKER, uri).args(["--profile", "development"]);
        for setting in [
            format!("http.listen={}", address(&ports[0])),
            format!("management.listen={}", address(&ports[1])),
            format!("database.url={}", url(&folder)),
            "database.max_connections=12".to_owned(),
            // A broker that is back is to be found at once, not within half a minute.
            "messaging.rabbitmq.reconnect_max=1s".to_owned(),
            "outbox.lease=1s".to_owned(),
        ] {
            program = program.args(["--set".to_owned(), setting]);
        }
        let client = |port| Client::new(format!("http://{}", address(port)));
        Self { program, public: client(&ports[0]), management: client(&ports[1]), folder, _ports: ports }
    }

    /// What starts the ledger.
    pub fn program(&self) -> Program {
        self.program.clone()
    }

    /// Its management listener.
    pub fn management(&self) -> &Client {
        &self.management
    }

    /// Starts the ledger and waits until every part of it works.
    pub async fn start(&self) -> Process {
        let process = self.program().start();
        self.up().await;
        process
    }

    /// Waits until every part works.
    pub async fn up(&self) {
        eventually_within(START, "every part of the ledger is up", async || {
            let health = self.management.get("/admin/health").try_send().await.ok()?;
            (health.status() == 200 && !health.text().contains("\"down\"") && !health.text().contains("\"degraded\""))
                .then_some(())
        })
        .await;
    }

    /// Has the ledger make entries.
    ///
    /// # Errors
    /// There was no answer, so that nobody knows whether they are made.
    pub async fn make(&self, first: i64, count: i64) -> Result<Response, String> {
        self.public.post("/entries").json(&Batch { first, count }).try_send().await
    }

    /// Waits until it takes requests.
    pub async fn listening(&self) {
        let limit = Duration::from_secs(60);
        eventually_within(limit, "the ledger takes requests", async || {
            let answer = self.management.get("/startupz").try_send().await;
            answer.is_ok_and(|answer| answer.status() == 200).then_some(())
        })
        .await;
    }

    /// The value of one of the ledger's metrics: of the first line that contains all of `parts`.
    pub async fn metric(&self, parts: &[&str]) -> Option<f64> {
        let answer = self.management.get("/metrics").try_send().await.ok()?;
        let text = answer.text();
        let line = text.lines().find(|line| !line.starts_with('#') && parts.iter().all(|part| line.contains(part)))?;
        line.rsplit_once(' ')?.1.parse().ok()
    }

    /// The ledger's database, opened by somebody else.
    pub async fn database(&self) -> Database {
        let settings = DatabaseSettings::at(url(&self.folder));
        Database::connect(&settings, "auditor").await.expect("the ledger's database can be opened")
    }
}

fn url(folder: &Folder) -> String {
    format!("sqlite:{}", folder.join("ledger.db").display())
}
