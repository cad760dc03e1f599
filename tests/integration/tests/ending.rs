//! The end of a service that is connected to RabbitMQ.

use harness::guard::Folder;
use harness::http::Client;
use harness::ports::Port;
use harness::process::Program;
use harness::rabbitmq::virtual_host;

/// Ends are races between those who end, so that one proves little.
const ENDS: usize = 20;

/// A graceful end is nothing that anybody need be alarmed by: neither the service nor what it stands on logs a warning or an error.
#[tokio::test]
async fn a_graceful_end_alarms_nobody() {
    let host = virtual_host("ending").await;
    let folder = Folder::new("ending");
    let mut loud = Vec::new();
    for end in 0..ENDS {
        let ports = (Port::free(), Port::free());
        let mut process = Program::new(env!("CARGO_BIN_EXE_letters"))
            .args(["--set", &format!("http.listen=127.0.0.1:{}", ports.0.number())])
            .args(["--set", &format!("management.listen=127.0.0.1:{}", ports.1.number())])
            .args(["--set", &format!("database.url=sqlite:{}", folder.join("stock.db").display())])
            .args(["--set", "messaging.transport=rabbitmq", "--set", &format!("messaging.url={}", host.uri())])
            // The client library is silent otherwise.
            .args(["--set", "dead_letters.measure=100ms", "--set", "telemetry.log=info,lapin=warn"])
            .args(["--profile", "development"])
            .start();
        process.wait_for_line("\"ready\"").await;
        let public = Client::new(format!("http://127.0.0.1:{}", ports.0.number()));
        public.post("/works/true").send().await.expect(200);
        let order = format!("order-{end:02}");
        public.post(&format!("/orders/{order}")).send().await.expect(202);
        harness::eventually("the order is handled", async || {
            public.get("/handled").send().await.text().contains(&order).then_some(())
        })
        .await;
        assert!(process.terminate().await.success());
        let lines = process.lines();
        let last = lines.iter().position(|line| line.contains("\"draining\"")).expect("the end's beginning");
        let is_loud = |line: &&String| line.contains("\"ERROR\"") || line.contains("\"WARN\"");
        loud.extend(lines[last..].iter().filter(is_loud).map(|line| format!("end {end}: {line}")));
    }
    assert!(loud.is_empty(), "{loud:#?}");
}
