//! A process whose broker stops, blocks, or never lets it in.

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use chassis::messaging::amqp::{self, AmqpSettings};
use chassis::messaging::driver::{Driver, Exchange, ExchangeKind, Queue, QueueRole, Topology};
use harness::eventually;
use harness::http::Client;
use harness::process::Process;
use harness::rabbitmq::Broker;
use messaging_tests::place::Place;

const LEDGER: &str = env!("CARGO_BIN_EXE_ledger");

/// How long readiness may take to tell of a broker that is gone.
const TOLD: Duration = Duration::from_secs(5);

async fn readiness(management: &Client) -> String {
    management.get("/readyz").send().await.expect(200).text()
}

/// The reason that a part of the service gives for not being up.
async fn reason(place: &Place, part: &str) -> Option<String> {
    let health = place.management().get("/admin/health").send().await.expect(200).json();
    let part = health["parts"].as_array()?.iter().find(|shown| shown["name"] == part)?.clone();
    part["reason"].as_str().map(str::to_owned)
}

async fn booked(place: &Place, expected: i64) {
    let database = place.database().await;
    eventually("every entry is booked", async || {
        let sql = "SELECT count(DISTINCT number) FROM booking";
        let count: i64 = sqlx::query_scalar(sql).fetch_one(database.pool()).await.unwrap();
        (count == expected).then_some(())
    })
    .await;
    let all: i64 = sqlx::query_scalar("SELECT count(*) FROM booking").fetch_one(database.pool()).await.unwrap();
    assert_eq!(all, expected, "each is booked once");
}

#[tokio::test]
async fn a_broker_that_is_gone_shows_at_once_and_the_service_goes_on() {
    let broker = Broker::start().await;
    let place = Place::new(LEDGER, &broker.uri());
    let mut process = place.start().await;
    let management = place.management();
    assert_eq!(readiness(management).await, "up\n");
    for kill in [true, false] {
        let began = if kill {
            let began = Instant::now();
            broker.kill().await;
            began
        } else {
            broker.stop().await;
            Instant::now()
        };
        eventually("readiness changes", async || {
            assert_eq!(management.get("/livez").send().await.expect(200).text(), "up\n");
            (readiness(management).await == "degraded\n").then_some(())
        })
        .await;
        assert!(began.elapsed() < TOLD, "told after {:?}", began.elapsed());
        eventually("the reason is shown", async || {
            reason(&place, "ledger/broker").await.filter(|reason| reason.starts_with("reconnecting, attempt "))
        })
        .await;
        for connection in ["publisher", "consumer"] {
            let labels = format!("connection=\"{connection}\"");
            let state = ["chassis_messaging_connection_state", &labels, "service=\"ledger\"", "state=\"reconnecting\""];
            assert_eq!(place.metric(&state).await, Some(1.0));
        }
        let first = if kill { 0 } else { 50 };
        assert_eq!(place.make(first, 50).await.unwrap().status(), 200, "the outbox takes what the broker cannot");
        broker.restart().await;
        place.up().await;
        assert_eq!(readiness(management).await, "up\n");
        booked(&place, first + 50).await;
    }
    assert!(process.terminate().await.success());
}

#[tokio::test]
async fn a_broker_that_blocks_publishers_holds_up_no_shutdown() {
    let broker = Broker::start().await;
    let place = Place::new(LEDGER, &broker.uri());
    let mut process = place.start().await;
    broker.ctl(&["set_vm_memory_high_watermark", "0"]).await;
    assert_eq!(place.make(0, 20).await.unwrap().status(), 200);
    eventually("the alarm is shown", async || {
        reason(&place, "ledger/broker").await.filter(|reason| reason.starts_with("the broker takes no messages"))
    })
    .await;
    assert!(process.terminate().await.success(), "{}", process.lines().join("\n"));
    broker.ctl(&["set_vm_memory_high_watermark", "0.4"]).await;
    let _process = place.start().await;
    booked(&place, 20).await;
}

/// Whatever is wrong with where the broker is: the process ends, says what to do, and repeats no password, not even in the
/// most talkative of logs.
#[tokio::test]
async fn a_broker_that_lets_nobody_in_ends_the_start() {
    let broker = Broker::start().await;
    broker.ctl(&["add_user", "service", "hunter2"]).await;
    let port = broker.port();
    for (uri, expected) in [
        (format!("amqp://service:hunter3@127.0.0.1:{port}"), "rejects the user name or password"),
        (
            format!("amqp://service:hunter2@127.0.0.1:{port}"),
            "has no virtual host `/` for this user: access is refused",
        ),
        (format!("amqp://guest:guest@127.0.0.1:{port}/hunter2"), "has no virtual host `hunter2` for this user"),
        (format!("http://service:hunter2@127.0.0.1:{port}"), "write amqp:// or amqps://"),
        (format!("amqp://127.0.0.1:{port}/?password=hunter2"), "what follows `?` or `#` is not read"),
    ] {
        let place = Place::new(LEDGER, &uri);
        let mut process = place.program().args(["--set", "telemetry.log=trace,lapin=trace"]).start();
        let status = process.wait().await;
        let said = process.lines().join("\n");
        assert!(!status.success() && status.signal().is_none(), "{status}: {said}");
        assert!(said.contains(expected), "`{expected}` is missing in:\n{said}");
        if !uri.ends_with("/hunter2") {
            assert_tells_nothing(&said);
        }
    }
}

fn assert_tells_nothing(text: &str) {
    let telling = text.lines().find(|line| line.contains("hunter2") || line.contains("hunter3"));
    assert_eq!(telling, None, "a password is told");
}

/// A password that works, that is rejected for a while, and works again: nowhere to be seen.
#[tokio::test]
async fn a_password_is_nowhere_to_be_seen() {
    let broker = Broker::start().await;
    broker.ctl(&["add_user", "service", "hunter2"]).await;
    broker.ctl(&["set_permissions", "service", ".*", ".*", ".*"]).await;
    let place = Place::new(LEDGER, &format!("amqp://service:hunter2@127.0.0.1:{}", broker.port()));
    let mut process = place.program().args(["--set", "telemetry.log=trace,lapin=trace"]).start();
    place.up().await;
    broker.ctl(&["change_password", "service", "another"]).await;
    broker.close_all_connections("a new password").await;
    eventually("the rejection is shown", async || {
        reason(&place, "ledger/broker").await.filter(|reason| reason.contains("rejects the user name or password"))
    })
    .await;
    assert_eq!(place.make(0, 10).await.unwrap().status(), 200);
    broker.ctl(&["change_password", "service", "hunter2"]).await;
    place.up().await;
    booked(&place, 10).await;
    for path in ["/admin/health", "/admin/config", "/metrics"] {
        assert_tells_nothing(&place.management().get(path).send().await.expect(200).text());
    }
    assert_tells_nothing(&std::fs::read_to_string(format!("/proc/{}/cmdline", process.id())).unwrap());
    assert!(process.terminate().await.success());
    let said = process.lines().join("\n");
    assert!(said.contains("lapin"), "the log is as talkative as can be");
    assert_tells_nothing(&said);
}

/// A queue and an exchange that somebody declared otherwise: the field that differs is named, the rest works, and it goes on by
/// itself once that is put right.
#[tokio::test]
async fn what_was_declared_otherwise_is_named_and_waited_for() {
    let host = harness::rabbitmq::virtual_host("otherwise").await;
    let stranger = amqp::connect(&AmqpSettings::new(host.uri())).await.unwrap();
    let queue = Queue { name: "ledger.entry-made".to_owned(), role: QueueRole::Parking };
    stranger.declare(Topology { queues: vec![queue], ..Topology::default() }).await.unwrap();
    let place = Place::new(LEDGER, &host.uri());
    let mut process = place.program().start();
    place.listening().await;
    eventually("the field is named", async || {
        let reason = reason(&place, "ledger/consumer/entry_made").await?;
        reason.contains("queue `ledger.entry-made` exists already with another `x-dead-letter-exchange`").then_some(())
    })
    .await;
    assert_eq!(readiness(place.management()).await, "degraded\n");
    // The other consumer starts beside it, and may be the later of the two.
    eventually("the rest works", async || {
        (reason(&place, "ledger/consumer/entry_booked").await.is_none()
            && reason(&place, "ledger/broker").await.is_none())
        .then_some(())
    })
    .await;

    host.delete_queue("ledger.entry-made").await;
    place.up().await;
    assert_eq!(place.make(0, 5).await.unwrap().status(), 200);
    booked(&place, 5).await;
    assert!(process.terminate().await.success());
}

#[tokio::test]
async fn an_exchange_of_another_type_is_named() {
    let host = harness::rabbitmq::virtual_host("otherwise").await;
    let stranger = amqp::connect(&AmqpSettings::new(host.uri())).await.unwrap();
    let exchange = Exchange { name: "ledger.events".to_owned(), kind: ExchangeKind::Direct };
    stranger.declare(Topology { exchanges: vec![exchange], ..Topology::default() }).await.unwrap();
    let place = Place::new(LEDGER, &host.uri());
    let _process = place.program().start();
    place.listening().await;
    eventually("the type is named", async || {
        let reason = reason(&place, "ledger/consumer/entry_made").await?;
        reason.contains("exchange `ledger.events` exists already with another `type`").then_some(())
    })
    .await;
}

#[tokio::test]
async fn killed_between_commit_and_publish() {
    killed_at("outbox.after-commit-before-publish=3").await;
}

#[tokio::test]
async fn killed_between_publish_and_delete() {
    killed_at("outbox.after-publish-before-delete=2").await;
}

#[tokio::test]
async fn killed_before_the_handlers_commit() {
    killed_at("consumer.before-commit=5").await;
}

#[tokio::test]
async fn killed_between_the_handlers_commit_and_the_ack() {
    killed_at("consumer.after-commit-before-ack=5").await;
}

/// A process that dies at `failpoint`, and one that follows it: each entry is booked once.
async fn killed_at(failpoint: &str) {
    let host = harness::rabbitmq::virtual_host("killed").await;
    let place = Place::new(LEDGER, &host.uri());
    let mut doomed = place.program().env("CHASSIS_FAILPOINT", failpoint).start();
    place.up().await;
    // It dies after the entries are stored, and perhaps before it has said so.
    if let Ok(answer) = place.make(0, 40).await {
        assert_eq!(answer.status(), 200);
    }
    let status = doomed.wait().await;
    assert_eq!(status.signal(), Some(9), "{status}");
    let _follower: Process = place.start().await;
    booked(&place, 40).await;
    assert_eq!(host.messages("ledger.entry-made.dlq").await, Some(0));
}
