use std::rc::Rc;

use chassis::prelude::*;

#[contract(name = "inventory", version = 1)]
pub trait Inventory {
    #[get("/stock")]
    async fn stock(&self) -> Result<u32>;
}

struct Service;

impl Inventory for Service {
    async fn stock(&self) -> Result<u32> {
        let held = Rc::new(7);
        tokio_like().await;
        Ok(*held)
    }
}

async fn tokio_like() {}

fn main() {}
