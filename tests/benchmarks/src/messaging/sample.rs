//! Running a program once.

use std::process::Stdio;
use std::time::Duration;

use harness::guard;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::process::Command;

use super::programs::Program;

/// How long one sample may take.
const LIMIT: Duration = Duration::from_secs(300);

/// What a program is told.
#[derive(Debug, Clone)]
pub struct Task<'a> {
    pub name: &'static str,
    pub uri: &'a str,
    pub messages: u64,
    /// How many messages may be unconfirmed or unacknowledged.
    pub window: u64,
    /// How many a second, where the program is to keep to that.
    pub rate: u64,
    /// For the relay.
    pub database: Option<&'a str>,
}

impl<'a> Task<'a> {
    /// A task of `messages` messages.
    pub fn new(name: &'static str, uri: &'a str, messages: u64) -> Self {
        Self { name, uri, messages, window: 100, rate: 0, database: None }
    }
}

/// Runs it to its end, and reads the object that it prints on a line of its own.
pub async fn run<T: DeserializeOwned>(program: &Program, task: &Task<'_>) -> Result<T, String> {
    let told = |error: String| format!("{} at `{}`: {error}", program.name, task.name);
    let output = output(program, task).await.map_err(told)?;
    // A log has lines of JSON too, each with its level.
    let is_told = |line: &&str| line.starts_with('{') && line.ends_with('}') && !line.contains("\"level\":");
    let object = output.lines().rev().find(is_told);
    let object = object.ok_or_else(|| told("printed nothing".to_owned()))?;
    serde_json::from_str(object).map_err(|error| told(format!("printed `{object}`: {error}")))
}

/// Runs it to its end.
pub async fn finish(program: &Program, task: &Task<'_>) -> Result<(), String> {
    output(program, task).await.map(drop).map_err(|error| format!("{} at `{}`: {error}", program.name, task.name))
}

async fn output(program: &Program, task: &Task<'_>) -> Result<String, String> {
    let mut command = Command::new(&program.path);
    command
        .args(&program.arguments)
        // As in the benchmark of HTTP; the broker has use for the other core.
        .env("TOKIO_WORKER_THREADS", "1")
        .env("BENCH_TASK", task.name)
        .env("BENCH_URI", task.uri)
        .env("BENCH_MESSAGES", task.messages.to_string())
        .env("BENCH_WINDOW", task.window.to_string())
        .env("BENCH_RATE", task.rate.to_string())
        .envs(task.database.map(|url| ("BENCH_DATABASE", url)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let child = command.spawn().map_err(|error| error.to_string())?;
    let id = child.id().unwrap_or_default();
    guard::process_group(id);
    let ended = tokio::time::timeout(LIMIT, child.wait_with_output()).await;
    guard::release_group(id);
    let output = ended.map_err(|_| format!("did not end within {LIMIT:?}"))?.map_err(|error| error.to_string())?;
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(out.into_owned()) } else { Err(format!("{}\n{out}{errors}", output.status)) }
}

/// A number of an object that a program printed.
pub fn number(object: &Value, name: &str) -> Result<f64, String> {
    object[name].as_f64().ok_or_else(|| format!("no `{name}` in {object}"))
}
