//! A service that hears what programs in other languages publish, answers each event by one of its own, and has a contract
//! that they call.

#![allow(unreachable_pub, reason = "what a program declares for others is public in its modules")]

mod contract;
mod events;

use chassis::prelude::*;
use contract::{Inventory, InventoryError, Reservation, Reserve};
use events::{Echoed, Fleeting, Noted};

struct Interop {
    events: Publisher,
}

#[service(name = "interop", provides(Inventory), migrations = "migrations")]
impl Interop {
    #[init]
    async fn new(events: Publisher) -> Result<Self> {
        Ok(Self { events })
    }

    /// Says back what it heard, once for each note. One at a time, so that the answers come in the notes' order.
    #[subscribe(concurrency = 1, retry = "impatient")]
    async fn noted(&self, note: Delivery<Noted>, tx: &mut Tx) -> Result<()> {
        // What was parked is handled once somebody has looked into it, which here is once it was replayed.
        if note.text == "stubborn" && !note.headers().contains_key("x-looked-into") {
            return Err(Error::msg("nobody has looked into it"));
        }
        let count = chassis::sqlx::query("INSERT INTO effects (text) VALUES ($1)").bind(note.text.clone());
        count.execute(&mut *tx).await?;
        let effects = chassis::sqlx::query_scalar("SELECT count(*) FROM effects WHERE text = $1");
        let effects: i64 = effects.bind(note.text.clone()).fetch_one(&mut *tx).await?;
        let headers = note.headers();
        let echoed = Echoed {
            of: note.id().to_owned(),
            author: note.author.clone(),
            text: note.text.clone(),
            attempt: note.attempt(),
            effects,
            number: headers.get("x-number").map(str::to_owned),
            flag: headers.get("x-flag").map(str::to_owned),
        };
        self.events.publish(tx, echoed).await
    }

    /// Publishes what is worth handling for a minute.
    #[post("/fleeting")]
    async fn fleeting(&self) -> Result<StatusCode, Problem> {
        let published = self.events.publish_now(Fleeting { text: "soon over".into() }).await;
        published.map_err(|_| Problem::from_status(StatusCode::BAD_GATEWAY))?;
        Ok(StatusCode::ACCEPTED)
    }
}

impl Inventory for Interop {
    async fn reserve(&self, reserve: Reserve) -> Result<Reservation, InventoryError> {
        match reserve.quantity {
            0..=7 => Ok(Reservation { id: format!("{}-{}", reserve.sku, reserve.quantity) }),
            _ => Err(InventoryError::OutOfStock { sku: reserve.sku, available: 7 }),
        }
    }
}

fn main() -> ExitCode {
    let retries = "[messaging.retry.impatient]\nimmediate = 2\ndelays = [\"1s\"]";
    App::new().defaults(retries).service(Interop::new).run()
}
