use chassis::prelude::*;

struct Orders;

pub struct Not;

#[service(name = "orders")]
impl Orders {
    #[get("/orders")]
    async fn orders(&self, not: Not, headers: HeaderMap) -> String {
        let _ = (not, headers);
        String::new()
    }

    #[get("/order")]
    async fn order(&self, not: Not) -> String {
        let _ = not;
        String::new()
    }
}

fn main() {}
