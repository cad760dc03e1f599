//! The options of `benchmarks scenarios`.

use std::path::PathBuf;

use clap::Args;

use super::SCENARIOS;

/// What becomes of calls when something goes wrong, with a plot for each scenario.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Runs only these, such as `overload,rolling-restart`.
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = names())]
    pub only: Vec<String>,
    /// The folder of the report; `scenarios` in the target folder unless said otherwise.
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Writes the rows to a file as JSON too.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

fn names() -> clap::builder::PossibleValuesParser {
    SCENARIOS.iter().map(|scenario| scenario.name).into()
}

impl Arguments {
    /// Whether a scenario is to be run.
    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }
}
