use chassis::prelude::*;

#[derive(Debug, ApiError)]
pub enum InventoryError {
    OutOfStock,
    #[api(code = "gone")]
    Gone,
    #[api(status = 200)]
    Fine,
    #[api(status = 409, cod = "x")]
    Typo,
    #[api(status = 409, code = "Bad-Code")]
    BadCode,
    #[api(status = 409)]
    Two(u32, u32),
    #[api(status = 404, from(std::io::Error))]
    From,
    #[api(unexpected)]
    Unexpected,
    #[api(unexpected, status = 500)]
    Other(chassis::Error),
}

fn main() {}
