//! Brokers that are really started, killed and started again.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use harness::rabbitmq::{Broker, virtual_host};

fn greets(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut first = [0; 1];
    stream.write_all(b"AMQP\x00\x00\x09\x01").is_ok() && stream.read_exact(&mut first).is_ok() && first == [1]
}

#[tokio::test]
async fn a_broker_keeps_its_port_and_data_over_a_kill_and_a_stop() {
    let broker = Broker::start().await;
    let (port, process) = (broker.port(), broker.process_id().expect("a process"));
    let uri = broker.add_virtual_host("kept").await;
    assert_eq!(uri, format!("amqp://guest:guest@127.0.0.1:{port}/kept"));
    assert!(greets(port));

    broker.kill().await;
    assert!(!broker.is_running().await);
    assert!(!greets(port));
    assert!(!alive(process), "the broker's own process is gone, not only its script");

    broker.restart().await;
    assert!(greets(port));
    assert!(broker.ctl(&["list_vhosts"]).await.lines().any(|line| line == "kept"));

    broker.stop().await;
    assert!(!greets(port));
    broker.restart().await;
    assert!(greets(port));

    let (folder, process) = (broker.folder().to_owned(), broker.process_id().expect("a process"));
    drop(broker);
    assert!(!folder.exists());
    // A killed process is gone a moment after the signal.
    harness::eventually("the process is gone", async || (!alive(process)).then_some(())).await;
}

#[tokio::test]
async fn a_broker_takes_settings_and_commands() {
    let broker = Broker::options().config("heartbeat = 7").start().await;
    assert_eq!(broker.eval("application:get_env(rabbit, heartbeat).").await.trim(), "{ok,7}");
    let said = broker.try_ctl(&["delete_vhost", "none"]).await.expect_err("there is no such virtual host");
    assert!(said.contains("does not exist"), "{said}");
}

#[tokio::test]
async fn every_test_has_a_virtual_host_of_its_own() {
    let (one, other) = (virtual_host("same").await, virtual_host("same").await);
    assert_ne!(one.uri(), other.uri());
    assert_eq!(one.queues().await, []);
    assert_eq!(one.messages("orders").await, None);
    assert_eq!(one.bindings().await, []);
    let name = one.name().to_owned();
    drop(one);
    // The broker refuses commands to a virtual host that is gone.
    assert_eq!(other.queues().await, []);
    assert!(other.broker_virtual_hosts().await.iter().all(|host| *host != name));
}

fn alive(process: u32) -> bool {
    // A killed process whose parent has not yet taken notice is a zombie (Z).
    let status = std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status"));
    status.is_ok_and(|text| !text.contains("State:\tZ"))
}
