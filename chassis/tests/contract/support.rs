//! The service of `shape` behind a real listener.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::routing::{MethodFilter, on};
use chassis::http::Routes;
use http::HeaderMap;

use crate::shape::{Inventory, InventoryClient, Service};

/// A running service, what was sent to it, and a client.
pub struct Served {
    pub service: Arc<Service>,
    pub address: String,
    pub headers: Arc<Mutex<Vec<HeaderMap>>>,
    pub client: InventoryClient,
}

impl Served {
    pub async fn start() -> Self {
        let service = Arc::new(Service::default());
        let headers = Arc::new(Mutex::new(Vec::new()));
        let mut routes = Routes::default();
        <Arc<Service> as Inventory>::__routes(Arc::new(Arc::clone(&service)), &mut routes);
        let mut router = Router::new();
        for (spec, endpoint) in routes.into_entries() {
            let filter = MethodFilter::try_from(spec.method.clone()).expect("a method that can be routed");
            let headers = Arc::clone(&headers);
            router = router.route(
                spec.path,
                on(filter, move |request: Request| {
                    headers.lock().expect("no panic").push(request.headers().clone());
                    endpoint(request)
                }),
            );
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = format!("http://{}", listener.local_addr().expect("it has an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let client = InventoryClient::connect(&address).expect("it is an address");
        Self { service, address, headers, client }
    }

    /// The headers of the last request.
    pub fn last(&self) -> HeaderMap {
        self.headers.lock().expect("no panic").last().cloned().unwrap_or_default()
    }
}

/// The text of a header.
pub fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
