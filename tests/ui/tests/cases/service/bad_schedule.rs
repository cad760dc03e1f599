use chassis::prelude::*;

struct Orders;

#[service(name = "orders")]
impl Orders {
    #[get("/orders", timeout = "2 parsecs")]
    async fn orders(&self) {}

    #[every("often")]
    async fn a(&self) -> Result<()> {
        Ok(())
    }

    #[every(cron = "99 3 * * *")]
    async fn b(&self) -> Result<()> {
        Ok(())
    }

    #[every]
    async fn c(&self) -> Result<()> {
        Ok(())
    }

    #[every("10s", cron = "0 3 * * *")]
    async fn d(&self) -> Result<()> {
        Ok(())
    }
}

fn main() {}
