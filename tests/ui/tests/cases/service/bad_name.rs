use chassis::prelude::*;

struct Orders;

#[service(name = "Orders!")]
impl Orders {}

fn main() {}
