//! The same route with what people put around it by hand today. It listens on `LISTEN`.

use std::error::Error;
use std::time::Duration;

use axum::error_handling::HandleErrorLayer;
use axum::extract::{MatchedPath, Path, Request};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use axum::{BoxError, Json, Router};
use metrics_exporter_prometheus::PrometheusBuilder;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use serde::Serialize;
use tokio::net::TcpListener;
use tower::ServiceBuilder;
use tower_http::ServiceBuilderExt;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::MakeRequestUuid;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

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

async fn measure(request: Request, next: Next) -> Response {
    let started = std::time::Instant::now();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned()).unwrap_or_default();
    let method = request.method().to_string();
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    metrics::histogram!("http_server_request_duration_seconds", "method" => method, "route" => route, "status" => status)
        .record(started.elapsed().as_secs_f64());
    response
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let ratio = std::env::var("OTEL_TRACES_SAMPLER_ARG").ok().and_then(|text| text.parse().ok()).unwrap_or(0.01);
    let endpoint = std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT").unwrap_or_else(|_| "http://127.0.0.1:4318".to_owned());
    let exporter = SpanExporter::builder().with_http().with_endpoint(format!("{endpoint}/v1/traces")).build()?;
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio))))
        .build();
    let traces = tracing_opentelemetry::layer().with_tracer(provider.tracer("hand-wired"));
    let logs = tracing_subscriber::fmt::layer().json().with_filter(EnvFilter::new("info"));
    tracing_subscriber::registry().with(traces).with(logs).init();
    let prometheus = PrometheusBuilder::new().install_recorder()?;

    let stack = ServiceBuilder::new()
        .set_x_request_id(MakeRequestUuid)
        .layer(TraceLayer::new_for_http().make_span_with(
            |request: &Request| tracing::info_span!("request", method = %request.method(), path = request.uri().path()),
        ))
        .propagate_x_request_id()
        .layer(CatchPanicLayer::new())
        .layer(HandleErrorLayer::new(|_: BoxError| async { StatusCode::SERVICE_UNAVAILABLE }))
        .load_shed()
        .concurrency_limit(1024)
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(30)));
    let app = Router::new()
        .route("/products/{id}", get(product))
        .layer(from_fn(measure))
        .layer(stack)
        .route("/metrics", get(move || async move { prometheus.render() }));
    let listener = TcpListener::bind(address).await?;
    axum::serve(listener, app).await?;
    Ok(())
}
