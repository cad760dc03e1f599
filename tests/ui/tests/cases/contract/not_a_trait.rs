use chassis::prelude::*;

#[contract(name = "inventory", version = 1)]
pub struct Inventory;

fn main() {}
