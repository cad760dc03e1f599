//! What guards single routes, seen over a real connection: what is answered, and what the handlers did.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;

use harness::eventually;
use harness::guard::Folder;
use harness::http::Client;
use harness::ports::Port;
use harness::process::{Process, Program};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

struct Guarded {
    public: Client,
    management: Client,
    address: String,
    process: Process,
    _ports: [Port; 2],
}

/// How often a handler has begun, come to its end, and been cancelled.
type Runs = [u64; 3];

impl Guarded {
    async fn start(settings: &[&str]) -> Self {
        Self::run(settings, None).await
    }

    async fn run(settings: &[&str], file: Option<&Path>) -> Self {
        let ports = [Port::free(), Port::free()];
        let mut process = program(&ports, settings, file).start();
        process.wait_for_line("\"ready\"").await;
        let [public, management] =
            ports.each_ref().map(|port| Client::new(format!("http://127.0.0.1:{}", port.number())));
        let address = format!("127.0.0.1:{}", ports[0].number());
        Self { public, management, address, process, _ports: ports }
    }

    async fn runs(&self, name: &str) -> Runs {
        let runs = self.public.get("/runs").send().await.expect(200).json();
        serde_json::from_value(runs.get(name).cloned().unwrap_or(json!([0, 0, 0]))).expect("three numbers")
    }

    async fn until(&self, name: &str, expected: Runs) {
        let what = format!("`{name}` has run {expected:?}");
        eventually(&what, async || (self.runs(name).await == expected).then_some(())).await;
    }

    async fn release(&self) {
        self.public.post("/release").send().await.expect(200);
    }

    /// Has so many requests wait for `/release`.
    async fn hold(&self, path: &'static str, name: &str, count: u64) -> Vec<JoinHandle<u16>> {
        let [began, ..] = self.runs(name).await;
        let held = (0..count).map(|_| {
            let public = self.public.clone();
            tokio::spawn(async move { public.get(path).send().await.status() })
        });
        let held = held.collect();
        self.until(name, [began + count, 0, 0]).await;
        held
    }

    /// Begins a request, and goes when its handler is at work.
    async fn leave(&self, head: &str, name: &str) {
        let [began, ..] = self.runs(name).await;
        let mut client = TcpStream::connect(&self.address).expect("a connection");
        write!(client, "{head} HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n").expect("it is sent");
        self.until(name, [began + 1, 0, 0]).await;
    }

    async fn metric(&self, start: &str) -> f64 {
        let metrics = self.management.get("/metrics").send().await.expect(200).text();
        let line = metrics.lines().find(|line| line.starts_with(start));
        let line = line.unwrap_or_else(|| panic!("no `{start}` in\n{metrics}"));
        line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a number")
    }

    /// The policies of a route, as operators see them.
    async fn policies(&self, name: &str) -> Vec<Value> {
        let request = self.management.get("/admin/routes").header("authorization", "Bearer letmein");
        let routes = request.send().await.expect(200).json();
        let all = routes["guarded"].as_array().expect("a list");
        let route = all.iter().find(|route| route["name"] == name).unwrap_or_else(|| panic!("no `{name}` in {routes}"));
        route["policies"].as_array().expect("a list").clone()
    }
}

fn program(ports: &[Port; 2], settings: &[&str], file: Option<&Path>) -> Program {
    let mut program = Program::new(env!("CARGO_BIN_EXE_guarded"))
        .args(["--set", &format!("http.listen=127.0.0.1:{}", ports[0].number())])
        .args(["--set", &format!("management.listen=127.0.0.1:{}", ports[1].number())])
        .args(["--set", "management.token=letmein"]);
    for setting in settings {
        program = program.args(["--set", setting]);
    }
    match file {
        Some(file) => program.args(["--config", &file.display().to_string()]),
        None => program,
    }
}

#[tokio::test]
async fn a_route_has_a_body_limit_of_its_own() {
    let guarded = Guarded::start(&[]).await;
    let post = |path: &str, bytes: usize| guarded.public.post(path).body("text/plain", vec![b'x'; bytes]).send();
    assert_eq!(post("/small", 1024).await.expect(200).text(), "1024");
    let problem = post("/small", 1025).await.expect(413).json();
    assert_eq!(
        (&problem["code"], &problem["detail"]),
        (&json!("body_too_large"), &json!("The body may have at most 1 KiB."))
    );
    assert_eq!(guarded.runs("small").await, [1, 1, 0]);
    assert_eq!(post("/large", 1025).await.expect(200).text(), "1025");

    // A chunked body says nothing of its length beforehand.
    let answer = tokio::task::spawn_blocking({
        let address = guarded.address.clone();
        move || {
            let mut client = TcpStream::connect(address).expect("a connection");
            let chunk = format!("401\r\n{}\r\n0\r\n\r\n", "x".repeat(0x401));
            let head = "POST /small HTTP/1.1\r\nhost: test\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
            write!(client, "{head}{chunk}").expect("it is sent");
            std::io::read_to_string(client).expect("an answer")
        }
    });
    let answer = answer.await.expect("no panic");
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert_eq!(guarded.runs("small").await, [1, 1, 0]);

    let send = |text: &str| guarded.public.post("/v1/parcels").json(&text).send();
    send(&"x".repeat(98)).await.expect(204);
    send(&"x".repeat(99)).await.expect(413);
    assert_eq!(guarded.runs("send").await, [1, 1, 0]);
}

#[tokio::test]
async fn a_route_is_asked_so_often_and_no_more() {
    let guarded = Guarded::start(&[]).await;
    for (path, name, times, wait) in [("/rated", "rated", 3, 1200), ("/bursting", "bursting", 2, 4)] {
        for _ in 0..times {
            guarded.public.get(path).send().await.expect(200);
        }
        for _ in 0..2 {
            let refused = guarded.public.get(path).send().await.expect(429);
            assert_eq!(refused.json()["code"], "rate_limited");
            let after: u64 = refused.header("retry-after").and_then(|after| after.parse().ok()).expect("seconds");
            assert!((1..=wait).contains(&after), "{after}");
        }
        assert_eq!(guarded.runs(name).await, [times, times, 0]);
        let metric = format!("http_server_refused_requests_total{{http_route=\"{path}\",policy=\"rate\"");
        assert_eq!(guarded.metric(&metric).await, 2.0);
    }
    guarded.public.get("/plain").send().await.expect(200);

    for status in [204, 204, 429] {
        guarded.public.post("/v1/parcels").json(&"a parcel").send().await.expect(status);
    }
    assert_eq!(guarded.runs("send").await, [2, 2, 0]);
}

#[tokio::test]
async fn a_route_lets_so_many_in_and_no_more() {
    let guarded = Guarded::start(&[]).await;
    for (path, name) in [("/places", "places"), ("/v1/parcels/7", "parcel")] {
        let held = guarded.hold(path, name, 2).await;
        for _ in 0..3 {
            let refused = guarded.public.get(path).send().await.expect(503);
            let (code, after) = (refused.json()["code"].clone(), refused.header("retry-after").map(str::to_owned));
            assert_eq!((code, after.as_deref()), (json!("overloaded"), Some("1")));
        }
        guarded.public.get("/plain").send().await.expect(200);
        assert_eq!(guarded.runs(name).await, [2, 0, 0]);
        held.iter().for_each(JoinHandle::abort);
        guarded.until(name, [2, 0, 2]).await;
    }
    let held = guarded.hold("/first", "first", 2).await;
    guarded.release().await;
    for call in held {
        assert_eq!(call.await.expect("no panic"), 200);
    }
    guarded.public.get("/places").send().await.expect(200);
}

#[tokio::test]
async fn who_matters_less_is_refused_first() {
    // Ten for each route, and twenty for all: 14 of them for what can wait, 18 for what says nothing.
    let limit = ["initial", "min", "max"].map(|bound| format!("http.limit.{bound}=10"));
    let guarded = Guarded::start(&limit.each_ref().map(String::as_str)).await;
    let ask = async |path: &str| guarded.public.get(path).send().await.status();
    let mut held = guarded.hold("/first", "first", 10).await;
    assert_eq!(ask("/first").await, 503, "one route has half of the room at most");
    assert_eq!([ask("/sheddable").await, ask("/plain").await, ask("/critical").await], [200, 200, 200]);

    held.extend(guarded.hold("/second", "second", 4).await);
    assert_eq!([ask("/sheddable").await, ask("/plain").await, ask("/critical").await], [503, 200, 200]);
    held.extend(guarded.hold("/second", "second", 4).await);
    assert_eq!([ask("/sheddable").await, ask("/plain").await, ask("/critical").await], [503, 503, 200]);
    assert_eq!(
        [guarded.runs("sheddable").await, guarded.runs("plain").await, guarded.runs("critical").await],
        [[1, 1, 0], [2, 2, 0], [3, 3, 0]]
    );
    let refused = "http_server_refused_requests_total{http_route=\"/sheddable\",policy=\"limit\"";
    assert_eq!(guarded.metric(refused).await, 2.0);

    guarded.release().await;
    for call in held {
        assert_eq!(call.await.expect("no panic"), 200);
    }
    assert_eq!([ask("/sheddable").await, ask("/plain").await, ask("/critical").await], [200, 200, 200]);
}

#[tokio::test]
async fn what_takes_too_long_is_cancelled_unless_it_changes_something() {
    let guarded = Guarded::start(&[]).await;
    assert_eq!(guarded.public.get("/late").send().await.expect(504).json()["code"], "deadline_exceeded");
    guarded.until("late", [1, 0, 1]).await;
    guarded.public.post("/late-search").send().await.expect(504);
    guarded.until("late_search", [1, 0, 1]).await;
    guarded.public.post("/late-change").send().await.expect(504);
    assert_eq!(guarded.runs("late_change").await, [1, 0, 0]);
    guarded.release().await;
    guarded.until("late_change", [1, 1, 0]).await;
}

#[tokio::test]
async fn who_goes_ends_what_changes_nothing_or_says_so() {
    let guarded = Guarded::start(&[]).await;
    guarded.leave("POST /change", "change").await;
    // When these have been noticed, so has the one before them.
    for (head, name) in [("GET /look", "look"), ("POST /search", "search_here"), ("POST /v1/parcels/lost", "search")] {
        guarded.leave(head, name).await;
        guarded.until(name, [1, 0, 1]).await;
    }
    assert_eq!(guarded.runs("change").await, [1, 0, 0]);
    guarded.release().await;
    guarded.until("change", [1, 1, 0]).await;
}

#[tokio::test]
async fn an_operator_says_otherwise_and_sees_who_says_what() {
    let folder = Folder::new("routes");
    let file = folder.join("routes.toml");
    let toml = "[http]\nbody_limit = \"1 MiB\"\n[http.routes.small]\nbody_limit = \"2 KiB\"\n\
                [http.routes.rated]\nrate = \"1/h\"\n[http.routes.parcels-parcel]\nlimit = 1\n\
                [http.routes.late]\ntimeout = \"50ms\"\npriority = \"sheddable\"\n";
    std::fs::write(&file, toml).expect("a file");
    let guarded = Guarded::run(&["http.routes.bursting.rate=off", "http.routes.places.limit=off"], Some(&file)).await;
    let at = |line: usize| format!("{}:{line}", file.display());

    guarded.public.post("/small").body("text/plain", vec![b'x'; 2048]).send().await.expect(200);
    guarded.public.post("/small").body("text/plain", vec![b'x'; 2049]).send().await.expect(413);
    for status in [200, 429] {
        guarded.public.get("/rated").send().await.expect(status);
    }
    for _ in 0..5 {
        guarded.public.get("/bursting").send().await.expect(200);
    }
    let _held = guarded.hold("/v1/parcels/1", "parcel", 1).await;
    guarded.public.get("/v1/parcels/1").send().await.expect(503);
    let _more = guarded.hold("/places", "places", 5).await;

    let small = guarded.policies("small").await;
    assert!(small.contains(&json!({ "policy": "body_limit", "value": "2 KiB", "origin": at(4) })), "{small:#?}");
    assert!(small.contains(&json!({ "policy": "timeout", "value": "30s", "origin": "default" })), "{small:#?}");
    assert!(small.contains(&json!({ "policy": "limit", "setting": "max", "value": 10_000, "origin": "default" })));
    let rated = guarded.policies("rated").await;
    assert!(
        rated.contains(&json!({ "policy": "rate", "setting": "rate", "value": "1/h", "origin": at(6) })),
        "{rated:#?}"
    );
    assert!(rated.contains(&json!({ "policy": "body_limit", "value": "1 MiB", "origin": at(2) })), "{rated:#?}");
    let late = guarded.policies("late").await;
    assert!(late.contains(&json!({ "policy": "timeout", "value": "50ms", "origin": at(10) })), "{late:#?}");
    let shed = json!({ "policy": "limit", "setting": "priority", "value": "sheddable", "origin": at(11) });
    assert!(late.contains(&shed), "{late:#?}");
    let send = guarded.policies("send").await;
    assert!(send.contains(&json!({ "policy": "rate", "setting": "rate", "value": "2/h", "origin": "attribute" })));
    assert!(
        send.contains(&json!({ "policy": "client_gone", "value": "lets it end", "origin": "default" })),
        "{send:#?}"
    );
    let places = guarded.policies("places").await;
    let off = json!({ "policy": "limit", "setting": "kind", "value": "off", "origin": "command line" });
    assert!(places.contains(&off), "{places:#?}");
    let serving = guarded.process.lines().into_iter().find(|line| line.contains("\"serving\"")).expect("a line");
    assert!(serving.contains(&format!("body_limit 1 MiB ({})", at(2))), "{serving}");

    // Every route that differs is told with what differs, and who says so.
    let own = |name: &str| {
        let lines = guarded.process.lines();
        let name = format!("\"name\":\"{name}\"");
        lines.into_iter().find(|line| line.contains("guarded otherwise") && line.contains(&name))
    };
    let late = own("late").expect("a line");
    assert!(late.contains(&format!("timeout 50ms ({}), limit.priority sheddable ({})", at(10), at(11))), "{late}");
    let send = own("send").expect("a line");
    assert!(send.contains("rate.rate 2/h (attribute)") && send.contains("body_limit 100 B (attribute)"), "{send}");
    assert!(own("places").is_some_and(|places| places.contains("limit.kind off (command line)")));
    assert_eq!(own("plain"), None);
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_once_and_where() {
    let folder = Folder::new("routes");
    let file = folder.join("routes.toml");
    let failing = async |toml: &str| {
        std::fs::write(&file, toml).expect("a file");
        let mut process = program(&[Port::free(), Port::free()], &[], Some(&file)).start();
        assert!(!process.wait().await.success());
        process.lines().join("\n")
    };
    let said = failing(
        "[http]\nbody_limit = 0\ndeadline = \"0s\"\n[http.routes.small]\nbody_limit = 0\ntimeout = \"0s\"\nlimit = 0\n\
         rate = \"often\"\nburst = 0\npriority = \"sheddabel\"\n[http.routes.smal]\nlimit = 1\n",
    )
    .await;
    for (line, part) in [
        (2, "http.body_limit: must be at least 1 byte"),
        (3, "http.deadline: must be longer than zero"),
        (5, "http.routes.small.body_limit: must be at least 1 byte"),
        (6, "http.routes.small.timeout: must be longer than zero"),
        (7, "http.routes.small.limit: must be a number from 1 to 1048576, \"off\" or \"adaptive\""),
        (8, "http.routes.small.rate: must be a rate such as \"100/s\", \"1000/min\" or \"5/10s\", or \"off\""),
        (9, "http.routes.small.burst: must be at least 1"),
        (10, "did you mean \"sheddable\"?"),
        (12, "http.routes.smal: is no route of `guarded`"),
    ] {
        let at = said.split(part).nth(1).unwrap_or_else(|| panic!("no `{part}` in\n{said}"));
        let place = format!("at {}:{line}", file.display());
        assert!(at.lines().nth(1).is_some_and(|next| next.trim() == place), "{place} after `{part}` in\n{said}");
    }
    assert!(said.contains("did you mean `http.routes.small`?"), "{said}");

    let said = failing(
        "[http.limit]\nmax = 2000\n[http.routes.small]\nburst = 2\n[http.routes.large]\nlimit = 3000\n\
         [http.routes.plain]\nlimit = \"off\"\npriority = \"critical\"\n",
    )
    .await;
    for part in [
        "http.routes.small.burst: belongs to a rate, and the route has none",
        "http.limit.max: is 2000, and the route `large` has a limit of 3000",
        "http.routes.plain.priority: says who is refused first, but the route has no limit",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
}

#[tokio::test]
async fn documents_say_what_may_be_refused() {
    let guarded = Guarded::start(&[]).await;
    let request = guarded.management.get("/admin/openapi/guarded.json").header("authorization", "Bearer letmein");
    let document = request.send().await.expect(200).json();
    let answers = |method: &str, path: &str| {
        let responses = document["paths"][path][method]["responses"].clone();
        let statuses: Vec<String> = responses.as_object().expect("a table").keys().cloned().collect();
        (statuses.join(" "), responses)
    };
    assert_eq!(answers("get", "/plain").0, "200 503 504 default");
    assert_eq!(answers("get", "/runs").0, "200 504 default");
    let (statuses, responses) = answers("post", "/v1/parcels");
    assert_eq!(statuses, "204 413 429 503 504 default");
    assert_eq!(responses["413"]["description"], "The body is over 100 B (`body_too_large`)");
    assert_eq!(responses["429"]["description"], "More than 2/h requests came (`rate_limited`)");
    assert_eq!(responses["429"]["headers"]["Retry-After"]["schema"]["type"], "integer");
    let labels = &document["paths"]["/labels"]["post"];
    let reference = json!({ "$ref": "#/components/schemas/Label" });
    assert_eq!(labels["requestBody"]["content"]["application/json"]["schema"], reference);
    let answer = &labels["responses"]["200"]["content"]["application/json"]["schema"];
    assert_eq!((&answer["type"], &answer["items"]), (&json!("array"), &reference));
    assert_eq!(document["components"]["schemas"]["Label"]["properties"]["to"]["maximum"], 255);
    let plain = &document["paths"]["/plain-labels"]["post"];
    assert_eq!(plain["requestBody"]["content"]["application/json"]["schema"], json!({}));
    assert_eq!(plain["responses"]["200"]["content"]["application/json"]["schema"]["type"], "integer");

    // The document says what is taken, and so does the answer to what is not.
    let wrong = guarded.public.post("/labels").json(&json!({ "from": 1, "to": 256 })).send().await.expect(422).json();
    let told = json!([{ "pointer": "/to", "message": "must be a whole number from 0 to 255" }]);
    assert_eq!(wrong["errors"], told);

    let (_, responses) = answers("get", "/late");
    assert_eq!(responses["504"]["description"], "The time of 100ms for the request is over (`deadline_exceeded`)");
}
