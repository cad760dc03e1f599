//! The options of `benchmarks http`.

use std::path::PathBuf;

use clap::Args;

/// What one service adds to a request, to memory and to the start, over bare axum.
#[derive(Debug, Args)]
pub struct Arguments {
    /// How often each subject is measured; a goal in µs needs 20.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rounds: u32,
    /// How many seconds of load are measured per subject and round.
    #[arg(long, default_value_t = 3.0, value_parser = seconds)]
    pub seconds: f64,
    /// Writes the rows to a file as JSON too.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Measures only these rows, such as `added-1pct,first-answer`.
    #[arg(long, value_name = "ROW", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Measures the stack that people wire by hand today too (it takes minutes to build).
    #[arg(long)]
    pub hand_wired: bool,
    /// Counts instructions per request too, with valgrind's callgrind.
    #[arg(long)]
    pub instructions: bool,
}

impl Arguments {
    /// Whether a row is to be measured.
    pub fn wants(&self, row: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == row)
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.1..=600.0).contains(&value) { Ok(value) } else { Err("not between 0.1 and 600".to_owned()) }
}
