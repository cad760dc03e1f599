use chassis::prelude::*;

struct Orders;

#[service(name = "orders")]
impl Orders {
    #[gett("/orders")]
    async fn orders(&self) -> &'static str {
        "none"
    }
}

fn main() {}
