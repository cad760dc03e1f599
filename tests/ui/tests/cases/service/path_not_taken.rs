use chassis::prelude::*;

struct Orders;

#[service(name = "orders")]
impl Orders {
    #[get("/orders/{id}")]
    async fn order(&self) -> String {
        String::new()
    }

    #[put("/orders/{id}/lines/{line}")]
    async fn line(&self, Json(text): Json<String>) -> String {
        text
    }

    #[get("/lines/{line}")]
    async fn of_their_own(&self, _anything: Request) -> String {
        String::new()
    }
}

type Request = chassis::axum::extract::Request;

fn main() {}
