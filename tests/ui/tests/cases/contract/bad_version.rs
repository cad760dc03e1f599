use chassis::prelude::*;

#[contract(name = "Inventory", version = 0)]
pub trait Inventory {
    #[get("/stock")]
    async fn stock(&self) -> Result<u32>;
}

#[contract(name = "prices", version = "1")]
pub trait Prices {
    #[get("/prices")]
    async fn prices(&self) -> Result<u32>;
}

#[contract(nam = "offers")]
pub trait Offers {
    #[get("/offers")]
    async fn offers(&self) -> Result<u32>;
}

#[contract]
pub trait Empty {}

// The trait is there all the same.
struct Service;

impl Prices for Service {
    async fn prices(&self) -> Result<u32> {
        Ok(7)
    }
}

fn main() {}
