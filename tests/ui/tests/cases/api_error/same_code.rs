use chassis::prelude::*;

#[derive(Debug, ApiError)]
pub enum InventoryError {
    #[api(status = 409, code = "conflict")]
    OutOfStock,
    #[api(status = 409)]
    Conflict,
    #[api(unexpected)]
    Unexpected(chassis::Error),
}

fn main() {}
