use chassis::prelude::*;

struct Orders;

#[service(name = "orders")]
impl Orders {
    #[get("/orders/{id}")]
    async fn order(&self, Path(id): Path<String>) -> String {
        id
    }

    #[get("/orders/{number}")]
    async fn by_number(&self, Path(number): Path<String>) -> String {
        number
    }
}

fn main() {}
