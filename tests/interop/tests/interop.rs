//! Programs in Python and Node that know docs/wire.md alone, beside a service of the library.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use harness::eventually;
use harness::guard::{self, Folder};
use harness::http::Client;
use harness::languages;
use harness::ports::Port;
use harness::process::{Process, Program};
use harness::rabbitmq::{VirtualHost, virtual_host};
use tokio::process::Command;

/// How long a program may take: it waits for a delay of a second twice, and for a machine with much to do.
const LIMIT: Duration = Duration::from_secs(150);

struct Service {
    host: VirtualHost,
    public: String,
    management: Client,
    process: Process,
    _ports: [Port; 2],
    _folder: Folder,
}

impl Service {
    /// Starts the service, and returns once its queue hears of notes.
    async fn start(name: &str) -> Self {
        let (host, folder, ports) = (virtual_host(name).await, Folder::new(name), [Port::free(), Port::free()]);
        let address = |port: &Port| format!("127.0.0.1:{}", port.number());
        let mut process = Program::new(env!("CARGO_BIN_EXE_interop"))
            .env("CHASSIS__MESSAGING__URL", host.uri())
            .args(["--set", &format!("http.listen={}", address(&ports[0]))])
            .args(["--set", &format!("management.listen={}", address(&ports[1]))])
            .args(["--set", &format!("database.url=sqlite:{}", folder.join("interop.db").display())])
            .start();
        process.wait_for_line("\"ready\"").await;
        let binding = ["foreign.events", "interop.noted", "foreign.noted.v1"].map(str::to_owned);
        eventually("the queue of the notes is bound", async || {
            let bindings = host.bindings().await;
            bindings.into_iter().any(|(exchange, queue, key)| [exchange, queue, key] == binding).then_some(())
        })
        .await;
        let (public, management) = (format!("http://{}", address(&ports[0])), format!("http://{}", address(&ports[1])));
        Self { host, public, management: Client::new(management), process, _ports: ports, _folder: folder }
    }

    /// Runs a program beside it, and looks at what is left when it has ended.
    async fn meets(mut self, mut command: Command) {
        let shown = format!("{command:?}");
        command
            .arg(self.host.uri())
            .arg(&self.public)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = command.process_group(0).kill_on_drop(true).spawn();
        let child = child.unwrap_or_else(|error| panic!("{shown}: {error}"));
        let id = child.id().expect("a process that has not been waited for");
        guard::process_group(id);
        let output = tokio::time::timeout(LIMIT, child.wait_with_output()).await;
        guard::release_group(id);
        let output = output.unwrap_or_else(|_| panic!("{shown} did not end within {LIMIT:?}")).expect("its output");
        let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{shown}: {}\n{out}{errors}", output.status);
        assert!(out.contains("passed"), "{out}");

        // A delay's queue lets go of a message a moment after it has given it back.
        eventually("every message was handled, or taken out of where it was parked", async || {
            self.host.queues().await.iter().all(|(_, messages)| *messages == 0).then_some(())
        })
        .await;
        let metrics = self.management.get("/metrics").send().await.expect(200).text();
        for outcome in ["duplicate", "expired"] {
            assert_eq!(count(&metrics, outcome), 1, "{outcome}:\n{metrics}");
        }
        assert!(self.process.terminate().await.success());
    }
}

/// How many deliveries of the notes' queue ended so.
fn count(metrics: &str, outcome: &str) -> u64 {
    let wanted = ["chassis_consumer_deliveries_total{", "interop.noted", &format!("\"{outcome}\"")];
    let line = metrics.lines().find(|line| wanted.iter().all(|part| line.contains(part)));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_default()
}

fn programs(language: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(language)
}

#[tokio::test]
async fn a_service_in_python() {
    let folder = programs("python");
    let interpreter = languages::python(&folder.join("requirements.txt")).unwrap_or_else(|error| panic!("{error}"));
    let mut command = Command::new(interpreter);
    command.arg(folder.join("main.py")).env("PYTHONDONTWRITEBYTECODE", "1");
    Service::start("interop-python").await.meets(command).await;
}

#[tokio::test]
async fn a_service_in_node() {
    let node = languages::node(&programs("node")).unwrap_or_else(|error| panic!("{error}"));
    let mut command = Command::new(node.program);
    command.arg(node.folder.join("main.mjs"));
    Service::start("interop-node").await.meets(command).await;
}

/// What the document shows is what was run above.
#[test]
fn the_documents_examples_are_the_programs() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/wire.md");
    let document = std::fs::read_to_string(document).expect("docs/wire.md");
    let shown: Vec<&str> = document
        .split("```python\n")
        .skip(1)
        .map(|rest| rest.split("```").next().expect("the end of the example"))
        .collect();
    let run = ["http_client.py", "publisher.py", "consumer.py"].map(|file| {
        let file = programs("python").join(file);
        std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    });
    assert_eq!(shown, run, "the examples of docs/wire.md are tests/interop/python's files, in this order");
}
