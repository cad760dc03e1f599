use chassis::prelude::*;

struct Orders;

#[service(name = "orders")]
impl Orders {
    #[get("/orders")]
    fn orders(&self) -> &'static str {
        "none"
    }
}

fn main() {}
