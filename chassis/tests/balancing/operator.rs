//! What an operator sees of the instances.

use std::net::Ipv4Addr;

use harness::http::Client;

use crate::replica::{Replica, call, caller};

const TOKEN: &str = "[management]\ntoken = 'open'\n";

#[tokio::test]
async fn instances_are_shown_with_how_they_are() {
    let (good, bad) = (Replica::start(Ipv4Addr::LOCALHOST, 0).await, Replica::start(Ipv4Addr::LOCALHOST, 0).await);
    bad.fail(true);
    let settings = format!(
        "endpoints = [{:?}, {:?}]\nbalance.policy = 'round_robin'\nbreaker.mode = 'disabled'\n{TOKEN}",
        good.address, bad.address
    );
    let (app, client) = caller(&settings).await;
    assert_eq!(call(&client, 20).await, 0);
    let management = Client::new(app.management_url());
    let clients =
        management.get("/admin/clients").header("authorization", "Bearer open").send().await.expect(200).json();
    let of_test = clients.as_array().unwrap().iter().find(|client| client["service"] == "test").unwrap();
    let status = |address: &str| {
        let mut instances = of_test["instances"].as_array().unwrap().iter();
        instances.find(|instance| instance["address"] == address).unwrap()["status"].clone()
    };
    assert_eq!((status(&good.address), status(&bad.address)), ("active".into(), "ejected".into()));
}

#[tokio::test]
async fn a_source_that_cannot_be_read_is_told() {
    let (app, client) =
        caller(&format!("endpoints_file = '/nowhere/endpoints.json'\ntimeout = '300ms'\n{TOKEN}")).await;
    assert_eq!(call(&client, 1).await, 1);
    let management = Client::new(app.management_url());
    harness::eventually("the health to tell", async || {
        let health = management.get("/admin/health").header("authorization", "Bearer open").send().await.expect(200);
        let text = health.text();
        (text.contains("caller/client/stock/instances") && text.contains("/nowhere/endpoints.json")).then_some(())
    })
    .await;
    assert_eq!(management.get("/livez").send().await.expect(200).text().trim(), "up");
}
