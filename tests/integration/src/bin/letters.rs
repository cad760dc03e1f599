//! A service whose handler fails until it is told to work, and one event that can't be sent.

use std::sync::atomic::{AtomicBool, Ordering};

use chassis::messaging::Message;
use chassis::messaging::outbox::{Pending, enqueue};
use chassis::prelude::*;

#[event(name = "order.placed", version = 1, key = order, owner = "stock")]
struct OrderPlaced {
    order: String,
    card: String,
}

struct Stock {
    database: Database,
    events: Publisher,
    works: AtomicBool,
}

#[service(name = "stock", database)]
impl Stock {
    #[init]
    async fn new(database: Database, events: Publisher) -> Result<Self> {
        chassis::sqlx::query("CREATE TABLE IF NOT EXISTS handled (id TEXT)").execute(database.pool()).await?;
        Ok(Self { database, events, works: AtomicBool::new(false) })
    }

    #[post("/orders/{order}")]
    async fn place(&self, Path(order): Path<String>) -> StatusCode {
        answer(self.publish(order).await)
    }

    /// Stores a message for an exchange that does not exist.
    #[post("/nowhere/{id}")]
    async fn nowhere(&self, Path(id): Path<String>) -> StatusCode {
        answer(self.send_nowhere(id).await)
    }

    #[post("/works/{flag}")]
    async fn works(&self, Path(flag): Path<bool>) {
        self.works.store(flag, Ordering::SeqCst);
    }

    #[get("/handled")]
    async fn handled(&self) -> Json<Vec<String>> {
        let all =
            chassis::sqlx::query_scalar("SELECT id FROM handled ORDER BY id").fetch_all(self.database.pool()).await;
        Json(all.unwrap_or_default())
    }

    #[subscribe(retry = "none")]
    async fn order_placed(&self, event: Delivery<OrderPlaced>, tx: &mut Tx) -> Result<()> {
        if !self.works.load(Ordering::SeqCst) {
            return Err(Error::msg(format!("the shelf of {} is stuck", event.order)));
        }
        chassis::sqlx::query("INSERT INTO handled VALUES ($1)").bind(event.order.clone()).execute(&mut *tx).await?;
        Ok(())
    }
}

impl Stock {
    async fn publish(&self, order: String) -> Result<()> {
        let mut tx = self.database.begin().await?;
        self.events.publish(&mut tx, OrderPlaced { order, card: "4111-1111".into() }).await?;
        tx.commit().await
    }

    async fn send_nowhere(&self, id: String) -> Result<()> {
        let message = Message { id, kind: "order.lost.v1".into(), ..Message::default() };
        let (exchange, routing_key) = ("nowhere".to_owned(), "order.lost.v1".to_owned());
        let mut tx = self.database.begin().await?;
        enqueue(&mut tx, &Pending { exchange, routing_key, ordering_key: None, message, mandatory: true }).await?;
        tx.commit().await
    }
}

fn answer(done: Result<()>) -> StatusCode {
    match done {
        Ok(()) => StatusCode::ACCEPTED,
        Err(error) => {
            println!("not stored: {error:#}");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

fn main() -> ExitCode {
    chassis::run(Stock::new)
}
