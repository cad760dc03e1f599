//! A request to a service with everything that guards its routes, beside the same request to a bare axum router. Nothing is sent:
//! both are called in memory, by one thread, whose processor time counts.

use chassis::axum::body::Body;
use chassis::axum::extract::Path as PathOf;
use chassis::axum::response::Response;
use chassis::axum::routing::get;
use chassis::axum::{Json as AxumJson, Router};
use chassis::prelude::*;
use chassis::testing::TestApp;
use http::Request;
use tower::ServiceExt;

use crate::measure::{Measured, pin, runtime};
use crate::pair::pair;

const CALLS: u32 = 20_000;

#[model]
pub struct Product {
    pub id: String,
    pub price: u32,
}

struct Products;

#[service(name = "products")]
impl Products {
    #[get("/products/{id}")]
    async fn product(&self, Path(id): Path<String>) -> Json<Product> {
        Json(Product { id, price: 7 })
    }
}

fn bare() -> Router {
    let product = async |PathOf(id): PathOf<String>| AxumJson(Product { id, price: 7 });
    Router::new().route("/products/{id}", get(product))
}

async fn ask(router: &Router) -> std::result::Result<Response, String> {
    let request = Request::get("/products/mug").header("host", "localhost").body(Body::empty());
    let request = request.map_err(|error| error.to_string())?;
    let response = router.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
    if response.status() == 200 { Ok(response) } else { Err(format!("answered {}", response.status())) }
}

pub fn measure(rounds: usize) -> std::result::Result<Vec<Measured>, String> {
    pin(0);
    runtime().block_on(async {
        let app = TestApp::new().service(Products).start().await.map_err(|error| format!("{error:#}"))?;
        let routers = [app.router("products"), bare()];
        let measured = pair("incoming-stack", ["chassis", "axum"], rounds, CALLS, 1, async |which| {
            ask(&routers[which]).await.map(|response| drop(std::hint::black_box(response)))
        })
        .await;
        app.stop().await;
        measured
    })
}
