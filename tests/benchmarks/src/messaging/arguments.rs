//! The options of `benchmarks messaging`.

use std::path::PathBuf;

use clap::Args;

/// Messages a second over one RabbitMQ, beside lapin, amqplib (Node) and pika (Python).
#[derive(Debug, Args)]
pub struct Arguments {
    /// How often each program is measured.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rounds: u32,
    /// How many messages each sample has.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1_000..=1_000_000))]
    pub messages: u64,
    /// Writes the rows to a file as JSON too.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Measures only these rows, such as `publish-1000,latency-p50`; a name covers its references too.
    #[arg(long, value_name = "ROW", value_delimiter = ',')]
    pub only: Vec<String>,
}

impl Arguments {
    /// Whether a row is to be measured: it was named, or what it is a part of.
    pub fn wants(&self, row: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| row.starts_with(only.as_str()))
    }

    /// Whether a relay is to be measured.
    pub fn wants_relay(&self) -> bool {
        ["relay-postgres", "relay-sqlite"].into_iter().any(|row| self.wants(row))
    }
}
