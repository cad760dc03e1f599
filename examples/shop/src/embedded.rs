//! The whole shop in one process.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chassis::App;
use chassis::app::Addresses;

use crate::services::{self, Moved};
use crate::settings;

/// How it is to be run.
#[derive(Debug, Clone)]
pub struct Embedded {
    /// The folder that keeps its state.
    pub state: PathBuf,
    /// Whether it begins anew.
    pub fresh: bool,
    /// The services that listen on other ports than usual.
    pub moved: Vec<Moved>,
    /// What the library's own command line is given besides.
    pub arguments: Vec<String>,
}

/// Runs the shop until it is told to end.
pub fn run(embedded: Embedded) -> ExitCode {
    if let Err(error) = prepare(&embedded) {
        eprintln!("error: the folder {} cannot be prepared: {error}", embedded.state.display());
        return ExitCode::FAILURE;
    }
    let placed = services::placed(&embedded.moved);
    let app = App::new().name("shop").defaults(settings::embedded(&placed, &embedded.state));
    let app = services::names().iter().fold(app, |app, name| services::add(app, name));
    app.arguments(embedded.arguments).on_ready(move |addresses| announce(addresses, &embedded.state)).run()
}

fn prepare(embedded: &Embedded) -> io::Result<()> {
    fs::create_dir_all(&embedded.state)?;
    if embedded.fresh {
        // Only what the shop has made itself; whatever else lies in the folder stays.
        for name in services::names().into_iter().chain(["broker"]) {
            for suffix in ["db", "db-wal", "db-shm"] {
                remove(&embedded.state.join(format!("{name}.{suffix}")))?;
            }
        }
    }
    Ok(())
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn announce(addresses: &Addresses, state: &Path) {
    println!("\n  Fieldfare, a shop in one process. Its state is in {}.\n", state.display());
    let mut services: Vec<_> = addresses.services().collect();
    services.reverse();
    for (name, address) in services {
        println!("  {name:<12} http://{}", reachable(address));
    }
    println!("  {:<12} http://{}/readyz\n\n  Ctrl-C ends it.\n", "management", reachable(addresses.management()));
}

/// What a browser on this machine can open: no program connects to `0.0.0.0`.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    address
}
