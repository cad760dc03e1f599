use chassis::prelude::*;

struct Orders;

#[service(name = "orders")]
impl Orders {
    #[subscribe(at_least_once)]
    async fn nothing(&self) -> Result<()> {
        Ok(())
    }
}

fn main() {}
