//! A microservice chassis: one dependency, one [`service`](macro@service), and the process is one that an operator trusts.
//!
//! The modules in reading order: [`app`] runs services, [`config`] reads their settings, [`http`] and
//! [`contract`] serve and call, [`messaging`] sends and receives events, [`data`] holds databases and
//! transactions, [`resilience`] guards calls, [`health`], [`jobs`] and [`telemetry`] do what their names say.
//!
//! | feature | gives | default |
//! |---|---|---|
//! | `client` | the remote back of every contract's client | yes |
//! | `compression` | clients take compressed answers | no |
//! | `messaging` | publishers, consumers, the memory transport | yes |
//! | `amqp` | RabbitMQ | yes |
//! | `otlp` | traces and metrics over OTLP/HTTP | yes |
//! | `sqlite` | SQLite databases and the durable local transport | no |
//! | `postgres` | PostgreSQL databases | no |
//! | `testing` | failpoints and the test kit | no |

pub mod app;
pub mod client;
pub mod config;
pub mod context;
pub mod contract;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod data;
#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
#[path = "data/absent.rs"]
pub mod data;
#[cfg(feature = "client")]
pub mod discovery;
pub mod error;
#[doc(hidden)]
pub mod failpoint;
pub mod health;
pub mod http;
pub mod jobs;
#[cfg(feature = "messaging")]
pub mod messaging;
pub mod prelude;
#[doc(hidden)]
pub mod private;
pub mod resilience;
mod sync;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;

// The macros' code names `::chassis`, also where it is generated inside of it.
#[cfg(test)]
extern crate self as chassis;

pub use app::{App, run};
pub use axum;
pub use context::Context;
pub use error::{Error, ErrorKind, Result, ResultExt};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use sqlx;
pub use tracing;

/// A future behind a pointer, as every object-safe trait of the library returns it.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Declares a service: routes, subscriptions, jobs, checks and how it is made, in one `impl` block.
///
/// `#[service(name = "orders", provides(Orders), migrations = "migrations", database)]`: the name is what it has in
/// configuration, telemetry and queues; `provides` lists the contracts that it implements; `migrations` is a folder beside
/// `Cargo.toml` with files like `0001_orders.sql`; `database` says that it has one though `#[init]` takes none.
///
/// On its functions:
///
/// | attribute | declares |
/// |---|---|
/// | `#[get("/orders/{id}")]`, `post`, `put`, `patch`, `delete` | a route: takes axum's extractors, returns what axum can answer; `timeout = "2s"`; `idempotent` (POST and PATCH, needs a database): a request with a header `idempotency-key` that was seen before gets the answer of then |
/// | `#[subscribe]` | a consumer: takes `event: Delivery<T>`, and `tx: &mut Tx` unless it is `at_least_once`; `queue`, `retry`, `concurrency`, `prefetch`, `timeout`; `ordered`: those of one key in their order; `single_active`: one replica at a time; `batch = 100, within = "50ms"`: takes `events: Vec<Delivery<T>>`; `accepts(Older)`: takes `Older` as well, where `T: From<Older>` |
/// | `#[every("10s")]`, `#[every(cron = "0 3 * * *")]` | a job; `leased`: one replica at a time |
/// | `#[check]` | a health check, `required` or `degrading`; `every`, `timeout` |
/// | `#[init]` | how the service is made, from settings and other [parts](app::Part) |
/// | `#[router]` | `fn(this: &Arc<Self>, router: Router) -> Router`, to add whatever axum can do |
///
/// ```
/// use chassis::prelude::*;
///
/// struct Hello;
///
/// #[service(name = "hello")]
/// impl Hello {
///     /// Greets.
///     #[get("/hello/{name}")]
///     async fn hello(&self, Path(name): Path<String>) -> String {
///         format!("Hello, {name}!")
///     }
/// }
/// ```
pub use chassis_macros::service;

/// Declares what travels between services: `Debug`, `Clone`, serde's `Serialize` and `Deserialize`, and a JSON Schema.
///
/// What the item derives by itself, below the macro, is left out. serde's and schemars's attributes can be used on it.
///
/// ```
/// use chassis::prelude::*;
///
/// #[model]
/// #[derive(PartialEq)]
/// pub struct Line {
///     pub sku: String,
///     #[serde(default)]
///     pub quantity: u32,
/// }
/// ```
pub use chassis_macros::model;

/// Declares an event: a [`model`] that services publish and subscribe to.
///
/// `#[event(name = "order.placed", version = 1, key = order_id)]`: events with the same `key`, a field, keep their order;
/// `owner` is the service that publishes them where it is not the name's first word; `expires_after = "10m"` is how long
/// they are worth handling.
///
/// ```
/// use chassis::messaging::Event;
/// use chassis::prelude::*;
///
/// #[event(name = "order.placed", version = 1, key = order_id, owner = "orders")]
/// pub struct OrderPlaced {
///     pub order_id: String,
/// }
///
/// assert_eq!(OrderPlaced::KIND, "order.placed.v1");
/// assert_eq!(OrderPlaced { order_id: "7".into() }.key().as_deref(), Some("7"));
/// ```
#[cfg(feature = "messaging")]
pub use chassis_macros::event;

/// Declares a section of the configuration, which is a [part](app::Part) that `#[init]` can be given.
///
/// `Duration`s are written as `"250ms"`. A field without `#[default(…)]` is required unless it is an `Option`.
/// `validate = Self::rules` names a `fn(&Self, &mut Faults)` that checks rules across fields.
///
/// ```
/// use chassis::config::{Config, Faults};
/// use chassis::prelude::*;
/// use std::time::Duration;
///
/// #[settings(section = "inventory", validate = Self::rules)]
/// pub struct InventorySettings {
///     /// How long stock is held for an order.
///     #[default(Duration::from_secs(900))]
///     pub hold: Duration,
///     #[default(10)]
///     pub low: u32,
///     pub notify: Option<String>,
/// }
///
/// impl InventorySettings {
///     fn rules(&self, faults: &mut Faults) {
///         if self.hold < Duration::from_secs(60) {
///             faults.add("hold", "must be at least a minute");
///         }
///     }
/// }
///
/// let config = Config::from_toml("[inventory]\nhold = '2m'")?;
/// let settings: InventorySettings = config.read()?;
/// assert_eq!((settings.hold, settings.low), (Duration::from_secs(120), 10));
/// # Ok::<(), Faults>(())
/// ```
pub use chassis_macros::settings;

/// Derives [`contract::ApiError`]: an enum of errors that arrives at a contract's caller as the same enum.
///
/// `#[api(status = 409, code = "out_of_stock", message = "only {available} left")]` on each variant; the code is the
/// variant's name in lower case if it is left out, the title the first paragraph of its documentation. One variant is
/// `#[api(unexpected)]` and holds a [`chassis::Error`](Error): `?` puts every other error there, and callers are told
/// nothing of it. `#[api(unexpected, from(sqlx::Error, chassis::Error))]` has `?` take these errors only, which leaves the
/// enum free to be a `std` error, and to have conversions of its own.
///
/// ```
/// use chassis::prelude::*;
///
/// #[derive(Debug, ApiError)]
/// pub enum InventoryError {
///     /// There is not enough of it.
///     #[api(status = 409, code = "out_of_stock", message = "only {available} of {sku} left")]
///     OutOfStock { sku: String, available: u32 },
///     #[api(unexpected)]
///     Unexpected(chassis::Error),
/// }
///
/// fn units(text: &str) -> Result<u32, InventoryError> {
///     Ok(text.parse()?)
/// }
///
/// assert!(matches!(units("many"), Err(InventoryError::Unexpected(_))));
/// ```
pub use chassis_macros::ApiError;

/// Declares what other services may call: a trait, from which routes, client, documents and test double come.
///
/// `#[contract(name = "inventory", version = 1)]` mounts its methods below `/v1`. Each has a route attribute like those of
/// a service (`timeout`, `status` and `idempotent` can be said), takes `&self` and owned arguments, and returns a `Result`
/// whose error derives [`ApiError`](macro@ApiError). An argument that the path names is a path parameter; `#[header("if-match")]`
/// marks a header; of the rest one is the body (POST, PUT, PATCH) or the query (GET, DELETE), and `#[query]` marks a query
/// next to a body. What is too large for memory is a [`ByteStream`](http::ByteStream), as the body or as the answer;
/// `content_type = "text/csv"` on its route says what it is.
///
/// For a trait `Inventory` there are then `InventoryClient`, which implements it too and is a [part](app::Part), and
/// `InventoryDouble` for tests.
///
/// ```
/// use chassis::prelude::*;
///
/// #[model]
/// pub struct Stock { pub available: u32 }
///
/// #[derive(Debug, ApiError)]
/// pub enum InventoryError {
///     #[api(status = 404)]
///     UnknownSku,
///     #[api(unexpected)]
///     Unexpected(chassis::Error),
/// }
///
/// #[contract(name = "inventory", version = 1)]
/// pub trait Inventory {
///     /// Units on hand.
///     #[get("/stock/{sku}")]
///     async fn stock(&self, sku: String) -> Result<Stock, InventoryError>;
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let double = InventoryDouble::new().on_stock(|sku| match sku.as_str() {
///     "mug" => Ok(Stock { available: 3 }),
///     _ => Err(InventoryError::UnknownSku),
/// });
/// let client = double.client();
/// assert_eq!(client.stock("mug".into()).await.unwrap().available, 3);
/// assert!(client.stock("cup".into()).await.is_err());
/// assert_eq!(double.stock_calls(), 2);
/// # });
/// ```
pub use chassis_macros::contract;

/// The guides' examples are compiled with the documentation's.
#[cfg(all(doctest, feature = "sqlite"))]
mod guides {
    #[doc = include_str!("../../docs/guides/first-service.md")]
    struct FirstService;
    #[doc = include_str!("../../docs/guides/database.md")]
    struct Database;
    #[doc = include_str!("../../docs/guides/configuration.md")]
    struct Configuration;
    #[doc = include_str!("../../docs/guides/operations.md")]
    struct Operations;
    #[doc = include_str!("../../docs/guides/logging.md")]
    struct Logging;
    #[doc = include_str!("../../docs/guides/contracts.md")]
    struct Contracts;
    #[cfg(feature = "client")]
    #[doc = include_str!("../../docs/guides/streaming.md")]
    struct Streaming;
    #[doc = include_str!("../../docs/guides/routes.md")]
    struct Routes;
    #[doc = include_str!("../../docs/guides/events.md")]
    struct Events;
    #[doc = include_str!("../../docs/guides/consuming.md")]
    struct Consuming;
    #[doc = include_str!("../../docs/guides/failure-policies.md")]
    struct FailurePolicies;
    #[cfg(feature = "client")]
    #[doc = include_str!("../../docs/guides/discovery.md")]
    struct Discovery;
    #[doc = include_str!("../../docs/guides/publishing.md")]
    struct Publishing;
    #[doc = include_str!("../../docs/guides/outbox-and-inbox.md")]
    struct OutboxAndInbox;
    #[doc = include_str!("../../docs/guides/dead-letters.md")]
    struct DeadLetters;
    #[doc = include_str!("../../docs/guides/testing.md")]
    struct Testing;
    #[doc = include_str!("../../docs/guides/resilience/README.md")]
    struct Resilience;
    #[doc = include_str!("../../docs/guides/resilience/circuit-breaker.md")]
    struct CircuitBreaker;
    #[doc = include_str!("../../docs/guides/resilience/retry.md")]
    struct Retry;
    #[doc = include_str!("../../docs/guides/resilience/timeout.md")]
    struct Timeout;
    #[doc = include_str!("../../docs/guides/resilience/bulkhead.md")]
    struct Bulkhead;
    #[doc = include_str!("../../docs/guides/resilience/rate-limit.md")]
    struct RateLimit;
    #[doc = include_str!("../../docs/guides/resilience/adaptive-limit.md")]
    struct AdaptiveLimit;
    #[doc = include_str!("../../docs/guides/resilience/load-shed.md")]
    struct LoadShed;
    #[doc = include_str!("../../docs/guides/resilience/fallback.md")]
    struct Fallback;
}
