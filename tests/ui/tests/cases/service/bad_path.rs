use chassis::prelude::*;

struct Orders;

#[service(name = "orders")]
impl Orders {
    #[get("orders")]
    async fn a(&self) {}

    #[get("/orders/:id")]
    async fn b(&self) {}

    #[get("/orders/{id}/lines/{id}")]
    async fn c(&self, _ids: Path<(String, String)>) {}

    #[get]
    async fn d(&self) {}
}

fn main() {}
