//! The service of `letters.rs`, in a version whose handler has another name.

use std::sync::Mutex;

use chassis::prelude::*;

#[event(name = "order.placed", version = 1, key = order, owner = "stock")]
struct OrderPlaced {
    order: String,
    card: String,
}

struct Stock {
    events: Publisher,
    handled: Mutex<Vec<String>>,
}

#[service(name = "stock", database)]
impl Stock {
    #[init]
    async fn new(events: Publisher) -> Result<Self> {
        Ok(Self { events, handled: Mutex::default() })
    }

    #[post("/orders/{order}")]
    async fn place(&self, Path(order): Path<String>) -> Result<StatusCode> {
        self.events.publish_now(OrderPlaced { order, card: "4111-1111".into() }).await?;
        Ok(StatusCode::ACCEPTED)
    }

    #[get("/handled")]
    async fn handled(&self) -> Json<Vec<String>> {
        Json(self.handled.lock().map(|handled| handled.clone()).unwrap_or_default())
    }

    #[subscribe(at_least_once)]
    async fn order_received(&self, event: Delivery<OrderPlaced>) -> Result<()> {
        if let Ok(mut handled) = self.handled.lock() {
            handled.push(event.order.clone());
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    chassis::run(Stock::new)
}
