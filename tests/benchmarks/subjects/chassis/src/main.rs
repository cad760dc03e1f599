//! The library with its defaults: the same route, the same 150 bytes of JSON.

use chassis::axum::Json;
use chassis::prelude::*;
use serde::Serialize;

#[derive(Serialize)]
struct Product {
    id: u32,
    name: &'static str,
    description: &'static str,
    price: u32,
    currency: &'static str,
    stock: u32,
}

struct Catalog;

#[service(name = "catalog")]
impl Catalog {
    /// One product.
    #[get("/products/{id}")]
    async fn product(&self, Path(id): Path<u32>) -> Json<Product> {
        Json(Product {
            id,
            name: "Walnut desk organiser",
            description: "Five compartments, oiled by hand, with four felt feet",
            price: 4_950,
            currency: "EUR",
            stock: 17,
        })
    }
}

fn main() -> ExitCode {
    chassis::run(Catalog)
}
