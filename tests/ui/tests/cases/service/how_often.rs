use chassis::prelude::*;

struct Orders;

#[service(name = "orders", database)]
impl Orders {
    #[subscribe]
    async fn neither(&self, event: Delivery<Placed>) -> Result<()> {
        let _ = event;
        Ok(())
    }

    #[subscribe(at_least_once)]
    async fn both(&self, event: Delivery<Placed>, tx: &mut Tx) -> Result<()> {
        let _ = (event, tx);
        Ok(())
    }
}

#[chassis::event(name = "order.placed", version = 1)]
pub struct Placed {
    pub id: String,
}

fn main() {}
