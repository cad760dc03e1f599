//! What guards a call, seen from both sides of a real connection: how many calls arrive, and what the caller gets.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use harness::eventually;
use harness::http::Client;
use harness::otlp::{Collector, Kind, Span};
use harness::ports::Port;
use harness::process::{Process, Program};
use serde_json::json;

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
    let dependent = Dependent::start(&["clients.depot.preset=fast", "clients.depot.retry.attempts=3"]).await;
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
    assert!(policies.contains("total 500ms, 3 attempts of which retries at most 10 % and 10/s"), "{policies}");
    let settings = listed[0]["settings"].as_array().expect("a list");
    for (policy, setting, value, origin) in [
        ("retry", "attempts", json!(3), "command line"),
        ("retry", "budget.ratio", json!(0.1), "preset fast (command line)"),
        ("connection", "http_version", json!("auto"), "default"),
    ] {
        let expected = json!({ "policy": policy, "setting": setting, "value": value, "origin": origin });
        assert!(settings.contains(&expected), "{expected}\n{listed:#}");
    }
    let started = dependent.process.lines();
    let told = |line: &&String| line.contains("3 attempts") && line.contains("depot");
    let told = started.iter().find(told).unwrap_or_else(|| panic!("{started:#?}"));
    assert!(told.contains("retry.attempts=3 (command line)"), "{told}");
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
        "clients.depot.preset=fats",
        "clients.depot.timeout=1s",
        "clients.depot.attempt_timeout=2s",
        "clients.depot.retry.attempts=0",
        "clients.depot.bulkhead.concurrent=-1",
        "clients.depot.breaker.failure_rate=50",
        "clients.depot.breaker.probes=0",
        "http.deadline=soon",
        "http.body_limit=two bananas",
        "http.limit.min=0",
        "http.limit.tolerance=0.5",
    ];
    let mut process = program(&ports, &settings).start();
    assert!(!process.wait().await.success());
    let said = process.lines().join("\n");
    for key in
        ["preset", "attempt_timeout", "retry.attempts", "bulkhead.concurrent", "breaker.failure_rate", "breaker.probes"]
    {
        assert!(said.contains(&format!("clients.depot.{key}:")), "{key}\n{said}");
    }
    assert!(said.contains("did you mean \"fast\"?") && said.contains("http.deadline:"), "{said}");
    assert!(said.contains("http.body_limit: must be a size"), "{said}");
    assert!(said.contains("http.limit.min") && said.contains("http.limit.tolerance"), "{said}");
}

#[tokio::test]
async fn settings_that_nothing_comes_of_are_told_together() {
    // No address: both services run in this process.
    let mut program = Program::new(env!("CARGO_BIN_EXE_dependent"));
    for setting in [
        "clients.depot.timeout=3s",
        "clients.depot.retry.attempts=5",
        "services.caller.clients.depot.bulkhead.wait=1s",
        "clients.depo.retry.attempts=5",
    ] {
        program = program.args(["--set", setting]);
    }
    let mut process = program.start();
    assert!(!process.wait().await.success());
    let said = process.lines().join("\n");
    for part in [
        "clients.depot.retry: is not applied: `depot` runs in this process",
        "clients.depot.bulkhead: is not applied",
        "clients.depot.bulkhead.wait: is not applied: nobody may wait",
        "did you mean `clients.depot`?",
        "set `clients.depot.url` beside it",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    assert!(!said.contains("clients.depot.timeout"), "{said}");
}

/// The spans of the attempts of the one call in a trace, in their order, once `count` of them are there.
async fn attempts(collector: &Collector, count: usize) -> Vec<Span> {
    let what = format!("{count} attempts");
    let trace = collector
        .wait_for_trace(&what, |trace| trace.spans().iter().filter(|span| span.kind == Kind::Client).count() == count)
        .await;
    let call = trace.find("caller", "depot.item").expect("the call has a span");
    assert_eq!((call.kind, call.attribute("chassis.contract")), (Kind::Internal, Some("depot")), "{trace}");
    let attempts: Vec<Span> =
        trace.spans().iter().filter(|span| span.parent.as_ref() == Some(&call.id)).cloned().collect();
    for attempt in &attempts {
        assert_eq!((attempt.name.as_str(), attempt.kind), ("GET /v1/items/{id}", Kind::Client), "{trace}");
        let [served] = trace.below(&attempt.id)[..] else { panic!("not served once:\n{trace}") };
        assert_eq!((served.service.as_str(), served.kind), ("depot", Kind::Server), "{trace}");
    }
    attempts
}

#[tokio::test]
async fn a_trace_shows_every_attempt() {
    let collector = Collector::start().await;
    let endpoint = format!("telemetry.otlp.endpoint={}", collector.endpoint());
    let dependent = Dependent::start(&[&endpoint, "telemetry.sampling=1", "clients.depot.retry.first_pause=1ms"]).await;
    dependent.mode(1).await;
    assert_eq!(dependent.ask().await, "unavailable");
    let attempts = attempts(&collector, 3).await;
    let resent: Vec<_> = attempts.iter().map(|attempt| attempt.attribute("http.request.resend_count")).collect();
    assert_eq!(resent, [None, Some("1"), Some("2")]);
    for attempt in &attempts {
        assert_eq!(attempt.attribute("http.response.status_code"), Some("503"));
        assert_eq!(attempt.attribute("error.type"), Some("503"));
        assert_eq!(attempt.attribute("server.address"), Some("127.0.0.1"));
        assert_eq!(attempt.attribute("network.protocol.version"), Some("1.1"));
    }
}

#[tokio::test]
async fn a_trace_tells_an_attempt_that_took_too_long_from_one_that_was_given_up() {
    let collector = Collector::start().await;
    let endpoint = format!("telemetry.otlp.endpoint={}", collector.endpoint());
    let limits = ["clients.depot.timeout=600ms", "clients.depot.attempt_timeout=400ms"];
    let pause = "clients.depot.retry.first_pause=1ms";
    let dependent = Dependent::start(&[&endpoint, "telemetry.sampling=1", limits[0], limits[1], pause]).await;
    dependent.mode(2).await;
    assert_eq!(dependent.ask().await, "deadline_exceeded");
    dependent.mode(0).await;
    let attempts = attempts(&collector, 2).await;
    let ends: Vec<_> = attempts.iter().map(|attempt| attempt.attribute("error.type")).collect();
    assert_eq!(ends, [Some("deadline_exceeded"), Some("given_up")]);
}
