//! Dead letters and parked messages over the management listener, as an operator uses it, on every transport.

use harness::eventually;
use harness::guard::Folder;
use harness::http::{Client, Request};
use harness::ports::Port;
use harness::process::{Process, Program};
use serde_json::{Value, json};

const QUEUE: &str = "stock.order-placed";

struct Stock {
    process: Process,
    public: Client,
    management: Client,
    _ports: (Port, Port),
    _folder: Folder,
}

impl Stock {
    async fn start(settings: &[String]) -> Self {
        let folder = Folder::new("letters");
        let ports = (Port::free(), Port::free());
        let mut program = Program::new(env!("CARGO_BIN_EXE_letters"))
            .args(["--set", &format!("http.listen=127.0.0.1:{}", ports.0.number())])
            .args(["--set", &format!("management.listen=127.0.0.1:{}", ports.1.number())])
            .args(["--set", &format!("database.url=sqlite:{}", folder.join("stock.db").display())])
            .args(["--set", &format!("messaging.local.path={}", folder.join("broker.db").display())])
            .args(["--set", "management.token=letmein", "--set", "management.trace_url=http://traces/{trace_id}"])
            .args(["--set", "dead_letters.measure=100ms"])
            .args(["--profile", "development"]);
        for setting in settings {
            program = program.args(["--set", setting]);
        }
        let mut process = program.start();
        process.wait_for_line("\"ready\"").await;
        let client = |port: &Port| Client::new(format!("http://127.0.0.1:{}", port.number()));
        let (public, management) = (client(&ports.0), client(&ports.1));
        Self { process, public, management, _ports: ports, _folder: folder }
    }

    async fn place(&self, orders: &[&str]) {
        for order in orders {
            self.public.post(&format!("/orders/{order}")).send().await.expect(202);
        }
    }

    async fn works(&self, flag: bool) {
        self.public.post(&format!("/works/{flag}")).send().await.expect(200);
    }

    async fn handled(&self) -> Value {
        self.public.get("/handled").send().await.expect(200).json()
    }

    async fn until_handled(&self, orders: &[&str]) {
        eventually("the orders are handled", async || (self.handled().await == json!(orders)).then_some(())).await;
    }

    fn get(&self, path: &str) -> Request {
        self.management.get(&format!("/admin{path}")).header("authorization", "Bearer letmein")
    }

    fn post(&self, path: &str) -> Request {
        self.management.post(&format!("/admin{path}")).header("authorization", "Bearer letmein")
    }

    async fn read(&self, path: &str) -> Value {
        self.get(path).send().await.expect(200).json()
    }

    async fn until_parked(&self, count: u64) {
        eventually("the letters are parked", async || {
            let summary = self.read("/dead-letters").await;
            (summary["queues"][0]["letters"] == count).then_some(())
        })
        .await;
    }

    /// The errors of a list, which name the orders.
    async fn errors(&self, query: &str) -> Vec<String> {
        let list = self.read(&format!("/dead-letters/{QUEUE}?{query}")).await;
        let letters = list["letters"].as_array().expect("letters").iter();
        letters.map(|letter| letter["error"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

fn stuck(order: &str) -> String {
    format!("the shelf of {order} is stuck")
}

async fn an_operator_at_work(settings: &[String]) {
    let mut stock = Stock::start(settings).await;
    stock.place(&["a", "b", "c", "d"]).await;
    stock.until_parked(4).await;

    let summary = stock.read("/dead-letters").await;
    let queue = &summary["queues"][0];
    assert_eq!((&queue["service"], &queue["queue"]), (&json!("stock"), &json!(QUEUE)), "{summary}");
    assert!(queue["oldest_seconds"].is_u64() && queue["fault"].is_null(), "{summary}");

    assert_eq!(stock.errors("error=shelf%20of%20b").await, [stuck("b")]);
    assert_eq!(stock.errors("type=order.placed.v1&reason=failed").await.len(), 4);
    assert!(stock.errors("until=2020-01-01T00:00:00Z").await.is_empty());
    let list = stock.read(&format!("/dead-letters/{QUEUE}?limit=2")).await;
    assert_eq!((list["letters"].as_array().map(Vec::len), &list["more"]), (Some(2), &json!(true)), "{list}");
    assert!(!list.to_string().contains("4111"), "lists show no bodies: {list}");

    let letter = &stock.read(&format!("/dead-letters/{QUEUE}?error=of%20c")).await["letters"][0];
    let id = letter["id"].as_str().expect("an id").to_owned();
    assert_eq!(letter["attempts"], 1);
    let trace = letter["trace_id"].as_str().expect("a trace");
    assert_eq!(letter["trace_link"], format!("http://traces/{trace}"));
    let opened = stock.get(&format!("/dead-letters/{QUEUE}/{id}")).header("x-actor", "ann").send().await.expect(200);
    let opened = opened.json();
    assert_eq!(opened["body"]["json"]["card"], "4111-1111", "{opened}");
    assert_eq!(opened["headers"]["x-chassis-reason"], "failed");
    let audited = stock.process.wait_for_line("dead_letters.open").await;
    assert!(
        audited.contains("chassis::audit") && audited.contains("\"ann\"") && audited.contains("127.0.0.1:"),
        "{audited}"
    );

    stock.works(true).await;
    let replay = stock.post(&format!("/dead-letters/{QUEUE}/replay"));
    let done = replay.json(&json!({ "id": id })).send().await.expect(200).json();
    assert_eq!((&done["replayed"], &done["stopped"]), (&json!(1), &Value::Null), "{done}");
    stock.until_handled(&["c"]).await;
    let audited = stock.process.wait_for_line("dead_letters.replay").await;
    assert!(audited.contains(&format!("id={id}")) && audited.contains("done"), "{audited}");

    let discard = stock.post(&format!("/dead-letters/{QUEUE}.dlq/discard"));
    let done = discard.json(&json!({ "filter": { "error": "of d " } })).send().await.expect(200).json();
    assert_eq!(done["discarded"], 1, "{done}");
    stock.process.wait_for_line("dead_letters.discard").await;
    let replay = stock.post(&format!("/dead-letters/{QUEUE}/replay"));
    let done = replay.json(&json!({ "all": true, "per_second": 50 })).send().await.expect(200).json();
    assert_eq!((&done["replayed"], &done["more"]), (&json!(2), &json!(false)), "{done}");
    stock.until_handled(&["a", "b", "c"]).await;
    stock.until_parked(0).await;

    let metrics = stock.management.get("/metrics").send().await.expect(200).text();
    let counted = |name: &str, value: &str| {
        metrics.lines().any(|line| line.starts_with(name) && line.contains(QUEUE) && line.ends_with(value))
    };
    assert!(counted("chassis_dead_letters_replayed_total", " 3"), "{metrics}");
    assert!(counted("chassis_dead_letters_discarded_total", " 1"), "{metrics}");
    eventually("the depth is measured", async || {
        let metrics = stock.management.get("/metrics").send().await.expect(200).text();
        let depth = metrics.lines().find(|line| line.starts_with("chassis_dead_letters_depth"))?;
        depth.ends_with(" 0").then_some(())
    })
    .await;
    assert!(stock.process.terminate().await.success());
}

#[tokio::test]
async fn an_operator_at_work_in_memory() {
    an_operator_at_work(&["messaging.transport=memory".into()]).await;
}

#[tokio::test]
async fn an_operator_at_work_on_the_local_broker() {
    an_operator_at_work(&["messaging.transport=local".into()]).await;
}

#[tokio::test]
async fn an_operator_at_work_on_rabbitmq() {
    let host = harness::rabbitmq::virtual_host("letters").await;
    an_operator_at_work(&["messaging.transport=rabbitmq".into(), format!("messaging.url={}", host.uri())]).await;
}

#[tokio::test]
async fn nobody_else_changes_anything() {
    let stock = Stock::start(&["messaging.transport=memory".into()]).await;
    stock.place(&["a"]).await;
    stock.until_parked(1).await;
    let path = format!("/dead-letters/{QUEUE}/discard");
    let all = json!({ "filter": { "type": "order.placed.v1" } });
    let refused = async |request: Request, status: u16, code: &str| {
        let problem = request.send().await.expect(status);
        assert_eq!(problem.header("content-type"), Some("application/problem+json"));
        assert_eq!(problem.json()["code"], code, "{}", problem.text());
    };
    let anonymous = || stock.management.post(&format!("/admin{path}")).json(&all);
    refused(anonymous(), 401, "token_required").await;
    refused(anonymous().header("authorization", "Bearer wrong"), 401, "token_required").await;
    refused(stock.post(&path).json(&all).header("host", "evil.example"), 421, "unknown_host").await;
    // What the pages of another origin can send without asking first: forms and plain text.
    let text = serde_json::to_vec(&all).expect("JSON");
    refused(stock.post(&path).body("text/plain", text), 415, "unsupported_media_type").await;
    refused(stock.post(&path).form(&[("all", "true")]), 415, "unsupported_media_type").await;
    refused(stock.post(&path), 415, "unsupported_media_type").await;
    // And what they can't, should they have the token.
    refused(stock.post(&path).json(&all).header("sec-fetch-site", "cross-site"), 403, "another_origin").await;
    refused(stock.post(&path).json(&all).header("origin", "https://evil.example"), 403, "another_origin").await;
    let preflight = stock.management.request(http::Method::OPTIONS, &format!("/admin{path}"));
    let preflight = preflight.header("origin", "https://evil.example").send().await;
    assert!(preflight.header("access-control-allow-origin").is_none());
    stock.until_parked(1).await;
}

#[tokio::test]
async fn a_wrong_order_is_explained() {
    let stock = Stock::start(&["messaging.transport=memory".into()]).await;
    let post = async |what: &str, order: Value, status: u16| {
        let problem = stock.post(&format!("/dead-letters/{QUEUE}/{what}")).json(&order).send().await.expect(status);
        problem.text()
    };
    for (what, order, said) in [
        ("replay", json!({}), "expected one of `id`, `filter` with a condition, `all: true`"),
        ("replay", json!({ "filter": {} }), "expected one of"),
        ("replay", json!({ "id": "x", "all": true }), "expected one of"),
        ("replay", json!({ "al": true }), "is not known; expected one of `id`"),
        ("replay", json!({ "all": true, "per_second": 0 }), "/per_second"),
        ("replay", json!({ "all": true, "limit": 0 }), "/limit"),
        ("replay", json!({ "filter": { "since": "noon" } }), "RFC 3339"),
        ("discard", json!({ "all": true }), "expected one of `id` and `filter` with a condition"),
        ("discard", json!({ "id": "x", "per_second": 1 }), "is for replays only"),
    ] {
        let problem = post(what, order, 422).await;
        assert!(problem.contains(said), "{said}: {problem}");
    }
    assert!(post("replay", json!({ "id": "x" }), 200).await.contains("\"replayed\":0"));

    let refused = async |path: &str, status: u16| stock.get(path).send().await.expect(status).text();
    assert!(refused(&format!("/dead-letters/{QUEUE}?typ=x"), 422).await.contains("/query/typ"));
    assert!(refused(&format!("/dead-letters/{QUEUE}?limit=many"), 422).await.contains("/query/limit"));
    assert!(refused("/dead-letters/orders.somewhere", 404).await.contains("No service of this process"));
    assert!(refused("/dead-letters/stock.renamed", 404).await.contains("never been declared"));
    assert!(refused(&format!("/dead-letters/{QUEUE}/no-such-id"), 404).await.contains("no such letter"));
    assert!(refused("/outbox/nobody/parked", 404).await.contains("no outbox"));
    assert!(refused("/outbox/stock/parked?reason=x", 422).await.contains("dead letters only"));
    refused(&format!("/dead-letters/{QUEUE}/replay"), 405).await;
}

#[tokio::test]
async fn what_could_not_be_sent_is_retried_or_discarded() {
    let mut stock = Stock::start(&["messaging.transport=local".into(), "outbox.park_after=1".into()]).await;
    let ids = ["018f0000-0000-7000-8000-000000000001", "018f0000-0000-7000-8000-000000000002"];
    for id in ids {
        stock.public.post(&format!("/nowhere/{id}")).send().await.expect(202);
    }
    let until_parked = async |count: usize| {
        eventually("the messages are parked", async || {
            let list = stock.read("/outbox/stock/parked?type=order.lost.v1&error=nowhere").await;
            (list["messages"].as_array()?.len() == count).then_some(())
        })
        .await;
    };
    until_parked(2).await;
    stock.place(&["a"]).await;
    stock.until_parked(1).await;
    let metrics = eventually("the outbox is measured", async || {
        let metrics = stock.management.get("/metrics").send().await.expect(200).text();
        metrics.contains("chassis_outbox_published_total{service=\"stock\"} 1\n").then_some(metrics)
    })
    .await;
    for name in [
        "chassis_outbox_depth{service=\"stock\"}",
        "chassis_outbox_oldest_age_seconds{service=\"stock\"}",
        "chassis_outbox_parked{service=\"stock\"}",
        "chassis_outbox_unheard{service=\"stock\"} 0",
        "chassis_outbox_publish_duration_seconds_count{service=\"stock\"} 1",
        "chassis_outbox_failures_total{error=\"refused\",service=\"stock\"} 2",
        "chassis_outbox_lease_changes_total{change=\"acquired\",service=\"stock\"} 8",
    ] {
        assert!(metrics.contains(name), "{name}: {metrics}");
    }
    let summary = stock.read("/outbox").await;
    assert_eq!(summary["outboxes"][0]["parked"], 2, "{summary}");
    assert_eq!(summary["outboxes"][0]["partitions"].as_array().map(Vec::len), Some(8), "{summary}");
    let opened = stock.read(&format!("/outbox/stock/parked/{}", ids[0])).await;
    assert_eq!((&opened["exchange"], &opened["attempts"]), (&json!("nowhere"), &json!(1)), "{opened}");

    let retry = stock.post("/outbox/stock/parked/retry").json(&json!({ "all": true })).send().await.expect(200);
    assert_eq!(retry.json()["retried"], 2);
    until_parked(2).await;
    let discard = stock.post("/outbox/stock/parked/discard").json(&json!({ "id": ids[1] })).send().await.expect(200);
    assert_eq!(discard.json()["discarded"], 1);
    until_parked(1).await;
    stock.process.wait_for_line("outbox.retry").await;
    let audited = stock.process.wait_for_line("outbox.discard").await;
    assert!(audited.contains("chassis::audit") && audited.contains(ids[1]), "{audited}");
}
