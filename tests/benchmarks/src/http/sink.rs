//! A collector that takes everything and keeps nothing, on the load's core.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;

use super::pin;

/// Runs until the process ends.
pub struct Sink {
    pub address: SocketAddr,
    bytes: Arc<AtomicU64>,
}

impl Sink {
    /// Starts it.
    pub fn start() -> Result<Self, String> {
        let bytes = Arc::new(AtomicU64::new(0));
        let (count, (tell, told)) = (bytes.clone(), mpsc::channel());
        std::thread::spawn(move || {
            let begun = pin::this_thread(pin::LOAD).and_then(|()| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = runtime.map_err(|error| error.to_string())?;
                let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
                let listener = listener.map_err(|error| error.to_string())?;
                let address = listener.local_addr().map_err(|error| error.to_string())?;
                Ok((runtime, listener, address))
            });
            match begun {
                Ok((runtime, listener, address)) => {
                    if tell.send(Ok(address)).is_ok() {
                        runtime.block_on(listen(listener, count));
                    }
                }
                Err(error) => drop(tell.send(Err(error))),
            }
        });
        let address = told.recv().map_err(|_| "the collector did not start".to_owned())??;
        Ok(Self { address, bytes })
    }

    /// How many bytes it has taken.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

async fn listen(listener: TcpListener, bytes: Arc<AtomicU64>) {
    while let Ok((stream, _)) = listener.accept().await {
        let bytes = bytes.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| swallow(request, bytes.clone()));
            let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn swallow(request: Request<Incoming>, bytes: Arc<AtomicU64>) -> Result<Response<Empty<Bytes>>, Infallible> {
    let mut body = request.into_body();
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        bytes.fetch_add(length as u64, Ordering::Relaxed);
    }
    let mut response = Response::new(Empty::new());
    let kind = hyper::header::HeaderValue::from_static("application/x-protobuf");
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, kind);
    Ok(response)
}
