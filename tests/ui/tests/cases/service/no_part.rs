use chassis::prelude::*;

struct Orders;

pub struct Not;

#[service(name = "orders")]
impl Orders {
    #[init]
    async fn new(not: Not) -> Result<Self> {
        let _ = not;
        Ok(Self)
    }
}

fn main() {}
