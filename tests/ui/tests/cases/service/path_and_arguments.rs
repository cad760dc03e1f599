use chassis::prelude::*;

struct Orders;

#[service(name = "orders")]
impl Orders {
    #[get("/orders/{id}")]
    async fn order(&self, Path((id, line)): Path<(String, u32)>) -> String {
        format!("{id} {line}")
    }

    #[get("/orders/{id}/lines/{line}")]
    async fn line(&self, Path(id): Path<String>) -> String {
        id
    }
}

fn main() {}
