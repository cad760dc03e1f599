use chassis::prelude::*;

#[service(name = "orders")]
struct Orders;

fn main() {}
