use chassis::prelude::*;

struct Orders;

pub struct Order {
    pub id: String,
}

#[service(name = "orders")]
impl Orders {
    #[get("/orders")]
    async fn orders(&self) -> Result<Json<Order>> {
        Ok(Json(Order { id: String::new() }))
    }

    #[post("/orders")]
    async fn order(&self, Json(order): Json<Order>) -> String {
        order.id
    }
}

fn main() {}
