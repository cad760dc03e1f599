//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::embedded::Embedded;
use crate::services::Moved;
use crate::up::{DATABASES, Urls};
use crate::{check, embedded, services, up};

/// A shop on chassis. Without a command, all of it runs in this process.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Shop {
    #[command(flatten)]
    embedded: EmbeddedArguments,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Args)]
struct EmbeddedArguments {
    #[command(flatten)]
    state: State,
    /// Begins anew: what is in the folder is thrown away
    #[arg(long)]
    fresh: bool,
    #[command(flatten)]
    settings: SettingsArguments,
}

#[derive(Debug, Args)]
struct State {
    /// The folder that keeps the shop's state
    #[arg(long = "state", value_name = "DIR", default_value = "shop-state")]
    folder: PathBuf,
}

/// What is passed on to the library, and what the shop sets there by itself.
#[derive(Debug, Args)]
struct SettingsArguments {
    /// Has a service listen on another port, such as `storefront=8000`; the others call it there
    #[arg(long = "port", value_name = "SERVICE=PORT")]
    moved: Vec<Moved>,
    /// Reads a further configuration file
    #[arg(long, value_name = "FILE")]
    config: Vec<PathBuf>,
    /// Sets one key, such as `telemetry.log=debug`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The profile
    #[arg(long, value_name = "NAME", default_value = "development")]
    profile: String,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs each service in a process of its own, on RabbitMQ and PostgreSQL, and starts again what dies
    Up {
        #[command(flatten)]
        urls: UrlArguments,
        #[command(flatten)]
        settings: SettingsArguments,
    },
    /// Runs one service alone, on RabbitMQ and PostgreSQL
    Run {
        /// Which one
        #[arg(value_parser = services::names())]
        service: String,
        #[command(flatten)]
        urls: UrlArguments,
        #[command(flatten)]
        settings: SettingsArguments,
        /// Ends when standard input does, so that it does not outlive who started it
        #[arg(long, hide = true)]
        attached: bool,
    },
    /// Waits until the shop is quiet, and looks whether stock, orders, payments and the provider's records agree
    Check {
        #[command(flatten)]
        state: State,
        #[command(flatten)]
        urls: UrlArguments,
        /// How long to wait for it to become quiet, in seconds
        #[arg(long, value_name = "SECONDS", default_value_t = 30)]
        wait: u64,
    },
}

#[derive(Debug, Args)]
struct UrlArguments {
    /// Where RabbitMQ is, such as `amqp://user:password@host:5672/shop`
    #[arg(long, value_name = "URL", env = "SHOP_RABBITMQ", hide_env_values = true)]
    rabbitmq: Option<String>,
    /// Where PostgreSQL is, such as `postgres://user:password@host:5432/postgres`; each service gets a database of its own there
    #[arg(long, value_name = "URL", env = "SHOP_POSTGRES", hide_env_values = true)]
    postgres: Option<String>,
    /// What the names of the services' databases begin with, so that several shops can live on one server
    #[arg(long, value_name = "NAME", env = "SHOP_DATABASES", default_value = DATABASES)]
    databases: String,
    /// A TOML file with `rabbitmq = "…"` and `postgres = "…"`, for those who do not want passwords in a list of processes
    #[arg(long, value_name = "FILE", env = "SHOP_URLS")]
    urls: Option<PathBuf>,
}

impl SettingsArguments {
    /// As the library's own command line takes them.
    fn to_arguments(&self) -> Vec<String> {
        let mut arguments = vec!["shop".to_owned(), "--profile".to_owned(), self.profile.clone()];
        for file in &self.config {
            arguments.extend(["--config".to_owned(), file.to_string_lossy().into_owned()]);
        }
        for assignment in &self.set {
            arguments.extend(["--set".to_owned(), assignment.clone()]);
        }
        arguments
    }
}

/// What the program does, as its arguments say.
pub fn main() -> ExitCode {
    let Shop { embedded, command } = Shop::parse();
    let done = match command {
        None => {
            let EmbeddedArguments { state, fresh, settings } = embedded;
            let arguments = settings.to_arguments();
            Ok(embedded::run(Embedded { state: state.folder, fresh, moved: settings.moved, arguments }))
        }
        Some(Command::Up { urls, settings }) => {
            urls.required().and_then(|urls| up::run(&urls, &settings.moved, &settings.to_arguments()))
        }
        Some(Command::Run { service, urls, settings, attached }) => urls
            .required()
            .and_then(|urls| up::run_one(&service, &urls, &settings.moved, settings.to_arguments(), attached)),
        Some(Command::Check { state, urls, wait }) => {
            urls.given().and_then(|urls| check::run(&state.folder, urls.as_ref(), wait))
        }
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

impl UrlArguments {
    fn given(self) -> chassis::Result<Option<Urls>> {
        Urls::resolve(self.rabbitmq, self.postgres, self.urls.as_deref(), self.databases)
    }

    fn required(self) -> chassis::Result<Urls> {
        self.given()?.ok_or_else(|| {
            chassis::Error::msg(
                "where are RabbitMQ and PostgreSQL? Say so by --rabbitmq and --postgres, by the variables SHOP_RABBITMQ and \
                 SHOP_POSTGRES, or in a file named by --urls",
            )
        })
    }
}
