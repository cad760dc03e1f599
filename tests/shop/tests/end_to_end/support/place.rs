//! Where a shop keeps its data and listens, and what runs there.

use std::collections::BTreeMap;
use std::time::Duration;

use harness::guard::Folder;
use harness::http::Client;
use harness::ports::Port;
use harness::postgres::TestDatabase;
use harness::process::{Process, Program};
use harness::rabbitmq::VirtualHost;
use harness::{eventually, eventually_within, postgres, rabbitmq};
use shop::check::{self, Report, Source};
use shop::services;
use shop::up::Urls;

/// How long the shop may take to come to rest. An answer of the provider that gets lost takes seconds to be found out about.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many queues the services bind to events in all.
const SUBSCRIPTIONS: usize = 12;

/// How a shop is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// All services in one process, on SQLite.
    Embedded,
    /// A process for each service, on RabbitMQ and PostgreSQL.
    Distributed,
}

#[derive(Debug)]
enum Data {
    Embedded(Folder),
    Distributed { broker: VirtualHost, database: TestDatabase },
}

/// Data and ports of one shop. They outlive the processes that use them.
#[derive(Debug)]
pub(crate) struct Place {
    ports: BTreeMap<&'static str, Port>,
    management: Port,
    data: Data,
}

impl Place {
    /// A new one, with nothing in it.
    pub(crate) async fn new(mode: Mode) -> Self {
        let data = match mode {
            Mode::Embedded => Data::Embedded(Folder::new("shop")),
            Mode::Distributed => {
                let (broker, database) = tokio::join!(rabbitmq::virtual_host("shop"), postgres::database("shop"));
                Data::Distributed { broker, database }
            }
        };
        let ports = services::names().into_iter().map(|name| (name, Port::free())).collect();
        Self { ports, management: Port::free(), data }
    }

    /// The program that runs the whole shop.
    pub(crate) fn shop(&self) -> Program {
        match &self.data {
            Data::Embedded(folder) => {
                let program = Program::new(env!("CARGO_BIN_EXE_shop-tests")).arg("--state").arg(folder.path());
                self.settings(program, self.management.number())
            }
            Data::Distributed { .. } => self.distributed(&["up"]),
        }
    }

    /// The program that runs one service, distributed.
    pub(crate) fn service(&self, name: &str) -> Program {
        self.distributed(&["run", name])
    }

    fn distributed(&self, command: &[&str]) -> Program {
        let urls = self.urls();
        let program = Program::new(env!("CARGO_BIN_EXE_shop-tests"))
            .args(command)
            .env("SHOP_RABBITMQ", urls.rabbitmq)
            .env("SHOP_POSTGRES", urls.postgres)
            .env("SHOP_DATABASES", urls.databases);
        self.settings(program, 0)
    }

    fn settings(&self, mut program: Program, management: u16) -> Program {
        for (service, port) in &self.ports {
            program = program.args(["--port", &format!("{service}={}", port.number())]);
        }
        // What a killed relay has leased is taken over by its successor after the lease.
        let management = format!("management.listen=127.0.0.1:{management}");
        for setting in [&*management, "outbox.lease=1s", "telemetry.sampling=1", "telemetry.otlp.span_interval=100ms"] {
            program = program.args(["--set", setting]);
        }
        program
    }

    fn urls(&self) -> Urls {
        let Data::Distributed { broker, database } = &self.data else { panic!("an embedded shop has no servers") };
        let (rabbitmq, postgres) = (broker.uri(), database.url().to_owned());
        Urls { rabbitmq, postgres, databases: database.name().to_owned() }
    }

    /// A client of one service.
    pub(crate) fn client(&self, service: &str) -> Client {
        Client::new(format!("http://127.0.0.1:{}", self.ports[service].number()))
    }

    /// The address of the storefront.
    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports["storefront"].number())
    }

    /// Starts the whole shop, and waits until all of it works.
    pub(crate) async fn start(&self, program: Program) -> Running {
        let process = program.start();
        self.ready().await;
        Running { process }
    }

    /// Waits until the shop sells, and everybody hears of what happens.
    pub(crate) async fn ready(&self) {
        eventually_within(PATIENCE, "the storefront shows a product with its stock", async || {
            let page = self.client("storefront").get("/p/LIG-12").try_send().await.ok()?;
            (page.status() == 200 && page.text().contains("data-stock=\"plenty\"")).then_some(())
        })
        .await;
        match &self.data {
            Data::Embedded(_) => {
                let management = Client::new(format!("http://127.0.0.1:{}", self.management.number()));
                eventually("every part is up", async || {
                    let health = management.get("/admin/health").send().await.expect(200).json();
                    health["parts"].as_array()?.iter().all(|part| part["status"] == "up").then_some(())
                })
                .await;
            }
            Data::Distributed { broker, .. } => {
                eventually("every subscription is bound", async || {
                    (broker.bindings().await.len() >= SUBSCRIPTIONS).then_some(())
                })
                .await;
            }
        }
    }

    /// Waits until everything is at rest, and fails unless there are `orders` orders and everybody's records agree. Distributed, no
    /// queue may have a message left either, nor a parking queue; the local broker's are not looked at.
    pub(crate) async fn settle(&self, orders: usize) -> Report {
        let source = match &self.data {
            Data::Embedded(folder) => Source::embedded(folder.path()),
            Data::Distributed { .. } => Source::distributed(&self.urls()),
        };
        let source = source.expect("the shop's records");
        let report = check::settle(&source, PATIENCE).await.expect("the shop's records can be read");
        assert_eq!(report.faults, [] as [String; 0]);
        assert_eq!(report.facts.orders.len(), orders, "{:?}", report.facts.orders);
        if let Data::Distributed { broker, .. } = &self.data {
            eventually("every message is acknowledged, and none is parked", async || {
                broker.queues().await.iter().all(|(_, messages)| *messages == 0).then_some(())
            })
            .await;
        }
        report
    }

    /// Drops the databases that the shop has made on the server of the run. What a failed test leaves behind goes with the server.
    pub(crate) async fn clear(self) {
        let Data::Distributed { database, .. } = &self.data else { return };
        for service in services::names() {
            database.query(&format!("DROP DATABASE IF EXISTS {}_{service} WITH (FORCE)", database.name())).await;
        }
    }
}

/// A shop that runs.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) process: Process,
}

impl Running {
    /// Ends it as an operator would.
    pub(crate) async fn end(mut self) {
        let status = self.process.terminate().await;
        assert!(status.success(), "the shop ended with {status}: {}", self.process.lines().join("\n"));
    }
}
