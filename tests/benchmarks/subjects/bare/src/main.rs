//! axum with nothing around it: the same route, the same 150 bytes of JSON. It listens on `LISTEN`.

use std::io::Error;

use axum::extract::Path;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::TcpListener;

#[derive(Serialize)]
struct Product {
    id: u32,
    name: &'static str,
    description: &'static str,
    price: u32,
    currency: &'static str,
    stock: u32,
}

async fn product(Path(id): Path<u32>) -> Json<Product> {
    Json(Product {
        id,
        name: "Walnut desk organiser",
        description: "Five compartments, oiled by hand, with four felt feet",
        price: 4_950,
        currency: "EUR",
        stock: 17,
    })
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let address = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address).await?;
    axum::serve(listener, Router::new().route("/products/{id}", get(product))).await
}
