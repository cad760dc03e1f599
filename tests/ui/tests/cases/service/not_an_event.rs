use chassis::prelude::*;

struct Orders;

pub struct Not;

#[service(name = "orders")]
impl Orders {
    #[subscribe(at_least_once)]
    async fn heard(&self, event: Delivery<Not>) -> Result<()> {
        let _ = event;
        Ok(())
    }
}

fn main() {}
