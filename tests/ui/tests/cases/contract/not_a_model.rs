use chassis::prelude::*;

pub struct Plain;

#[contract(name = "inventory", version = 1)]
pub trait Inventory {
    #[post("/stock")]
    async fn stock(&self, line: Plain) -> Result<u32>;
}

fn main() {}
