//! A virtual host per test.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::broker::Broker;
use super::management::call;
use super::node::Node;
use super::{NODE_VARIABLE, URI_VARIABLE};

static OWN: OnceCell<Arc<Broker>> = OnceCell::const_new();

/// A virtual host that is the test's own, on the broker of the run, or on one that this process starts if there is none.
/// `name` becomes part of its name. It is deleted when dropped.
pub async fn virtual_host(name: &str) -> VirtualHost {
    let (node, broker) = match std::env::var(NODE_VARIABLE) {
        Ok(path) => (read_node(&path), None),
        Err(_) => {
            assert!(
                std::env::var(URI_VARIABLE).is_err(),
                "{URI_VARIABLE} is set without {NODE_VARIABLE}: let `harness-servers` set both, or unset it"
            );
            let broker = OWN.get_or_init(async || Arc::new(Broker::options().management().start().await)).await;
            (broker.node().clone(), Some(broker.clone()))
        }
    };
    let name = format!("{name}-{:08x}", fastrand::u32(..));
    let host = VirtualHost { node, name, _broker: broker };
    let created = host.management("PUT", "").await;
    assert_eq!(created.0, 201, "cannot add the virtual host {}: {}", host.name, created.1);
    host
}

fn read_node(path: &str) -> Node {
    let text = std::fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("{NODE_VARIABLE} names {path}, which cannot be read: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path} does not describe a broker: {error}"))
}

/// A virtual host of the test's own.
#[derive(Debug)]
pub struct VirtualHost {
    node: Node,
    name: String,
    _broker: Option<Arc<Broker>>,
}

impl VirtualHost {
    /// Its URI, with user and password.
    pub fn uri(&self) -> String {
        self.node.uri(&self.name)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The broker's AMQP port, for a proxy in front of it.
    pub fn port(&self) -> u16 {
        self.node.amqp
    }

    /// What `rabbitmqctl COMMAND --vhost THIS ARGUMENTS` prints.
    pub async fn ctl(&self, command: &str, arguments: &[&str]) -> String {
        let mut all = vec![command, "--vhost", &self.name];
        all.extend(arguments);
        self.node.ctl(&all).await
    }

    /// Closes the connections to this virtual host, as an operator would.
    pub async fn close_all_connections(&self, reason: &str) {
        self.ctl("close_all_connections", &[reason]).await;
    }

    /// Closes those of the connections to this virtual host that say `part` of themselves, as in their names.
    pub async fn close_connections_that_say(&self, part: &str, reason: &str) {
        let columns = ["list_connections", "--no-table-headers", "pid", "vhost", "client_properties"];
        for line in self.node.ctl(&columns).await.lines() {
            let mut words = line.split('\t');
            if let (Some(pid), Some(host), Some(says)) = (words.next(), words.next(), words.next())
                && host == self.name
                && says.contains(part)
            {
                self.node.ctl(&["close_connection", pid, reason]).await;
            }
        }
    }

    /// The names of its queues with the number of messages that are ready and unacknowledged together.
    pub async fn queues(&self) -> Vec<(String, u64)> {
        let text = self.ctl("list_queues", &["--no-table-headers", "name", "messages"]).await;
        let line = |line: &str| {
            let (name, count) = line.rsplit_once('\t')?;
            Some((name.to_owned(), count.parse().ok()?))
        };
        text.lines().filter_map(line).collect()
    }

    /// The number of messages in a queue, `None` if there is no such queue.
    pub async fn messages(&self, queue: &str) -> Option<u64> {
        self.queues().await.into_iter().find(|(name, _)| name == queue).map(|(_, count)| count)
    }

    /// Its bindings other than those of the default exchange, as (exchange, queue, routing key), sorted.
    pub async fn bindings(&self) -> Vec<(String, String, String)> {
        let columns = ["--no-table-headers", "source_name", "destination_name", "routing_key"];
        let text = self.ctl("list_bindings", &columns).await;
        let line = |line: &str| {
            let mut words = line.split('\t').map(str::to_owned);
            Some((words.next().filter(|exchange| !exchange.is_empty())?, words.next()?, words.next()?))
        };
        let mut all: Vec<_> = text.lines().filter_map(line).collect();
        all.sort();
        all
    }

    /// The names of all virtual hosts of the broker, those of other tests included.
    pub async fn broker_virtual_hosts(&self) -> Vec<String> {
        self.node.ctl(&["list_vhosts", "--no-table-headers", "name"]).await.lines().map(str::to_owned).collect()
    }

    /// Deletes a queue with all that is in it.
    pub async fn delete_queue(&self, queue: &str) {
        self.ctl("delete_queue", &[queue]).await;
    }

    /// Lets a quorum queue do nothing, as one without a leader, until it is [resumed](Self::resume_queue), which must happen before
    /// this is dropped.
    pub async fn suspend_queue(&self, queue: &str) {
        self.node.ctl(&["eval", &format!("sys:suspend('{}_{queue}').", self.name)]).await;
    }

    /// Lets a queue go on that was suspended.
    pub async fn resume_queue(&self, queue: &str) {
        self.node.ctl(&["eval", &format!("sys:resume('{}_{queue}').", self.name)]).await;
    }

    async fn management(&self, method: &'static str, rest: &str) -> (u16, String) {
        let port = self.management_port();
        let path = format!("/api/vhosts/{}{rest}", self.name);
        tokio::task::spawn_blocking(move || call(port, method, &path))
            .await
            .expect("a call of the management API")
            .unwrap_or_else(|error| panic!("{error}"))
    }

    fn management_port(&self) -> u16 {
        self.node.management.expect("the broker of the run has the management plugin")
    }
}

impl Drop for VirtualHost {
    fn drop(&mut self) {
        // What is left of a broker that is gone needs no deletion.
        let _ = call(self.management_port(), "DELETE", &format!("/api/vhosts/{}", self.name));
    }
}
