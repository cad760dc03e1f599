//! What guards a call, seen from both sides of a real connection: how many calls arrive, and what the caller gets.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use harness::eventually;
use harness::http::Client;
use harness::ports::Port;
use harness::process::{Process, Program};

/// Both services of the program under test in one process, which call each other over the network all the same.
struct Dependent {
    process: Process,
    depot: Client,
    caller: Client,
    management: Client,
}

impl Dependent {
    async fn start(settings: &[&str]) -> Self {
        let ports = [Port::free(), Port::free(), Port::free()];
        let mut process = program(&ports, settings).start();
        process.wait_for_line("\"ready\"").await;
        let [depot, caller, management] = ports.map(|port| Client::new(format!("http://127.0.0.1:{}", port.number())));
        Self { process, depot, caller, management }
    }

    async fn mode(&self, mode: u32) {
        self.depot.put(&format!("/mode/{mode}")).send().await.expect(200);
    }

    /// How many calls have arrived since it was last asked.
    async fn arrived(&self) -> u32 {
        self.depot.get("/arrived").send().await.expect(200).text().parse().expect("a number")
    }

    async fn ask(&self) -> String {
        self.caller.get("/ask/7").send().await.expect(200).text()
    }

    /// What becomes of so many calls, one after the other.
    async fn asks(&self, count: usize) -> BTreeMap<String, usize> {
        let mut results = BTreeMap::new();
        for _ in 0..count {
            *results.entry(self.ask().await).or_default() += 1;
        }
        results
    }

    async fn ready(&self) -> String {
        self.management.get("/readyz").send().await.text()
    }

    /// The value of a metric of the client.
    async fn metric(&self, start: &str) -> f64 {
        let metrics = self.management.get("/metrics").send().await.expect(200).text();
        let line = metrics.lines().find(|line| line.starts_with(start));
        let line = line.unwrap_or_else(|| panic!("no `{start}` in\n{metrics}"));
        line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a number")
    }

    /// What an operator sees of the client, after having said something to its breaker.
    async fn operator(&self, action: &str) -> serde_json::Value {
        let path = format!("/admin/clients/caller/depot/breaker/{action}");
        let request = self.management.post(&path).header("authorization", "Bearer letmein");
        request.send().await.expect(200).json()
    }
}

fn program(ports: &[Port; 3], settings: &[&str]) -> Program {
    let [depot, caller, management] = ports.each_ref().map(|port| format!("127.0.0.1:{}", port.number()));
    let mut program = Program::new(env!("CARGO_BIN_EXE_dependent"))
        .args(["--set", &format!("services.depot.http.listen={depot}")])
        .args(["--set", &format!("services.caller.http.listen={caller}")])
        .args(["--set", &format!("management.listen={management}")])
        .args(["--set", &format!("clients.depot.url=http://{depot}")])
        .args(["--set", "management.token=letmein"]);
    for setting in settings {
        program = program.args(["--set", setting]);
    }
    program
}

fn counts<const N: usize>(expected: [(&str, usize); N]) -> BTreeMap<String, usize> {
    expected.map(|(result, count)| (result.to_owned(), count)).into()
}

#[tokio::test]
async fn the_breaker_opens_and_closes() {
    let dependent = Dependent::start(&[
        "clients.depot.retry.attempts=1",
        "clients.depot.breaker.min_calls=5",
        "clients.depot.breaker.probes=2",
        "clients.depot.breaker.open_for=400ms",
    ])
    .await;
    assert_eq!(dependent.ready().await, "up\n");
    assert_eq!(dependent.asks(3).await, counts([("ok", 3)]));
    assert_eq!(dependent.arrived().await, 3);

    dependent.mode(1).await;
    // Three calls of six.
    let results = dependent.asks(20).await;
    let probes = dependent.arrived().await as usize - 3;
    assert_eq!(results, counts([("circuit_open", 17 - probes), ("unavailable", 3 + probes)]));
    assert!(probes <= 4, "{probes} probes in so short a time");
    assert_eq!(dependent.ready().await, "degraded\n");
    assert!(dependent.metric("chassis_client_breaker_opened_total").await >= 1.0);
    assert!(dependent.metric("chassis_client_breaker_refused_total").await >= 13.0);
    let closed = "chassis_client_breaker_state{chassis_client=\"depot\",service=\"caller\",state=\"closed\"}";
    assert_eq!(dependent.metric(closed).await, 0.0);

    let listed = dependent.management.get("/admin/clients").header("authorization", "Bearer letmein");
    let listed = listed.send().await.expect(200).json();
    let what = listed[0]["last_failure"]["what"].as_str().expect("a text").to_owned();
    assert!(what.contains("`depot.item` answered 503"), "{listed}");

    dependent.mode(0).await;
    eventually("it closes", async || {
        dependent.ask().await;
        (dependent.ready().await == "up\n").then_some(())
    })
    .await;
    assert_eq!(dependent.asks(5).await, counts([("ok", 5)]));
    assert_eq!(dependent.metric(closed).await, 1.0);
}

#[tokio::test]
async fn an_operator_opens_and_closes_it() {
    let dependent = Dependent::start(&[]).await;
    assert_eq!(dependent.operator("open").await["breaker"]["state"], "forced_open");
    assert_eq!(dependent.asks(3).await, counts([("circuit_open", 3)]));
    assert_eq!(dependent.arrived().await, 0);
    assert_eq!(dependent.ready().await, "degraded\n");
    assert_eq!(dependent.operator("disable").await["breaker"]["state"], "disabled");
    assert_eq!(dependent.asks(3).await, counts([("ok", 3)]));
    let reset = dependent.operator("reset").await;
    assert_eq!(
        (&reset["breaker"]["state"], &reset["service"], &reset["name"]),
        (&"closed".into(), &"caller".into(), &"depot".into())
    );
    assert_eq!(dependent.ready().await, "up\n");
    let wrong = dependent.management.post("/admin/clients/caller/depot/breaker/explode");
    wrong.header("authorization", "Bearer letmein").send().await.expect(404);
    dependent.management.post("/admin/clients/caller/depot/breaker/open").send().await.expect(401);

    let listed = dependent.management.get("/admin/clients").header("authorization", "Bearer letmein");
    let listed = listed.send().await.expect(200).json();
    assert_eq!(listed[0]["breaker"]["state"], "closed");
    let policies = listed[0]["policies"].as_str().expect("a text").to_owned();
    assert!(policies.contains("total 5s, 3 attempts of which retries at most 20 % and 10/s"), "{policies}");
    let started = dependent.process.lines();
    assert!(started.iter().any(|line| line.contains("3 attempts") && line.contains("depot")), "{started:#?}");
}

#[tokio::test]
async fn the_budget_ends_a_storm_of_retries() {
    let storm = |budget: [&'static str; 2]| async move {
        let pauses = ["clients.depot.retry.first_pause=1ms", "clients.depot.retry.longest_pause=1ms"];
        let settings = [&["clients.depot.breaker.mode=disabled"], &budget[..], &pauses[..]].concat();
        let dependent = Dependent::start(&settings).await;
        dependent.mode(1).await;
        assert_eq!(dependent.asks(100).await, counts([("unavailable", 100)]));
        let retries = dependent.metric("chassis_client_retries_total").await;
        (dependent.arrived().await, retries)
    };
    let bounded = ["clients.depot.retry.budget.ratio=0.1", "clients.depot.retry.budget.floor=0"];
    assert_eq!(storm(bounded).await, (110, 10.0));
    let unbounded = ["clients.depot.retry.budget.ratio=1000", "clients.depot.retry.budget.floor=0"];
    assert_eq!(storm(unbounded).await, (300, 200.0));
}

#[tokio::test]
async fn what_is_tried_again_and_what_is_not() {
    let dependent = Dependent::start(&[
        "clients.depot.retry.first_pause=1ms",
        "clients.depot.attempt_timeout=200ms",
        "clients.depot.timeout=3s",
    ])
    .await;
    dependent.mode(1).await;
    assert_eq!(dependent.ask().await, "unavailable");
    assert_eq!(dependent.arrived().await, 3);
    assert_eq!(dependent.caller.get("/add/7").send().await.expect(200).text(), "unavailable");
    assert_eq!(dependent.arrived().await, 1, "a second POST might do it twice");

    dependent.mode(2).await;
    assert_eq!(dependent.ask().await, "deadline_exceeded");
    assert_eq!(dependent.arrived().await, 3, "an attempt that takes too long is one that failed");
    let hasty = dependent.caller.get("/ask/7").header("chassis-deadline", "300").send().await;
    assert!(hasty.status() == 504 || hasty.text() == "deadline_exceeded", "{}", hasty.text());
    assert!(dependent.arrived().await <= 2, "nothing is tried again after the caller's deadline");
}

#[tokio::test]
async fn a_dependency_that_hangs_holds_so_many_calls_and_no_more() {
    let dependent = Dependent::start(&[
        "clients.depot.retry.attempts=1",
        "clients.depot.breaker.mode=disabled",
        "clients.depot.bulkhead.concurrent=3",
    ])
    .await;
    dependent.mode(2).await;
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let caller = dependent.caller.clone();
            tokio::spawn(async move { caller.get("/ask/7").send().await.text() })
        })
        .collect();
    let refused = "chassis_client_bulkhead_refused_total";
    eventually("seven are refused", async || (dependent.metric(refused).await == 7.0).then_some(())).await;
    dependent.mode(0).await;
    let mut results = BTreeMap::new();
    for call in calls {
        *results.entry(call.await.expect("no panic")).or_default() += 1;
    }
    assert_eq!(results, counts([("ok", 3), ("overloaded", 7)]));
    assert_eq!(dependent.arrived().await, 3);
}

#[tokio::test]
async fn a_route_takes_what_it_can_and_refuses_the_others() {
    let limit = ["initial", "min", "max"].map(|bound| format!("services.depot.http.limit.{bound}=5"));
    let dependent = Dependent::start(&limit.each_ref().map(String::as_str)).await;
    dependent.mode(2).await;
    let held: Vec<_> = (0..5)
        .map(|_| {
            let depot = dependent.depot.clone();
            tokio::spawn(async move { depot.get("/v1/items/7").send().await.status() })
        })
        .collect();
    let arrived = AtomicU32::new(0);
    eventually("five are in", async || {
        let new = dependent.arrived().await;
        (arrived.fetch_add(new, Ordering::SeqCst) + new == 5).then_some(())
    })
    .await;
    for _ in 0..3 {
        let refused = dependent.depot.get("/v1/items/7").send().await.expect(503);
        assert_eq!((refused.json()["code"].as_str(), refused.header("retry-after")), (Some("overloaded"), Some("1")));
    }
    assert_eq!(dependent.arrived().await, 0, "another route is answered, and nobody else has arrived");
    let refused = "http_server_refused_requests_total{http_route=\"/v1/items/{id}\"";
    assert_eq!(dependent.metric(refused).await, 3.0);
    dependent.mode(0).await;
    for call in held {
        assert_eq!(call.await.expect("no panic"), 200);
    }
    dependent.depot.get("/v1/items/7").send().await.expect(200);
}

#[tokio::test]
async fn a_breaker_stays_closed_to_what_refuses_for_want_of_room() {
    let limit = ["initial", "min", "max"].map(|bound| format!("services.depot.http.limit.{bound}=2"));
    let settings = limit.iter().map(String::as_str).chain(["clients.depot.retry.attempts=1"]).collect::<Vec<_>>();
    let dependent = Dependent::start(&settings).await;
    dependent.mode(2).await;
    let held = [0; 2].map(|_| {
        let depot = dependent.depot.clone();
        tokio::spawn(async move { depot.get("/v1/items/7").send().await.status() })
    });
    let arrived = AtomicU32::new(0);
    eventually("two are in", async || {
        let new = dependent.arrived().await;
        (arrived.fetch_add(new, Ordering::SeqCst) + new == 2).then_some(())
    })
    .await;
    assert_eq!(dependent.asks(50).await, counts([("overloaded", 50)]));
    assert_eq!(dependent.ready().await, "up\n");
    dependent.mode(0).await;
    for call in held {
        assert_eq!(call.await.expect("no panic"), 200);
    }
    assert_eq!(dependent.asks(5).await, counts([("ok", 5)]));
}

#[tokio::test]
async fn contradicting_settings_are_told_together() {
    let ports = [Port::free(), Port::free(), Port::free()];
    let settings = [
        "clients.depot.timeout=1s",
        "clients.depot.attempt_timeout=2s",
        "clients.depot.retry.attempts=0",
        "clients.depot.breaker.failure_rate=50",
        "clients.depot.breaker.probes=0",
        "http.limit.min=0",
        "http.limit.tolerance=0.5",
    ];
    let mut process = program(&ports, &settings).start();
    assert!(!process.wait().await.success());
    let said = process.lines().join("\n");
    for key in ["attempt_timeout", "retry.attempts", "breaker.failure_rate", "breaker.probes"] {
        assert!(said.contains(&format!("clients.depot.{key}")), "{key}\n{said}");
    }
    assert!(said.contains("http.limit.min") && said.contains("http.limit.tolerance"), "{said}");
}
