//! A call to another service with everything that guards it, beside the same request by hyper-util alone, and by hyper-util
//! within tokio's time-out: what any call costs that ends in time.
//!
//! The server has a thread of its own on the other core. What counts is the processor time of the thread that calls: its
//! connections are driven there too.
//!
//! Two rows: a service under load has many calls on their way, and `outgoing-stack` has sixteen. `outgoing-alone` makes one after
//! the other, so that both cores rest within each call; most of its time is the kernel's, which wakes the other core, and
//! that takes the longer the longer that core has rested. With cores that are kept from resting it adds half as much.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use chassis::prelude::*;
use http::{HeaderValue, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use crate::measure::{Measured, pin, runtime};
use crate::pair::pair;

const CALLS: u32 = 6_400;

/// What a service under load may have on its way.
const AT_ONCE: u32 = 16;

/// A client's usual limit for one attempt.
const ATTEMPT: Duration = Duration::from_millis(1_500);

#[model]
pub struct Stock {
    pub sku: String,
    pub available: u32,
}

/// The service that is called.
#[contract(name = "stock", version = 1)]
pub trait Inventory {
    /// Units on hand.
    #[get("/stock/{sku}")]
    async fn stock(&self, sku: String) -> Result<Stock>;
}

/// Serves on the second core until the process ends; gives the address.
fn serve() -> std::io::Result<String> {
    use chassis::axum::routing::get;

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let address = format!("http://{}", listener.local_addr()?);
    std::thread::spawn(move || {
        pin(1);
        runtime().block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let answer = || async {
                let json = HeaderValue::from_static("application/json");
                ([(http::header::CONTENT_TYPE, json)], "{\"sku\":\"mug\",\"available\":7}")
            };
            let router = chassis::axum::Router::new().route("/v1/stock/{sku}", get(answer));
            chassis::axum::serve(listener, router).await
        })
    });
    Ok(address)
}

pub fn measure(rounds: usize) -> std::result::Result<Vec<Measured>, String> {
    let address = serve().map_err(|error| format!("cannot serve: {error}"))?;
    let ours = InventoryClient::connect(&address).map_err(|error| error.to_string())?;
    let bare: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build(connector());
    let uri = format!("{address}/v1/stock/mug");
    pin(0);
    let subjects = ["chassis", "hyper-util", "hyper-util, time-out"];
    let call = async |which| match which {
        0 => ours.stock("mug".to_owned()).await.map(drop).map_err(|error| format!("{error:#}")),
        1 => plain(&bare, &uri).await.map(drop).map_err(|error| error.to_string()),
        _ => match timeout(ATTEMPT, plain(&bare, &uri)).await {
            Ok(result) => result.map(drop).map_err(|error| error.to_string()),
            Err(late) => Err(late.to_string()),
        },
    };
    runtime().block_on(async {
        let mut measured = pair("outgoing-stack", subjects, rounds, CALLS, AT_ONCE, call).await?;
        measured.extend(pair("outgoing-alone", subjects, rounds, CALLS / AT_ONCE, 1, call).await?);
        Ok(measured)
    })
}

/// Makes so many rounds of calls in one way, for a profiler.
pub fn call(rounds: usize, way: &str) -> std::result::Result<(), String> {
    let address = serve().map_err(|error| format!("cannot serve: {error}"))?;
    let ours = InventoryClient::connect(&address).map_err(|error| error.to_string())?;
    let bare: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build(connector());
    let uri = format!("{address}/v1/stock/mug");
    runtime().block_on(async {
        for _ in 0..rounds * CALLS as usize {
            if way == "chassis" {
                ours.stock("mug".to_owned()).await.map_err(|error| format!("{error:#}"))?;
            } else {
                plain(&bare, &uri).await.map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    })
}

fn connector() -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.set_nodelay(true);
    tcp
}

/// The same request and the same answer, without anything around.
async fn plain(
    client: &Client<HttpConnector, Full<Bytes>>,
    uri: &str,
) -> std::result::Result<Stock, Box<dyn std::error::Error>> {
    let request =
        Request::get(uri).header("accept", "application/json").header("user-agent", "bare").body(Full::default())?;
    let body = client.request(request).await?.into_body().collect().await?.to_bytes();
    Ok(serde_json::from_slice(&body)?)
}
