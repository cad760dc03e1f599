use chassis::prelude::*;

#[derive(Debug, ApiError)]
pub enum InventoryError {
    #[api(unexpected)]
    Unexpected(chassis::Error),
}

#[derive(Debug, ApiError)]
pub enum OrdersError {
    #[api(unexpected)]
    Unexpected(chassis::Error),
}

fn order(stock: Result<u32, InventoryError>) -> Result<u32, OrdersError> {
    Ok(stock?)
}

fn main() {
    let _ = order(Ok(1));
}
