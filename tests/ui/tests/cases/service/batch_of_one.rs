use chassis::prelude::*;

struct Orders;

#[service(name = "orders")]
impl Orders {
    #[subscribe(at_least_once, batch = 100)]
    async fn placed(&self, event: Delivery<Placed>) -> Result<()> {
        let _ = event;
        Ok(())
    }
}

#[chassis::event(name = "order.placed", version = 1)]
pub struct Placed {
    pub id: String,
}

fn main() {}
