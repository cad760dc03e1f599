//! A handler that is renamed leaves its queue behind. An operator is told, and retires it without losing what is in it.

use chassis::data::{Database, DatabaseSettings};
use chassis::sqlx;
use harness::eventually;
use harness::guard::Folder;
use harness::http::{Client, Request};
use harness::ports::Port;
use harness::process::{Process, Program};
use serde_json::{Value, json};

/// What the handler read before it was renamed.
const OLD: &str = "stock.order-placed";

struct Stock {
    process: Process,
    public: Client,
    management: Client,
    _ports: (Port, Port),
}

impl Stock {
    async fn start(program: &str, folder: &Folder, settings: &[String]) -> Self {
        let ports = (Port::free(), Port::free());
        let mut program = Program::new(program)
            .args(["--set", &format!("http.listen=127.0.0.1:{}", ports.0.number())])
            .args(["--set", &format!("management.listen=127.0.0.1:{}", ports.1.number())])
            .args(["--set", &format!("database.url={}", database(folder))])
            .args(["--set", &format!("messaging.local.path={}", folder.join("broker.db").display())])
            .args(["--set", "management.token=letmein", "--set", "dead_letters.measure=100ms"])
            .args(["--profile", "development"]);
        for setting in settings {
            program = program.args(["--set", setting]);
        }
        let mut process = program.start();
        process.wait_for_line("\"ready\"").await;
        let client = |port: &Port| Client::new(format!("http://127.0.0.1:{}", port.number()));
        let (public, management) = (client(&ports.0), client(&ports.1));
        let stock = Self { process, public, management, _ports: ports };
        eventually("it consumes", async || {
            (stock.consumers().await["consumers"][0]["state"] == "consuming").then_some(())
        })
        .await;
        stock
    }

    fn post(&self, path: &str) -> Request {
        self.management.post(&format!("/admin{path}")).header("authorization", "Bearer letmein")
    }

    async fn read(&self, path: &str) -> Value {
        let request = self.management.get(&format!("/admin{path}")).header("authorization", "Bearer letmein");
        request.send().await.expect(200).json()
    }

    async fn consumers(&self) -> Value {
        self.read("/consumers").await
    }

    async fn retire(&self, queue: &str, order: Value, status: u16) -> Value {
        self.post(&format!("/consumers/{queue}/retire")).json(&order).send().await.expect(status).json()
    }

    async fn place(&self, orders: &[&str]) {
        for order in orders {
            self.public.post(&format!("/orders/{order}")).send().await.expect(202);
        }
    }

    async fn until_handled(&self, orders: &[&str]) {
        eventually("the orders are handled", async || {
            (self.public.get("/handled").send().await.json() == json!(orders)).then_some(())
        })
        .await;
    }

    async fn health(&self) -> Value {
        let health = self.read("/health").await;
        let mut parts = health["parts"].as_array().expect("parts").iter();
        parts.find(|part| part["name"] == "stock/orphaned-queues").expect("the part").clone()
    }

    async fn orphaned_queues(&self) -> Option<String> {
        let metrics = self.management.get("/metrics").send().await.expect(200).text();
        let line = metrics.lines().find(|line| line.starts_with("chassis_consumer_orphaned_queues"))?;
        line.rsplit_once(' ').map(|(_, value)| value.to_owned())
    }
}

fn database(folder: &Folder) -> String {
    format!("sqlite:{}", folder.join("stock.db").display())
}

async fn open(folder: &Folder) -> Database {
    Database::connect(&DatabaseSettings::at(database(folder)), "stock").await.expect("the database")
}

/// Which queues it reads a service notes soon after it has begun to.
async fn until_noted(folder: &Folder) {
    let db = open(folder).await;
    eventually("the queue is noted", async || {
        let noted = sqlx::query("SELECT 1 FROM chassis_queue").fetch_all(&db).await.expect("the queues");
        (noted.len() == 1).then_some(())
    })
    .await;
    db.close().await;
}

/// As if two hours had passed since the queues were last read.
async fn two_hours_later(folder: &Folder) {
    let db = open(folder).await;
    let aged = sqlx::query("UPDATE chassis_queue SET read_at = read_at - 7200000").execute(&db).await.expect("aged");
    assert_eq!(aged.rows_affected(), 1);
    db.close().await;
}

async fn an_operator_retires_what_is_left(settings: &[String]) {
    let folder = Folder::new("retiring");
    let mut before = Stock::start(env!("CARGO_BIN_EXE_letters"), &folder, settings).await;
    until_noted(&folder).await;
    assert!(before.process.terminate().await.success());
    two_hours_later(&folder).await;

    let mut stock = Stock::start(env!("CARGO_BIN_EXE_renamed"), &folder, settings).await;
    eventually("the orphan is found", async || {
        let orphans = stock.consumers().await["orphans"].clone();
        (orphans[0]["queue"] == OLD && orphans[0]["service"] == "stock").then_some(())
    })
    .await;
    stock.process.wait_for_line("no handler reads this queue any more").await;
    let health = stock.health().await;
    assert_eq!((&health["status"], &health["required"]), (&json!("degraded"), &json!(false)), "{health}");
    assert_eq!(stock.orphaned_queues().await.as_deref(), Some("1"));

    stock.place(&["a", "b"]).await;
    stock.until_handled(&["a", "b"]).await;
    let refused = stock.retire(OLD, json!({}), 409).await;
    assert_eq!(refused["code"], "queue_not_empty");
    let detail = refused["detail"].as_str().expect("a detail");
    assert!(detail.starts_with("2 messages wait in `stock.order-placed`") && detail.contains("\"park\""), "{detail}");
    let audited = stock.process.wait_for_line("consumer.retire").await;
    assert!(audited.contains("failed") && audited.contains(OLD), "{audited}");
    let refused = stock.retire("stock.order-received", json!({ "messages": "discard" }), 409).await;
    assert_eq!(refused["code"], "queue_in_use", "{refused}");
    stock.retire("stock.nothing", json!({}), 404).await;
    stock.retire("elsewhere.order-placed", json!({}), 404).await;
    let wrong = stock.retire(OLD, json!({ "messages": "burn" }), 422).await.to_string();
    assert!(wrong.contains("/messages") && wrong.contains("discard"), "{wrong}");
    stock.management.post(&format!("/admin/consumers/{OLD}/retire")).json(&json!({})).send().await.expect(401);

    let done = stock.retire(OLD, json!({ "messages": "park" }), 200).await;
    assert_eq!(done, json!({ "service": "stock", "queue": OLD, "parked": 2, "discarded": 0, "letters": 2 }));
    let audited = stock.process.wait_for_line("messages=park").await;
    assert!(audited.contains("chassis::audit") && audited.contains("done"), "{audited}");
    assert_eq!(stock.consumers().await["orphans"], json!([]));
    assert_eq!(stock.orphaned_queues().await.as_deref(), Some("0"));
    eventually("health is up", async || (stock.health().await["status"] == "up").then_some(())).await;
    let letters = stock.read(&format!("/dead-letters/{OLD}?reason=retired")).await;
    assert_eq!(letters["letters"].as_array().map(Vec::len), Some(2), "{letters}");
    let summary = stock.read("/dead-letters").await["queues"].as_array().expect("queues").clone();
    assert!(summary.iter().any(|pile| pile["queue"] == OLD && pile["letters"] == 2), "{summary:?}");
    stock.place(&["c"]).await;
    stock.until_handled(&["a", "b", "c"]).await;

    let discard = stock.post(&format!("/dead-letters/{OLD}/discard"));
    discard.json(&json!({ "filter": { "reason": "retired" } })).send().await.expect(200);
    let done = stock.retire(OLD, json!({}), 200).await;
    assert_eq!((&done["parked"], &done["letters"]), (&json!(0), &json!(0)), "{done}");
    stock.retire(OLD, json!({}), 404).await;
    assert!(stock.process.terminate().await.success());
}

#[tokio::test]
async fn an_operator_retires_what_is_left_on_the_local_broker() {
    an_operator_retires_what_is_left(&["messaging.transport=local".into()]).await;
}

#[tokio::test]
async fn an_operator_retires_what_is_left_on_rabbitmq() {
    let host = harness::rabbitmq::virtual_host("retiring").await;
    let settings = ["messaging.transport=rabbitmq".into(), format!("messaging.url={}", host.uri())];
    an_operator_retires_what_is_left(&settings).await;
    let mut queues: Vec<String> = host.queues().await.into_iter().map(|(name, _)| name).collect();
    queues.retain(|queue| queue.starts_with("stock.order-placed"));
    assert!(queues.is_empty(), "{queues:?}");
}
