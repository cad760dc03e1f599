//! What the shop sets by itself, below every file, variable and argument: who listens where, and who keeps their data where.

use std::path::Path;

use crate::services::Service;

/// The settings of the whole shop in one process, with its state in a folder.
pub fn embedded(services: &[Service], state: &Path) -> String {
    let mut text = String::from("[management]\nlisten = \"127.0.0.1:9090\"\n");
    let file = |name: &str| quoted(&state.join(format!("{name}.db")).to_string_lossy());
    text += &format!("\n[messaging]\ntransport = \"local\"\n\n[messaging.local]\npath = {}\n", file("broker"));
    for service in services {
        let url = quoted(&format!("sqlite:{}", state.join(format!("{}.db", service.name)).display()));
        text += &listener(service);
        text += &format!("\n[services.{}.database]\nurl = {url}\n", service.name);
    }
    // The provider is the outside world: it is called as from another company, not as a part of this process.
    text + &services.iter().filter(|service| service.name == "psp").map(client).collect::<String>()
}

/// The settings of one service on RabbitMQ and PostgreSQL.
pub fn distributed(services: &[Service], service: &Service, rabbitmq: &str, database: &str) -> String {
    let mut text = format!("[management]\nlisten = \"127.0.0.1:{}\"\n", service.management_port);
    text += &format!("\n[messaging]\ntransport = \"rabbitmq\"\nurl = {}\n", quoted(rabbitmq));
    text += &format!("\n[database]\nurl = {}\n", quoted(database));
    text += &listener(service);
    for other in services.iter().filter(|other| service.calls.contains(&other.name)) {
        text += &client(other);
    }
    if !service.heard_by.is_empty() {
        text += "\n[outbox.hearers]\n";
    }
    for (event, queues) in service.heard_by {
        let queues: Vec<String> = queues.iter().map(|queue| quoted(queue)).collect();
        text += &format!("{} = [{}]\n", quoted(event), queues.join(", "));
    }
    text
}

fn listener(service: &Service) -> String {
    format!("\n[services.{}.http]\nlisten = \"127.0.0.1:{}\"\n", service.name, service.port)
}

fn client(service: &Service) -> String {
    format!("\n[clients.{}]\nurl = \"http://127.0.0.1:{}\"\n", service.name, service.port)
}

/// A text as TOML has it.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::{SERVICES, placed};

    #[test]
    fn the_settings_are_toml_whatever_the_folder_is_called() {
        let text = embedded(&SERVICES, Path::new("a \"folder\"\\with 'everything'"));
        let table: toml::Table = text.parse().expect("valid TOML");
        assert_eq!(table["services"].as_table().map(toml::Table::len), Some(SERVICES.len()));
    }

    #[test]
    fn a_service_of_its_own_calls_others_where_they_listen() {
        let services = placed(&["catalog=7000".parse().expect("a service and a port")]);
        let orders = services.iter().find(|service| service.name == "orders").expect("orders");
        let table: toml::Table =
            distributed(&services, orders, "amqp://h", "postgres://h/shop_orders").parse().expect("valid TOML");
        assert_eq!(table["clients"].as_table().map(toml::Table::len), Some(1));
        assert_eq!(table["clients"]["catalog"]["url"].as_str(), Some("http://127.0.0.1:7000"));
        let placed = table["outbox"]["hearers"]["order.placed.v1"].as_array();
        assert_eq!(placed.map(Vec::len), Some(2));
    }
}
