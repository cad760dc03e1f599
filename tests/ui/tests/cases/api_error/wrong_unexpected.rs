use chassis::prelude::*;

#[derive(Debug, ApiError)]
pub enum InventoryError {
    #[api(unexpected)]
    Unexpected(String),
}

fn main() {}
