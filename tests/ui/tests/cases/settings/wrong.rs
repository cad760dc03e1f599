use std::time::Duration;

use chassis::prelude::*;

#[settings]
pub struct NoSection {
    pub hold: Duration,
}

#[settings(section = "Inventory")]
pub struct BadSection {
    #[default = 7]
    pub low: u32,
}

#[settings(section = "inventory")]
pub enum NotAStruct {
    A,
}

fn main() {}
