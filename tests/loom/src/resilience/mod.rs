#[path = "../../../../chassis/src/resilience/error.rs"]
mod error;
#[path = "../../../../chassis/src/resilience/outcome.rs"]
mod outcome;
#[path = "../../../../chassis/src/resilience/preset.rs"]
mod preset;
#[path = "../../../../chassis/src/resilience/window.rs"]
mod window;

pub mod buckets;
pub mod circuit_breaker;
pub mod rate_limit;
pub mod retry;

mod stripe;

pub use error::InvalidPolicy;
pub use outcome::Outcome;
pub use preset::Preset;
