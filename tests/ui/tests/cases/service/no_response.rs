use chassis::prelude::*;

struct Orders;

pub struct Not;

#[service(name = "orders")]
impl Orders {
    #[get("/orders")]
    async fn orders(&self) -> Not {
        Not
    }
}

fn main() {}
