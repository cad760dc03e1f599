use chassis::prelude::*;

struct Orders;

#[service(name = "orders")]
impl Orders {
    #[subscribe(at_least_once, within = "50ms")]
    async fn waits_for_nothing(&self, event: Delivery<Placed>) -> Result<()> {
        let _ = event;
        Ok(())
    }

    #[subscribe(at_least_once, batch = 100, ordered)]
    async fn has_no_order(&self, events: Vec<Delivery<Placed>>) -> Result<()> {
        let _ = events;
        Ok(())
    }

    #[subscribe(at_least_once, batch = 100, prefetch = 50)]
    async fn is_never_full(&self, events: Vec<Delivery<Placed>>) -> Result<()> {
        let _ = events;
        Ok(())
    }

    #[subscribe(at_least_once, batch = 1)]
    async fn is_no_batch(&self, events: Vec<Delivery<Placed>>) -> Result<()> {
        let _ = events;
        Ok(())
    }
}

#[chassis::event(name = "order.placed", version = 1)]
pub struct Placed {
    pub id: String,
}

fn main() {}
