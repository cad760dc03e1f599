use chassis::prelude::*;

struct Orders;

#[service(name = "orders")]
impl Orders {
    #[subscribe(at_least_once)]
    async fn order_placed(&self, event: Delivery<Placed>) -> Result<()> {
        let _ = event;
        Ok(())
    }

    #[subscribe(at_least_once, queue = "order_placed")]
    async fn counted(&self, event: Delivery<Placed>) -> Result<()> {
        let _ = event;
        Ok(())
    }
}

#[chassis::event(name = "order.placed", version = 1)]
pub struct Placed {
    pub id: String,
}

fn main() {}
