//! What the command line of a service's binary takes.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// The command line of a service's binary.
#[derive(Debug, Parser)]
#[command(disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) configuration: Configuration,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Where settings come from.
#[derive(Debug, Args)]
pub(crate) struct Configuration {
    /// Reads a further configuration file; may be given several times, later ones win
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Vec<PathBuf>,
    /// The profile, such as `development`; also from CHASSIS_PROFILE
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Sets one key, such as `http.listen=127.0.0.1:8081`; wins over everything else
    #[arg(long = "set", global = true, value_name = "KEY=VALUE", value_parser = assignment)]
    pub(crate) set: Vec<(String, String)>,
}

/// What the process is to do.
#[derive(Debug, Default, Clone, Subcommand)]
pub(crate) enum Command {
    /// Runs until it is told to end (this is what happens without a command)
    #[default]
    Run,
    /// Brings the databases up to date and ends
    Migrate,
    /// Looks at the configuration without running anything
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Prints the OpenAPI 3.1 document of the service, as JSON
    Openapi {
        /// Of which service, where there are several
        #[arg(long, value_name = "NAME")]
        service: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Reports every fault in the configuration; fails if there is one
    Check,
    /// Prints every setting with its value and where it comes from
    Explain {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Prints the JSON Schema of the configuration
    Schema,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("write it as KEY=VALUE, such as http.listen=127.0.0.1:8081".to_owned()),
    }
}
