//! A list of instances: who is called, who is left out.

use std::net::Ipv4Addr;

use crate::replica::{Replica, call, caller};

async fn replicas() -> [Replica; 4] {
    let start = || Replica::start(Ipv4Addr::LOCALHOST, 0);
    [start().await, start().await, start().await, start().await]
}

fn listed(replicas: &[Replica]) -> String {
    let addresses: Vec<&str> = replicas.iter().map(|replica| &*replica.address).collect();
    format!("endpoints = {addresses:?}\n")
}

fn metric(name: &str) -> f64 {
    let text = chassis::telemetry::metrics::render();
    let lines = text.lines().filter(|line| line.starts_with(name) && line.contains("service=\"test\""));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[tokio::test]
async fn every_instance_is_called() {
    let replicas = replicas().await;
    let (_app, client) = caller(&listed(&replicas)).await;
    assert_eq!(call(&client, 400).await, 0);
    let calls: Vec<usize> = replicas.iter().map(Replica::calls).collect();
    // One whose first connection took long is left alone for some seconds, so that shares are those of a longer time.
    assert!(calls.iter().sum::<usize>() == 400 && calls.iter().all(|calls| *calls > 0), "{calls:?}");
    assert_eq!(metric("chassis_client_endpoints"), 4.0);
}

#[tokio::test]
async fn one_that_fails_is_not_noticed_and_left_out() {
    let replicas = replicas().await;
    let (_app, client) = caller(&listed(&replicas)).await;
    replicas[0].fail(true);
    assert_eq!(call(&client, 400).await, 0, "another attempt goes to another instance");
    assert!(replicas[0].calls() <= 20, "a failure costs what a time-out costs, and some in a row leave it out");

    let (_app, once) = caller(&format!("{}retry.attempts = 1\nbreaker.mode = 'disabled'", listed(&replicas))).await;
    let failed = call(&once, 400).await;
    assert!((1..=20).contains(&failed), "{failed} of 400 calls failed, with one attempt each");
}

#[tokio::test]
async fn rounds_leave_out_what_fails_and_take_it_back() {
    let replicas = replicas().await;
    let settings = "balance.policy = 'round_robin'\nbalance.outlier.ejection_time = '300ms'\nretry.attempts = 1\n";
    let (_app, client) = caller(&format!("{}{settings}", listed(&replicas))).await;
    replicas[1].fail(true);
    let ejections = metric("chassis_client_ejections_total");
    assert_eq!(call(&client, 20).await, 5);
    assert!(metric("chassis_client_ejections_total") > ejections);
    replicas[1].fail(false);
    assert_eq!(replicas[1].calls(), 5);
    harness::eventually("it comes back", async || {
        assert_eq!(call(&client, 4).await, 0);
        (replicas[1].calls() > 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn one_that_died_is_not_noticed() {
    let [first, second, ..] = replicas().await;
    let (_app, client) = caller(&listed(&[first, second])).await;
    // Both are gone: the array was dropped with its listeners.
    assert_eq!(call(&client, 1).await, 1);
    let replicas = replicas().await;
    let (_app, client) = caller(&listed(&replicas)).await;
    assert_eq!(call(&client, 40).await, 0);
    let [dead, ..] = replicas;
    drop(dead);
    assert_eq!(call(&client, 40).await, 0);
}

#[tokio::test]
async fn calls_under_way_end_when_their_instance_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("endpoints.json");
    let [leaving, staying, ..] = replicas().await;
    std::fs::write(&file, format!("[{:?}]", leaving.address)).unwrap();
    let (_app, client) = caller(&format!("endpoints_file = {file:?}\nattempt_timeout = '4s'\n")).await;
    leaving.hold();
    let under_way = tokio::spawn({
        let client = client.clone();
        async move { client.stock("mug".into()).await }
    });
    leaving.until_called().await;
    std::fs::write(&file, format!("[{:?}]", staying.address)).unwrap();
    harness::eventually("the other to be called", async || {
        // One that is still there is held, and so would this call be.
        let called = tokio::time::timeout(std::time::Duration::from_millis(100), client.stock("mug".into())).await;
        (called.is_ok_and(|result| result.is_ok()) && staying.calls() > 0).then_some(())
    })
    .await;
    leaving.release();
    assert_eq!(under_way.await.unwrap().unwrap(), 7, "it was drained and not cut");
}

#[tokio::test]
async fn wrong_settings_are_told_together() {
    let wrong = "endpoints = ['nowhere', '10.0.0.1:8080']\nendpoints_file = 'x.json'\nname_servers = ['dns']\n\
                 balance.outlier.longest_ejection = '1s'\n";
    let refused = std::panic::AssertUnwindSafe(caller(wrong));
    let panic = futures_util::FutureExt::catch_unwind(refused).await.err().expect("it is refused");
    let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
    for part in [
        "endpoints[0]: `nowhere` is no address",
        "only one of `resolve`, `endpoints` and `endpoints_file`",
        "name_servers[0]: is no address",
        "balance.outlier.longest_ejection: must not be shorter",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}
