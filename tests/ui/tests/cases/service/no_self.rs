use chassis::prelude::*;

struct Orders;

#[service(name = "orders")]
impl Orders {
    #[get("/orders")]
    async fn orders() -> &'static str {
        "none"
    }

    #[every("10s")]
    async fn sweep(&mut self) -> Result<()> {
        Ok(())
    }

    #[init]
    async fn new(&self) -> Result<Self> {
        Ok(Self)
    }
}

fn main() {}
