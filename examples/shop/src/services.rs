//! The services of the shop, by name.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use chassis::App;
use shop_catalog::CatalogService;
use shop_inventory::InventoryService;
use shop_orders::OrdersService;
use shop_payments::PaymentsService;
use shop_psp::PspService;
use shop_storefront::StorefrontService;

/// A service and where it listens unless told otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// Its name.
    pub name: &'static str,
    /// The port of its public listener.
    pub port: u16,
    /// The port of its management listener, where it is a process of its own.
    pub management_port: u16,
    /// Whom it calls.
    pub calls: &'static [&'static str],
    /// Which of its events several others must hear, and by which queues: on a new broker the first of these may come up long
    /// before the last.
    pub heard_by: &'static [(&'static str, &'static [&'static str])],
}

const ORDERS_ARE_HEARD_BY: &[(&str, &[&str])] = &[
    ("order.placed.v1", &["inventory.order-placed", "storefront.order-placed"]),
    ("order.payment_requested.v1", &["payments.payment-requested", "storefront.payment-requested"]),
    ("order.confirmed.v1", &["inventory.order-confirmed", "storefront.order-confirmed"]),
    ("order.cancelled.v1", &["inventory.order-cancelled", "storefront.order-cancelled"]),
];

/// All services, in the order in which they are started.
pub const SERVICES: [Service; 6] = [
    Service { name: "psp", port: 8085, management_port: 9095, calls: &[], heard_by: &[] },
    Service { name: "catalog", port: 8081, management_port: 9091, calls: &[], heard_by: &[] },
    Service { name: "inventory", port: 8082, management_port: 9092, calls: &[], heard_by: &[] },
    Service { name: "payments", port: 8084, management_port: 9094, calls: &["psp"], heard_by: &[] },
    Service { name: "orders", port: 8083, management_port: 9093, calls: &["catalog"], heard_by: ORDERS_ARE_HEARD_BY },
    Service {
        name: "storefront",
        port: 8080,
        management_port: 9090,
        calls: &["catalog", "inventory", "orders"],
        heard_by: &[],
    },
];

/// A service that is to listen on another port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Which one.
    pub service: String,
    /// Where.
    pub port: u16,
}

impl FromStr for Moved {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (service, port) = text.split_once('=').ok_or("write SERVICE=PORT, such as storefront=8000")?;
        if !names().contains(&service) {
            return Err(format!("there is no service `{service}`, only {}", names().join(", ")));
        }
        let port = port.parse().map_err(|_| format!("`{port}` is no port"))?;
        Ok(Self { service: service.to_owned(), port })
    }
}

impl Display for Moved {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.service, self.port)
    }
}

/// All services, some of them on other ports than usual.
pub fn placed(moved: &[Moved]) -> [Service; 6] {
    SERVICES.map(|service| {
        let port = moved.iter().rfind(|moved| moved.service == service.name).map(|moved| moved.port);
        Service { port: port.unwrap_or(service.port), ..service }
    })
}

/// Their names, for the command line.
pub fn names() -> [&'static str; 6] {
    SERVICES.map(|service| service.name)
}

/// Adds a service to an application; a name that is not among [`SERVICES`] adds nothing.
pub fn add(app: App, name: &str) -> App {
    match name {
        "psp" => app.service(PspService::new),
        "catalog" => app.service(CatalogService::new),
        "inventory" => app.service(InventoryService::new),
        "payments" => app.service(PaymentsService::new),
        "orders" => app.service(OrdersService::new),
        "storefront" => app.service(StorefrontService::new),
        _ => app,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_moved_to_another_port() {
        let moved: Moved = "orders=7000".parse().expect("a service and a port");
        assert_eq!(moved.to_string(), "orders=7000");
        let ports = placed(&[moved]).map(|service| (service.name, service.port));
        assert!(ports.contains(&("orders", 7000)) && ports.contains(&("catalog", 8081)), "{ports:?}");
        for text in ["orders", "order=7000", "orders=70000", "orders="] {
            assert!(text.parse::<Moved>().is_err(), "{text}");
        }
    }
}
