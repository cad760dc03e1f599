//! Servers that are really started, killed and started again.

use harness::postgres::{Cluster, database};

#[tokio::test]
async fn a_server_keeps_its_port_and_data_over_a_kill_and_a_stop() {
    let cluster = Cluster::options().fsync().setting("max_connections = 40").start().await;
    let url = cluster.create_database("kept").await;
    assert_eq!(url, cluster.url_of("kept"));
    let port = cluster.port();

    cluster.kill().await;
    assert!(!cluster.is_running().await);
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    cluster.restart().await;

    cluster.stop().await;
    cluster.restart().await;
    assert_eq!(cluster.port(), port);
    assert_eq!(cluster.query("SELECT count(*) FROM pg_database WHERE datname = 'kept'").await, "1");
    assert_eq!(cluster.query("SHOW fsync").await, "on");
    assert_eq!(cluster.query("SHOW max_connections").await, "40");

    let folder = cluster.folder().to_owned();
    drop(cluster);
    assert!(!folder.exists());
}

#[tokio::test]
async fn every_test_has_a_database_of_its_own() {
    let (one, other) = (database("same").await, database("same").await);
    one.query("CREATE TABLE t (n int)").await;
    one.query("INSERT INTO t VALUES (1), (2)").await;
    assert_eq!(one.query("SELECT n, n * 2 FROM t ORDER BY n").await, "1|2\n2|4");
    assert_eq!(other.query("SELECT count(*) FROM pg_tables WHERE tablename = 't'").await, "0");
    let name = one.name().to_owned();
    drop(one);
    assert_eq!(other.query(&format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'")).await, "0");
}
