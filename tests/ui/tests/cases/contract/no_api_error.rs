use chassis::prelude::*;

#[contract(name = "inventory", version = 1)]
pub trait Inventory {
    #[get("/stock")]
    async fn stock(&self) -> Result<u32, std::io::Error>;
}

fn main() {}
