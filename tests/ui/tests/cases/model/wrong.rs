use chassis::prelude::*;

#[model(strict)]
pub struct Line {
    pub sku: String,
}

#[model]
fn line() {}

fn main() {
    // It is there all the same.
    let _ = Line { sku: String::new() };
}
