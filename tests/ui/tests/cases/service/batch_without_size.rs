use chassis::prelude::*;

struct Orders;

#[service(name = "orders")]
impl Orders {
    #[subscribe(at_least_once)]
    async fn placed(&self, events: Vec<Delivery<Placed>>) -> Result<()> {
        let _ = events;
        Ok(())
    }
}

#[chassis::event(name = "order.placed", version = 1)]
pub struct Placed {
    pub id: String,
}

fn main() {}
