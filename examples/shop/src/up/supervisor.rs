//! Keeps a process per service running.

use std::process::{ExitCode, Stdio};

use chassis::{Result, ResultExt};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, sleep, timeout};

use super::Urls;
use crate::services::{self, Moved, Service};

/// The pause before the first restart; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A process that has lived so long starts over with the first pause.
const HEALTHY: Duration = Duration::from_secs(30);
/// How long a process may take to end when it is told to, before it is killed.
const PATIENCE: Duration = Duration::from_secs(40);

/// Runs all services until this process is told to end, then ends them.
pub(super) async fn supervise(urls: &Urls, moved: &[Moved], arguments: &[String]) -> Result<ExitCode> {
    let (stop, stopped) = watch::channel(false);
    let mut keepers = JoinSet::new();
    let placed = services::placed(moved);
    let arguments: Vec<String> = moved
        .iter()
        .flat_map(|moved| ["--port".to_owned(), moved.to_string()])
        .chain(arguments.iter().skip(1).cloned())
        .collect();
    for service in placed {
        keepers.spawn(keep(service, urls.clone(), arguments.clone(), stopped.clone()));
    }
    let storefront = placed.iter().find(|service| service.name == "storefront").map_or(0, |service| service.port);
    println!("shop: {} processes; the storefront is at http://127.0.0.1:{storefront}", placed.len());
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        Some(ended) = keepers.join_next() => ended??,
    }
    println!("shop: ending all processes");
    let _ = stop.send(true);
    while let Some(ended) = keepers.join_next().await {
        ended??;
    }
    Ok(ExitCode::SUCCESS)
}

/// Starts a service, and starts it again whenever it ends by itself.
async fn keep(service: Service, urls: Urls, arguments: Vec<String>, mut stopped: watch::Receiver<bool>) -> Result<()> {
    let mut pause = FIRST_PAUSE;
    loop {
        let started = Instant::now();
        let mut child = start(service, &urls, &arguments)?;
        // Waiting for a child closes what it reads, and it would take that for our end.
        let _input = child.stdin.take();
        println!("shop: {} runs as process {}", service.name, child.id().unwrap_or_default());
        let status = tokio::select! {
            status = child.wait() => status?,
            () = told(&mut stopped) => return end(child).await,
        };
        if started.elapsed() >= HEALTHY {
            pause = FIRST_PAUSE;
        }
        eprintln!("shop: {} has ended ({status}); it is started again in {pause:?}", service.name);
        tokio::select! {
            () = sleep(pause.mul_f64(0.75 + fastrand::f64() / 2.0)) => {}
            () = told(&mut stopped) => return Ok(()),
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Waits until everything is to end.
async fn told(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// Starts this program again, as one service. It hears of our end by its standard input, and of passwords by variables, which
/// are in no list of processes.
fn start(service: Service, urls: &Urls, arguments: &[String]) -> Result<Child> {
    let program = std::env::current_exe().context("the path of this program is not known")?;
    Command::new(program)
        .args(["run", service.name, "--attached"])
        .args(arguments)
        .env("SHOP_RABBITMQ", &urls.rabbitmq)
        .env("SHOP_POSTGRES", &urls.postgres)
        .env("SHOP_DATABASES", &urls.databases)
        .stdin(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context(format!("{} cannot be started", service.name))
}

async fn end(mut child: Child) -> Result<()> {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended in this very moment.
        let _ = kill_process(pid, Signal::TERM);
    }
    match timeout(PATIENCE, child.wait()).await {
        Ok(status) => status.map(drop)?,
        Err(_) => child.kill().await?,
    }
    Ok(())
}
