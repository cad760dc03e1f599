use chassis::prelude::*;

#[derive(Debug, ApiError)]
pub enum InventoryError {
    #[api(status = 409)]
    OutOfStock { available: u32 },
}

fn main() {}
