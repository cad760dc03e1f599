use chassis::prelude::*;

#[derive(Debug, ApiError)]
pub struct InventoryError;

fn main() {}
