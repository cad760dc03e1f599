//! A process from its start to its end, seen from outside.

use std::time::{Duration, Instant};

use harness::eventually;
use harness::guard::Folder;
use harness::http::Client;
use harness::ports::Port;
use harness::process::{Process, Program, Signal};

/// The program under test on free ports of its own.
struct Subject {
    process: Process,
    public: Client,
    management: Client,
    ports: (Port, Port),
    _folder: Folder,
}

impl Subject {
    async fn start(settings: &[&str]) -> Self {
        let (folder, ports, program) = program(settings);
        let mut process = program.start();
        process.wait_for_line("\"ready\"").await;
        Self { process, public: client(&ports.0), management: client(&ports.1), ports, _folder: folder }
    }
}

fn client(port: &Port) -> Client {
    Client::new(format!("http://127.0.0.1:{}", port.number()))
}

fn program(settings: &[&str]) -> (Folder, (Port, Port), Program) {
    let folder = Folder::new("subject");
    let ports = (Port::free(), Port::free());
    let mut program = Program::new(env!("CARGO_BIN_EXE_subject"))
        .args(["--set", &format!("http.listen=127.0.0.1:{}", ports.0.number())])
        .args(["--set", &format!("management.listen=127.0.0.1:{}", ports.1.number())])
        .args(["--set", &format!("database.url=sqlite:{}", folder.join("subject.db").display())])
        .args(["--profile", "development"]);
    for setting in settings {
        program = program.args(["--set", setting]);
    }
    (folder, ports, program)
}

/// Starts a program that must fail to start, and gives all that it said.
async fn failure((_folder, _, program): (Folder, (Port, Port), Program)) -> String {
    let mut process = program.start();
    let status = process.wait().await;
    assert!(!status.success(), "a fault at start must not end with code 0");
    process.lines().join("\n")
}

#[tokio::test]
async fn requests_meet_what_surrounds_every_handler() {
    let subject = Subject::start(&["http.body_limit=1000"]).await;
    let public = &subject.public;
    assert_eq!(public.get("/hello/w%C3%B6rld").send().await.expect(200).text(), "wörld");
    assert_eq!(public.get("/by-hand").send().await.expect(200).text(), "by hand");

    let missing = public.get("/nowhere").send().await.expect(404);
    assert_eq!(missing.header("content-type"), Some("application/problem+json"));
    assert_eq!(missing.json()["code"], "not_found");
    assert_eq!(public.post("/hello/x").send().await.expect(405).header("allow"), Some("GET,HEAD"));

    let wrong = public.get("/numbers/hunter2").send().await.expect(400);
    assert_eq!(wrong.header("content-type"), Some("application/problem+json"));
    assert!(!wrong.text().contains("hunter2"), "a rejected value is not repeated: {}", wrong.text());

    let panicked = public.get("/panic").send().await.expect(500);
    assert_eq!(panicked.json()["code"], "internal_server_error");
    assert!(!panicked.text().contains("secret"), "{}", panicked.text());
    public.get("/hello/again").send().await.expect(200);
    let panicked = public.get("/by-hand/panic").send().await.expect(500);
    assert_eq!(panicked.json()["code"], "internal_server_error");

    assert_eq!(public.post("/bytes").body("text/plain", vec![b'x'; 1000]).send().await.expect(200).text(), "1000");
    let large = public.post("/bytes").body("text/plain", vec![b'x'; 1001]).send().await.expect(413);
    assert_eq!(large.json()["code"], "body_too_large");
}

#[tokio::test]
async fn routes_that_were_added_by_hand_are_shown_with_what_guards_them() {
    let subject = Subject::start(&["http.body_limit=1001"]).await;
    subject.public.get("/by-hand").send().await.expect(200);
    let routes = subject.management.get("/admin/routes").send().await.expect(200).json();
    let routes = routes["subject"].as_array().expect("a list");
    let shown = routes.iter().find(|route| route["route"] == "#[router]").expect("those added by hand");
    assert_eq!(shown["asked"], serde_json::json!(["/by-hand"]), "axum tells of a route with its first request");
    let limit = serde_json::json!({ "policy": "body_limit", "value": "1001 B", "origin": "command line" });
    assert!(shown["policies"].as_array().expect("a list").contains(&limit), "{shown:#}");
    let told = |line: &String| line.contains("#[router]") && line.contains("body_limit 1001 B (command line)");
    assert!(subject.process.lines().iter().any(told), "{:#?}", subject.process.lines());
}

#[tokio::test]
async fn the_cause_of_a_failure_is_in_the_log_and_nowhere_else() {
    let mut subject = Subject::start(&[]).await;
    for path in ["/failing/somehow", "/failing-problem"] {
        let failed = subject.public.get(path).send().await.expect(500);
        assert_eq!(failed.header("content-type"), Some("application/problem+json"));
        let problem = failed.json();
        assert_eq!((problem["code"].as_str(), problem.get("detail")), (Some("internal_server_error"), None));
        assert!(!failed.text().contains("secret"), "{}", failed.text());
        let trace = format!("\"trace_id\":\"{}\"", problem["trace_id"].as_str().expect("a trace id"));
        subject.process.wait_for_line(&trace).await;
        let logged: Vec<String> = subject.process.lines().into_iter().filter(|line| line.contains(&trace)).collect();
        assert_eq!(logged.len(), 1, "{logged:?}");
        assert!(logged[0].contains("a handler failed"), "{}", logged[0]);
        assert!(logged[0].contains("reading the page: No such file"), "{}", logged[0]);
    }
    let overloaded = subject.public.get("/failing/overloaded").send().await.expect(503);
    assert_eq!(overloaded.json()["code"], "overloaded");
    assert!(!overloaded.text().contains("secret"), "{}", overloaded.text());
    let missing = subject.public.get("/failing/missing").send().await.expect(404);
    assert_eq!(
        (missing.json()["code"].as_str(), missing.json()["detail"].as_str()),
        (Some("no_such_thing"), Some("There is none."))
    );
    subject.process.signal(Signal::TERM);
    subject.process.wait().await;
    let failures = subject.process.lines().iter().filter(|line| line.contains("a handler failed")).count();
    assert_eq!(failures, 3, "each cause is logged once, and a refusal is none");
}

#[tokio::test]
async fn a_deadline_is_kept_and_only_ever_shortened() {
    let subject = Subject::start(&["http.deadline=20s"]).await;
    let remaining = async |header: Option<&str>| {
        let mut request = subject.public.get("/remaining");
        if let Some(left) = header {
            request = request.header("chassis-deadline", left);
        }
        request.send().await.expect(200).text().parse::<u64>().expect("milliseconds")
    };
    assert!((19_000..=20_000).contains(&remaining(None).await));
    assert!((2_000..=3_000).contains(&remaining(Some("3000")).await));
    assert!((19_000..=20_000).contains(&remaining(Some("99000")).await));

    let late = subject.public.get("/hello/x").header("chassis-deadline", "0").send().await.expect(504);
    assert_eq!(late.json()["code"], "deadline_exceeded");
    subject.public.get("/slow").send().await.expect(504);
}

#[tokio::test]
async fn what_changes_something_runs_to_its_end_without_its_client() {
    let mut subject = Subject::start(&[]).await;
    let gone = subject.public.post("/held").timeout(Duration::from_millis(300)).try_send().await;
    assert!(gone.is_err(), "nobody released it");
    subject.process.wait_for_line("held").await;
    subject.public.post("/release").send().await.expect(200);
    eventually("the handler has finished", async || {
        (subject.public.get("/finished").send().await.text() == "1").then_some(())
    })
    .await;
}

#[tokio::test]
async fn health_says_how_it_is_and_jobs_survive_their_panics() {
    let subject = Subject::start(&[]).await;
    assert_eq!(subject.management.get("/livez").send().await.expect(200).text(), "up\n");
    assert_eq!(subject.management.get("/startupz").send().await.expect(200).text(), "up\n");
    eventually("the failing job shows", async || {
        let health = subject.management.get("/admin/health").send().await.expect(200).json();
        let parts = health["parts"].as_array().expect("parts").clone();
        let job = parts.iter().find(|part| part["name"] == "subject/job/panics_at_work").expect("the job").clone();
        (job["status"] == "degraded").then_some(())
    })
    .await;
    assert_eq!(subject.management.get("/readyz").send().await.expect(200).text(), "degraded\n");
    let runs = async || subject.public.get("/runs").send().await.text().parse::<u32>().expect("a number");
    let before = runs().await;
    eventually("jobs go on", async || (runs().await > before + 2).then_some(())).await;
    let metrics = subject.management.get("/metrics").send().await.expect(200).text();
    assert!(metrics.contains("chassis_job_runs_total{job=\"panics_at_work\",outcome=\"failed\""), "{metrics}");
    assert!(metrics.contains("http_server_request_duration_seconds_count"), "{metrics}");
}

#[tokio::test]
async fn admin_is_for_operators() {
    let token = "management.token=letmein";
    let mut subject = Subject::start(&[token]).await;
    subject.management.get("/admin/health").send().await.expect(401);
    let with = |path: &str| subject.management.get(path).header("authorization", "Bearer letmein");
    with("/admin/health").send().await.expect(200);
    let config = with("/admin/config").send().await.expect(200);
    assert!(!config.text().contains("letmein"), "secrets are masked: {}", config.text());
    assert!(with("/admin/openapi/subject.json").send().await.expect(200).json()["paths"]["/hello/{name}"].is_object());
    with("/admin/health").header("host", "evil.example").send().await.expect(421);
    let run = subject.management.post("/admin/jobs/subject/rarely/run");
    run.header("authorization", "Bearer letmein").send().await.expect(202);
    subject.process.wait_for_line("rarely ran").await;

    let production = Subject::start(&[]).await;
    production.management.post("/admin/jobs/subject/rarely/run").send().await.expect(403);
}

#[tokio::test]
async fn a_drain_finishes_what_is_under_way() {
    let mut subject = Subject::start(&[]).await;
    let public = Client::new(format!("http://127.0.0.1:{}", subject.ports.0.number()));
    let held = tokio::spawn(async move { public.post("/held").send().await.text() });
    subject.process.wait_for_line("held").await;
    let release = Client::new(format!("http://127.0.0.1:{}", subject.ports.0.number()));
    // An open connection, since the listener takes no new ones.
    release.get("/hello/x").send().await.expect(200);
    subject.process.signal(Signal::TERM);
    subject.process.wait_for_line("draining").await;
    assert_eq!(subject.management.get("/readyz").send().await.expect(503).text(), "down\n");
    assert_eq!(subject.management.get("/livez").send().await.expect(200).text(), "up\n");
    let _ = release.post("/release").try_send().await;
    drop(held);
    subject.process.wait().await;
}

#[tokio::test]
async fn the_drain_delay_serves_on_while_readiness_is_withdrawn() {
    let mut subject = Subject::start(&["lifecycle.drain_delay=2s"]).await;
    let begun = Instant::now();
    subject.process.signal(Signal::TERM);
    subject.process.wait_for_line("draining").await;
    eventually("readiness is withdrawn", async || {
        (subject.management.get("/readyz").send().await.status() == 503).then_some(())
    })
    .await;
    subject.public.get("/hello/x").send().await.expect(200);
    assert!(subject.process.wait().await.success());
    assert!(begun.elapsed() >= Duration::from_secs(2));
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let mut subject = Subject::start(&["lifecycle.drain_delay=10m"]).await;
    subject.process.signal(Signal::INT);
    subject.process.wait_for_line("draining").await;
    subject.process.signal(Signal::TERM);
    assert!(!subject.process.wait_within(Duration::from_secs(5)).await.success());
}

#[tokio::test]
async fn a_signal_before_readiness_ends_the_start() {
    let (_folder, _ports, program) = program(&[]);
    let mut process = program.env("SUBJECT_START_MS", "600000").start();
    process.wait_for_line("starting slowly").await;
    process.signal(Signal::TERM);
    assert!(process.wait_within(Duration::from_secs(5)).await.success());
}

#[tokio::test]
async fn a_start_that_takes_too_long_is_given_up() {
    let (folder, ports, program) = program(&["lifecycle.start_deadline=200ms"]);
    let said = failure((folder, ports, program.env("SUBJECT_START_MS", "600000"))).await;
    assert!(said.contains("service `subject` cannot start"), "{said}");
    assert!(said.contains("lifecycle.start_deadline"), "{said}");
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    let said = failure(program(&[&format!("http.listen={address}")])).await;
    assert!(said.contains(&format!("cannot listen on {address}")), "{said}");
    assert!(said.contains("`http.listen`"), "{said}");
}

#[tokio::test]
async fn every_fault_of_the_configuration_is_reported_at_once() {
    let settings = ["http.lisen=1", "http.body_limit=many", "lifecycle.drain_delay=soon"];
    let (folder, ports, program) = program(&settings);
    let said = failure((folder, ports, program.env("CHASSIS__MANAGEMENT__TOKENN", "hunter2"))).await;
    for part in [
        "http.lisen",
        "did you mean `http.listen`",
        "http.body_limit",
        "lifecycle.drain_delay",
        "CHASSIS__MANAGEMENT__TOKENN",
    ] {
        assert!(said.contains(part), "{part} is missing in:\n{said}");
    }
    assert!(!said.contains("hunter2"), "{said}");
}

#[tokio::test]
async fn an_answer_is_kept_for_its_key() {
    let mut subject = Subject::start(&[]).await;
    let order = |key: &str, text: &str| subject.public.post("/orders").header("idempotency-key", key).json(&text);
    let first = order("one", "lamp").send().await.expect(201);
    let again = order("one", "lamp").send().await.expect(201);
    assert_eq!((first.text(), first.header("idempotency-replayed")), (again.text(), None));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_ne!(order("two", "lamp").send().await.expect(201).text(), first.text());
    assert_eq!(order("one", "chair").send().await.expect(422).json()["code"], "idempotency_key_reused");

    let count = |text: String| text.trim_matches('"').rsplit(' ').next().and_then(|n| n.parse::<u32>().ok());
    let before = count(order("three", "lamp").send().await.expect(201).text()).expect("a count");
    order("four", "broken").send().await.expect(500);
    order("four", "broken").send().await.expect(500);
    let after = count(order("five", "lamp").send().await.expect(201).text()).expect("a count");
    assert_eq!(after, before + 3, "what failed is done again");

    let held = Client::new(format!("http://127.0.0.1:{}", subject.ports.0.number()));
    let held = tokio::spawn(async move {
        held.post("/orders").header("idempotency-key", "six").json(&"held").send().await.expect(201).text()
    });
    subject.process.wait_for_line("order held").await;
    let order = |key: &str, text: &str| subject.public.post("/orders").header("idempotency-key", key).json(&text);
    assert_eq!(order("six", "held").send().await.expect(409).json()["code"], "request_in_flight");
    subject.public.post("/release").send().await.expect(200);
    let answer = held.await.expect("the first is answered");
    assert_eq!(order("six", "held").send().await.expect(201).text(), answer);
}
