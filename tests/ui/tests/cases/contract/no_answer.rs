use chassis::prelude::*;

pub struct Plain;

#[contract(name = "inventory", version = 1)]
pub trait Inventory {
    #[get("/stock")]
    async fn stock(&self) -> Result<Plain>;
}

fn main() {}
