use chassis::prelude::*;

#[event(name = "OrderPlaced", version = 1)]
pub struct BadName {
    pub order_id: String,
}

#[event(name = "order.placed", version = 0)]
pub struct BadVersion {
    pub order_id: String,
}

#[event(name = "order.placed", version = 1, key = orderid)]
pub struct BadKey {
    pub order_id: String,
}

#[event(name = "order.placed", version = 1, ower = "orders")]
pub struct BadArgument {
    pub order_id: String,
}

#[event(name = "order.placed")]
pub struct NoVersion {
    pub order_id: String,
}

#[event(name = "order.placed", version = 1, owner = "Orders")]
pub enum BadOwner {
    A,
}

fn main() {}
