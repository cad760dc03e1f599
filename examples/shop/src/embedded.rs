//! The whole shop in one process.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chassis::App;

use crate::services::{self, Moved, Service};
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
    announce(&placed, &embedded.state);
    let app = App::new().name("shop").defaults(settings::embedded(&placed, &embedded.state));
    let app = services::names().iter().fold(app, |app, name| services::add(app, name));
    app.arguments(embedded.arguments).run()
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

fn announce(services: &[Service], state: &Path) {
    println!("\n  Fieldfare, a shop in one process. Its state is in {}.\n", state.display());
    for service in services.iter().rev() {
        println!("  {:<12} http://127.0.0.1:{}", service.name, service.port);
    }
    println!("  {:<12} http://127.0.0.1:9090/readyz\n\n  Ctrl-C ends it.\n", "management");
}
