use std::rc::Rc;

use chassis::prelude::*;

struct Orders;

#[service(name = "orders")]
impl Orders {
    #[get("/orders")]
    async fn orders(&self) -> String {
        let text = Rc::new(String::from("none"));
        std::future::ready(()).await;
        text.to_string()
    }
}

fn main() {}
