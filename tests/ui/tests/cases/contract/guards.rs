use chassis::prelude::*;

#[contract(name = "inventory", version = 1)]
pub trait Inventory {
    #[get("/stock/{sku}", limit = -1, rate = "0/s", priority = "crtical")]
    async fn stock(&self, sku: String) -> Result<u32>;

    #[delete("/stock/{sku}", body_limit = 100, bodylimit = 100, cancellable)]
    async fn remove(&self, sku: String) -> Result<()>;
}

fn main() {}
