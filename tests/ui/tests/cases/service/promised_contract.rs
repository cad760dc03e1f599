use chassis::prelude::*;

struct Orders;

#[chassis::contract(name = "orders", version = 1)]
pub trait OrdersApi {
    #[get("/count")]
    async fn count(&self) -> Result<u64, OrdersError>;
}

#[derive(chassis::ApiError)]
pub enum OrdersError {
    #[api(unexpected)]
    Unexpected(Error),
}

#[service(name = "orders", provides(OrdersApi))]
impl Orders {}

fn main() {}
