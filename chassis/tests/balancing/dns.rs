//! Instances by DNS: addresses and services, as they change, and a server that dies.

use std::net::Ipv4Addr;

use chassis::BoxFuture;
use chassis::discovery::conformance::{self, Source};
use chassis::discovery::dns::Dns;
use chassis::discovery::{Discovery, Endpoint};
use harness::dns::{DnsServer, Records};
use harness::ports::Port;

use crate::replica::{Replica, call, caller_with};

const NAME: &str = "stock.test";
const SERVICE: &str = "_http._tcp.stock.test";

struct Addresses(DnsServer);

impl Source for Addresses {
    fn watch(&self) -> Discovery {
        Discovery::start(Dns::host(NAME, 8080, &[self.0.address()]).unwrap())
    }

    fn set<'a>(&'a mut self, addresses: &'a [&'a str]) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let ip = |address: &str| address.split(':').next().unwrap().parse().unwrap();
            let records = addresses.iter().fold(Records::new(), |records, one| records.address(NAME, ip(one)));
            self.0.serve(&records).await;
        })
    }

    fn break_down(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(self.0.stop())
    }
}

#[tokio::test]
async fn addresses_conform() {
    let mut source = Addresses(DnsServer::new());
    conformance::run(&mut source, ["127.0.0.1:8080", "127.0.0.2:8080", "127.0.0.3:8080"]).await;
}

#[tokio::test]
async fn services_come_with_port_priority_and_weight() {
    let mut server = DnsServer::new();
    let records = Records::new()
        .address("a.test", Ipv4Addr::new(127, 0, 0, 1))
        .address("b.test", Ipv4Addr::new(127, 0, 0, 2))
        .service(SERVICE, "a.test", 8001, (0, 10))
        .service(SERVICE, "b.test", 8002, (1, 0));
    server.serve(&records).await;
    let discovery = Discovery::start(Dns::service(SERVICE, &[server.address()]).unwrap());
    let expected = [Endpoint::new("127.0.0.1:8001").share(0, 10), Endpoint::new("127.0.0.2:8002").share(1, 1)];
    assert_eq!(*discovery.found().await.endpoints, expected);
}

#[tokio::test]
async fn a_name_that_is_not_there_says_so() {
    let mut server = DnsServer::new();
    server.serve(&Records::new()).await;
    let discovery = Discovery::start(Dns::host("nowhere.test", 80, &[server.address()]).unwrap());
    let failed = discovery.changes().wait_for(|seen| seen.error.is_some()).await.unwrap().clone();
    assert!(!failed.read && failed.error.as_ref().unwrap().contains("nowhere.test"), "{failed:?}");
}

/// Instances that come and go while calls go on, and a DNS server that dies meanwhile.
#[tokio::test]
async fn calls_follow_the_name() {
    let port = Port::free();
    let one = Replica::start(Ipv4Addr::new(127, 0, 0, 1), port.number()).await;
    let two = Replica::start(Ipv4Addr::new(127, 0, 0, 2), port.number()).await;
    let mut server = DnsServer::new();
    server.serve(&Records::new().address(NAME, Ipv4Addr::new(127, 0, 0, 1))).await;
    let settings =
        format!("url = 'http://{NAME}:{}'\nresolve = 'dns'\nname_servers = ['{}']\n", port.number(), server.address());
    let settings = format!("[clients.stock]\n{settings}");
    let (_app, client) = caller_with(&settings).await;
    assert_eq!(call(&client, 10).await, 0);
    assert_eq!((one.calls(), two.calls()), (10, 0));

    server.serve(&Records::new().address(NAME, Ipv4Addr::new(127, 0, 0, 2))).await;
    harness::eventually("the other instance", async || {
        assert_eq!(call(&client, 5).await, 0);
        (two.calls() == 5).then_some(())
    })
    .await;
    one.calls();

    server.stop().await;
    drop(one);
    assert_eq!(call(&client, 20).await, 0, "what was known is used while nobody answers");
    assert_eq!(two.calls(), 20);
}
