//! The shop as one process per service, on RabbitMQ and PostgreSQL.

mod databases;
mod supervisor;
mod urls;

use std::io::{self, Read};
use std::process::ExitCode;

use chassis::{App, Error, Result};
use rustix::process::{Signal, getpid, kill_process};

use crate::services::{self, Moved};
use crate::settings;

pub use urls::{DATABASES, Urls};

/// Runs all services, each in a process of its own, until it is told to end.
///
/// # Errors
/// When a database cannot be made, or no process can be started.
pub fn run(urls: &Urls, moved: &[Moved], arguments: &[String]) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        databases::create(urls, &services::names()).await?;
        supervisor::supervise(urls, moved, arguments).await
    })
}

/// Runs one service in this process.
///
/// # Errors
/// When its database cannot be made.
pub fn run_one(name: &str, urls: &Urls, moved: &[Moved], arguments: Vec<String>, attached: bool) -> Result<ExitCode> {
    let placed = services::placed(moved);
    let service = placed.iter().find(|service| service.name == name);
    let service = service.ok_or_else(|| Error::msg(format!("there is no service `{name}`")))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(databases::create(urls, &[service.name]))?;
    drop(runtime);
    if attached {
        std::thread::spawn(end_with_input);
    }
    let database = urls.database_url(service.name)?;
    let own = settings::distributed(&placed, service, &urls.rabbitmq, &database);
    let app = services::add(App::new().name(service.name).defaults(own), name);
    Ok(app.arguments(arguments).run())
}

/// Waits for the end of standard input, which the process that started this one holds open as long as it lives.
fn end_with_input() {
    let mut buffer = [0; 64];
    let mut input = io::stdin().lock();
    while matches!(input.read(&mut buffer), Ok(1..)) {}
    let _ = kill_process(getpid(), Signal::TERM);
}
