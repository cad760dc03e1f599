//! The example shop. `cargo run --release -p shop` opens it in one process; `shop up` runs a process for each service, on RabbitMQ
//! and PostgreSQL. The services are the same in both.

pub mod check;
pub mod cli;
pub mod embedded;
pub mod services;
pub mod settings;
pub mod up;
