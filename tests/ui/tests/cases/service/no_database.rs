use chassis::messaging::Event;
use chassis::prelude::*;

struct Orders;

#[service(name = "orders")]
impl Orders {
    #[every("10s", leased)]
    async fn sweep(&self) -> Result<()> {
        Ok(())
    }

    #[post("/orders", idempotent)]
    async fn order(&self) {}

    #[subscribe]
    async fn placed(&self, event: Delivery<Placed>, tx: &mut Tx) -> Result<()> {
        let _ = (event, tx);
        Ok(())
    }
}

#[chassis::event(name = "order.placed", version = 1)]
pub struct Placed {
    pub id: String,
}

fn main() {
    let _ = Placed::KIND;
}
