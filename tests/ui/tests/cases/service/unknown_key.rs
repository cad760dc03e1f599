use chassis::prelude::*;

struct Orders;

#[service(nam = "orders")]
impl Orders {
    #[get("/orders", timout = "2s")]
    async fn orders(&self) -> &'static str {
        "none"
    }

    #[get("/order", status = 201)]
    async fn order(&self) -> &'static str {
        "none"
    }
}

fn main() {}
