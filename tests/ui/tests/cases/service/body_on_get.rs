use chassis::prelude::*;

struct Orders;

#[service(name = "orders")]
impl Orders {
    #[get("/orders")]
    async fn orders(&self, Json(filter): Json<Vec<String>>) -> String {
        filter.join(",")
    }
}

fn main() {}
