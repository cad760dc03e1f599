//! What keeps a call alive, and what keeps a failing dependency from taking everything with it.
//!
//! Each policy is a folder and a plain [`tower::Layer`], usable without the rest of the library: it knows neither HTTP nor
//! configuration files. A policy's settings are checked when they are made, and [`InvalidPolicy`] names every rule that
//! they break. Its state belongs to an object of its own, such as a [`CircuitBreaker`](circuit_breaker::CircuitBreaker),
//! which all clones of a service share, and all services that its layer was put around.
//!
//! | policy | refuses with | its state |
//! |---|---|---|
//! | [`fallback`] | nothing: answers | |
//! | [`timeout`] | [`Elapsed`](timeout::Elapsed) | |
//! | [`retry`] | nothing: gives the last result | [`Budget`](retry::Budget) |
//! | [`circuit_breaker`] | [`CircuitOpen`](circuit_breaker::CircuitOpen) | [`CircuitBreaker`](circuit_breaker::CircuitBreaker) |
//! | [`bulkhead`] | [`BulkheadFull`](bulkhead::BulkheadFull) | [`Bulkhead`](bulkhead::Bulkhead) |
//! | [`rate_limit`] | [`RateLimited`](rate_limit::RateLimited) | [`RateLimit`](rate_limit::RateLimit) |
//! | [`load_shed`] | [`Overloaded`](load_shed::Overloaded) | |
//! | [`adaptive`] | [`LimitReached`](adaptive::LimitReached) | [`AdaptiveLimit`](adaptive::AdaptiveLimit) |

pub mod adaptive;
pub mod bulkhead;
pub mod circuit_breaker;
pub mod fallback;
pub mod load_shed;
pub mod rate_limit;
pub mod retry;
pub mod timeout;

mod error;
mod guarded;
mod judged;
mod outcome;
mod preset;
mod stripe;
mod window;

pub use error::{GuardError, InvalidPolicy, Rule};
pub use guarded::Guarded;
pub use judged::Judged;
pub use outcome::{Classify, ErrorsFail, Outcome};
pub use preset::Preset;
